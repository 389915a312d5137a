"""Sends trace requests as fast as a collector acknowledges them: `python -m benchmarks.sender`.

A process of its own, so that its CPU is told apart. It prepares every request, prints "ready", waits for a line
on standard input, sends, and prints a `Sent` as JSON. Times are of the monotonic clock, which all processes of
a machine share.
"""

import argparse
import asyncio
import json
import os
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from typing import Any
from urllib.parse import urlsplit

import httptools
import uvloop

from benchmarks.payload import REQUEST_SPACING_NS, requests

RETRYABLE = {429, 502, 503, 504}
TRACE_IDS = 1000
CONNECT_TIMEOUT_S = 10


@dataclass(frozen=True)
class Sent:
    """What was acknowledged, when the first request left and the last answer came, and what sending cost.

    `trace_ids` is an even sample of at most 1000, as hex.
    """

    spans: int
    started_s: float
    acknowledged_s: float
    cpu_s: float
    retries: int
    partial: int
    trace_ids: list[str]


@dataclass
class Run:
    """What the connections share: the requests left, and the counters."""

    requests: Iterator[bytes]
    retries: int = 0
    partial: int = 0
    failure: str = ""


@dataclass
class Connection(asyncio.Protocol):
    """One keep-alive connection: the next request leaves when the answer to the one before is there."""

    run: Run
    done: "asyncio.Future[None]"
    transport: Any = None
    current: bytes = b""
    retry_after_s: float = 0.1
    parser: Any = field(init=False)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport
        self.parser = httptools.HttpResponseParser(self)

    def start(self) -> None:
        self.current = next(self.run.requests, b"")
        if self.current and not self.run.failure:
            self.transport.write(self.current)
        elif not self.done.done():
            self.done.set_result(None)

    def data_received(self, data: bytes) -> None:
        self.parser.feed_data(data)

    def on_header(self, name: bytes, value: bytes) -> None:
        if name.lower() == b"retry-after":
            self.retry_after_s = float(value)

    def on_body(self, body: bytes) -> None:
        self.run.partial += self.parser.get_status_code() == 200

    def on_message_complete(self) -> None:
        status = self.parser.get_status_code()
        self.parser = httptools.HttpResponseParser(self)
        if status == 200:
            self.start()
        elif status in RETRYABLE:
            self.run.retries += 1
            asyncio.get_running_loop().call_later(self.retry_after_s, self.transport.write, self.current)
        else:
            self.fail(f"the collector answered {status}; spans would be missing")

    def connection_lost(self, error: Exception | None) -> None:
        if not self.done.done():
            self.fail(f"the collector closed a connection: {error or 'end of stream'}")

    def fail(self, reason: str) -> None:
        self.run.failure = self.run.failure or reason
        if not self.done.done():
            self.done.set_result(None)


async def send(run: Run, host: str, port: int, connections: int) -> None:
    """Send every request of `run`. Raises `ConnectionError` when one was refused for good."""
    loop = asyncio.get_running_loop()
    opened = []
    for _ in range(connections):
        connect = loop.create_connection(lambda: Connection(run, loop.create_future()), host, port)
        _, connection = await asyncio.wait_for(connect, CONNECT_TIMEOUT_S)
        opened.append(connection)
    for connection in opened:
        connection.start()
    await asyncio.gather(*(connection.done for connection in opened))
    for connection in opened:
        connection.transport.close()
    if run.failure:
        raise ConnectionError(run.failure)


def prepare(url: str, count: int, spans: int, seed: int) -> tuple[list[bytes], list[str]]:
    """The whole HTTP requests, and a sample of their trace ids."""
    parts = urlsplit(url)
    head = (
        f"POST {parts.path} HTTP/1.1\r\nHost: {parts.netloc}\r\nContent-Type: application/x-protobuf\r\n"
        "Content-Length: {}\r\n\r\n"
    )
    wire, trace_ids = [], []
    start_ns = time.time_ns() - count * REQUEST_SPACING_NS  # the last request is of now, none of the future
    for request in requests(count, spans, seed, start_ns):
        wire.append(head.format(len(request.body)).encode() + request.body)
        trace_ids.append(request.trace_id)
    return wire, trace_ids[:: max(1, count // TRACE_IDS)][:TRACE_IDS]


def stand_aside() -> None:
    """Leave the collector and ClickHouse alone where there are cores enough: use the last one only."""
    cores = sorted(os.sched_getaffinity(0))
    if len(cores) > 2:
        os.sched_setaffinity(0, cores[-1:])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--url", required=True, help="OTLP/HTTP traces URL")
    parser.add_argument("--requests", type=int, required=True)
    parser.add_argument("--spans", type=int, required=True, help="spans a request")
    parser.add_argument("--connections", type=int, required=True)
    parser.add_argument("--seed", type=int, required=True)
    options = parser.parse_args()
    stand_aside()
    wire, trace_ids = prepare(options.url, options.requests, options.spans, options.seed)
    print("ready", flush=True)
    sys.stdin.readline()

    parts = urlsplit(options.url)
    run = Run(iter(wire))
    started_s, cpu_s = time.monotonic(), time.process_time()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(send(run, str(parts.hostname), parts.port or 80, options.connections))
    sent = Sent(
        spans=options.requests * options.spans,
        started_s=started_s,
        acknowledged_s=time.monotonic(),
        cpu_s=time.process_time() - cpu_s,
        retries=run.retries,
        partial=run.partial,
        trace_ids=trace_ids,
    )
    print(json.dumps(asdict(sent)), flush=True)


if __name__ == "__main__":
    main()
