"""What hostile clients send, all of it at once: `python -m overload.attack --port N --seconds S`.

500 slow sockets (idle, heads and bodies a byte a second), compression bombs, and bodies that grow when they are read.
"""

import argparse
import asyncio
import gzip
import json
import sys
from collections import Counter
from collections.abc import Callable, Coroutine
from contextlib import suppress
from functools import partial
from typing import Any

import uvloop
import zstandard
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from coldlight_storage.testing import span, traces_request
from overload.http import Client

_SLOW_SOURCE, _BOMB_SOURCE = "127.0.0.2", "127.0.0.3"
"""Other addresses than that of honest senders: one address cannot have all connections."""
_SLOW_SOCKETS = 500
_SLOW_S, _PAUSE_S = 1.0, 0.2
_BOMB_BYTES = 1 << 30

_SLOW = (
    b"",
    b"POST /v1/traces HTTP/1.1\r\nHost: x\r\nX-Slow: ",
    b"POST /v1/traces HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-protobuf\r\nContent-Length: 100000\r\n\r\n",
)

Attack = Callable[[Client], Coroutine[Any, Any, int]]


def attacks() -> dict[str, Attack]:
    """By name; each sends one request and gives the status of its answer."""
    zeros = bytes(_BOMB_BYTES)
    empty_spans = b"\x12\x00" * (2 << 20)
    scope = b"\x12" + _varint(len(empty_spans)) + empty_spans
    crowd = b"\x0a" + _varint(len(scope)) + scope
    heavy = traces_request(*(span(n + 1) for n in range(20_000)), resource_attributes={"big": "x" * 30_000})
    dense = traces_request(*(span(n + 1, events=[Span.Event()] * 10_000) for n in range(200)))
    json_bomb = gzip.compress(b'{"resourceSpans":[' + b"[]," * 20_000_000 + b"[]]}")

    def post(body: bytes, kind: str = "application/x-protobuf", encoding: str = "") -> Attack:
        return partial(Client.post, path="/v1/traces", body=body, kind=kind, encoding=encoding)

    return {
        "gzip bomb": post(gzip.compress(zeros), encoding="gzip"),
        "zstd bomb": post(zstandard.compress(zeros), encoding="zstd"),
        "empty spans": post(crowd),
        "large resource": post(heavy.SerializeToString()),
        "empty events": post(dense.SerializeToString()),
        "JSON bomb": post(json_bomb, "application/json", "gzip"),
    }


def _varint(number: int) -> bytes:
    return bytes([number & 127 | 128]) + _varint(number >> 7) if number > 127 else bytes([number])


async def hold_slowly(port: int, number: int) -> None:
    """A connection that sends a byte a second, or none, and comes again when it is cut off."""
    while True:
        with suppress(OSError, EOFError):
            reader, writer = await asyncio.open_connection("127.0.0.1", port, local_addr=(_SLOW_SOURCE, 0))
            start = _SLOW[number % len(_SLOW)]
            writer.write(start)
            while not reader.at_eof() and not writer.is_closing():
                await asyncio.sleep(_SLOW_S)
                writer.write(b"x" if start else b"")
                await writer.drain()
                if reader._buffer:  # type: ignore[attr-defined]  # an answer: it has been refused
                    break
            writer.close()
        await asyncio.sleep(_PAUSE_S)


async def repeat(port: int, name: str, attack: Attack, answers: dict[str, Counter[int]]) -> None:
    """Sends the same hostile request again and again."""
    async with Client(port, _BOMB_SOURCE) as client:
        while True:
            answers[name][await attack(client)] += 1
            await asyncio.sleep(_PAUSE_S)


async def attack_all(port: int, seconds: float) -> dict[str, Counter[int]]:
    """The answers to each hostile request, by status."""
    all_attacks = attacks()
    answers = {name: Counter[int]() for name in all_attacks}
    print("ready", flush=True)
    tasks = [asyncio.create_task(hold_slowly(port, number)) for number in range(_SLOW_SOCKETS)]
    tasks += [asyncio.create_task(repeat(port, name, one, answers)) for name, one in all_attacks.items()]
    await asyncio.sleep(seconds)
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)
    return answers


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--seconds", type=float, required=True)
    options = parser.parse_args()
    json.dump(uvloop.run(attack_all(options.port, options.seconds)), sys.stdout)


if __name__ == "__main__":
    main()
