"""Senders of sound requests: as many as wanted, each with an id of its own, at a rate that does not wait for answers."""

import argparse
import asyncio
import json
import sys
import time
import uuid
from collections import Counter
from dataclasses import dataclass, field

import uvloop

from coldlight_storage.testing import span, trace_id, traces_request
from overload.http import Client

_TRACE = trace_id(1)
_RETRYABLE = {0, 429, 503}


@dataclass
class Tally:
    """Answers by status (0: none), how long they took, and the spans that were acknowledged."""

    answers: Counter[int] = field(default_factory=Counter)
    latencies_s: list[float] = field(default_factory=list)
    spans: int = 0
    unsent: int = 0
    given_up: int = 0


def body_of(spans: int) -> bytes:
    """A request of spans with 20 attributes, as a function's sender makes them."""
    attributes = {f"attribute.{number}": f"value {number} of some length" for number in range(20)}
    made = [span(number + 1, attributes=attributes) for number in range(spans)]
    return traces_request(*made, resource_attributes={"cloud.region": "eu-west-1"}).SerializeToString()


async def send(
    port: int, spans: int, per_s: float, seconds: float, connections: int, attempts: int = 1
) -> Tally:
    """Sends requests of `spans` at a rate; one that no connection is free for is left out and counted as unsent."""
    tally, body, due = Tally(), body_of(spans), asyncio.Queue[float](connections)
    async with asyncio.TaskGroup() as group:
        workers = [
            group.create_task(_work(port, body, spans, due, tally, attempts)) for _ in range(connections)
        ]
        started, number = time.monotonic(), 0
        while (now := time.monotonic() - started) < seconds:
            while number < now * per_s:
                number += 1
                if due.full():
                    tally.unsent += 1
                else:
                    due.put_nowait(time.monotonic())
            await asyncio.sleep(0.005)
        await due.join()
        for worker in workers:
            worker.cancel()
    return tally


async def _work(
    port: int, body: bytes, spans: int, due: "asyncio.Queue[float]", tally: Tally, attempts: int
) -> None:
    async with Client(port) as client:
        while True:
            asked = await due.get()
            unique = body.replace(_TRACE, uuid.uuid4().bytes)
            for _ in range(attempts):
                status = await client.post("/v1/traces", unique)
                tally.answers[status] += 1
                tally.latencies_s.append(time.monotonic() - asked)
                if status not in _RETRYABLE:
                    break
                await asyncio.sleep(1)
                asked = time.monotonic()
            tally.spans += spans if status == 200 else 0
            tally.given_up += status != 200
            due.task_done()


def main() -> None:
    """A process of its own: prints the tally as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("port", "spans", "connections"):
        parser.add_argument(f"--{name}", type=int, required=True)
    for name in ("per-s", "seconds"):
        parser.add_argument(f"--{name}", type=float, required=True)
    options = parser.parse_args()
    tally = uvloop.run(send(options.port, options.spans, options.per_s, options.seconds, options.connections))
    counts = {"answers": tally.answers, "spans": tally.spans, "unsent": tally.unsent}
    json.dump(counts, sys.stdout)


if __name__ == "__main__":
    main()
