"""Sends requests as fast as collectors acknowledge them: `python -m benchmarks.sender`.

A process of its own, so that its CPU is told apart. It prepares every request, prints "ready", waits for a line
on standard input, sends, and prints a `Sent` as JSON. Times are of the monotonic clock, which all processes of
a machine share.
"""

import argparse
import gc
import json
import os
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from statistics import quantiles
from urllib.parse import urlsplit

from benchmarks.connections import Outcome, send_all
from benchmarks.payload import REQUEST_SPACING_NS, requests
from benchmarks.signals import SIGNALS, Signal

TRACE_IDS = 1000


@dataclass(frozen=True)
class Sent:
    """What was acknowledged, when the first request left and the last answer came, and what sending cost.

    `p50_ms` and `p99_ms` are from a request's first byte to its answer. `trace_ids` is an even sample of at most 1000,
    as hex.
    """

    items: int
    bytes: int
    started_s: float
    acknowledged_s: float
    cpu_s: float
    p50_ms: float
    p99_ms: float
    retries: int
    partial: int
    trace_ids: list[str]


@dataclass(frozen=True)
class Prepared:
    """Whole HTTP requests, and the first trace id of each."""

    wire: list[bytes]
    trace_ids: list[str]


def post(signal: Signal, body: bytes) -> bytes:
    """The HTTP request with this body."""
    head = (
        f"POST {signal.path} HTTP/1.1\r\nHost: collector\r\nContent-Type: application/x-protobuf\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


def prepare(signal: Signal, count: int, items: int, seed: int, attributes: int) -> Prepared:
    prepared = Prepared([], [])
    start_ns = time.time_ns() - count * REQUEST_SPACING_NS  # the last request is of now, none of the future
    for request in requests(signal, count, items, seed, start_ns, attributes):
        prepared.wire.append(post(signal, request.body))
        prepared.trace_ids.append(request.trace_id)
    return prepared


def send(prepared: Prepared, urls: Sequence[str], connections: int, items: int) -> Sent:
    addresses = [(str(parts.hostname), parts.port or 80) for parts in map(urlsplit, urls)]
    started_s, cpu_s = time.monotonic(), time.process_time()
    outcome = send_all(addresses, connections, iter(prepared.wire))
    acknowledged_s, cpu_s = time.monotonic(), time.process_time() - cpu_s
    p50_ms, p99_ms = _percentiles_ms(outcome)
    count = len(prepared.wire)
    return Sent(
        items=count * items,
        bytes=sum(map(len, prepared.wire)),
        started_s=started_s,
        acknowledged_s=acknowledged_s,
        cpu_s=cpu_s,
        p50_ms=p50_ms,
        p99_ms=p99_ms,
        retries=outcome.retries,
        partial=outcome.partial,
        trace_ids=prepared.trace_ids[:: max(1, count // TRACE_IDS)][:TRACE_IDS],
    )


def _percentiles_ms(outcome: Outcome) -> tuple[float, float]:
    cuts = quantiles(outcome.latencies_s, n=100, method="inclusive")
    return cuts[49] * 1000, cuts[98] * 1000


def stand_aside() -> None:
    """Leave the collector and ClickHouse alone where there are cores enough: use the last one only."""
    cores = sorted(os.sched_getaffinity(0))
    if len(cores) > 2:
        os.sched_setaffinity(0, cores[-1:])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--url", required=True, action="append", help="OTLP/HTTP endpoint; may be repeated")
    parser.add_argument("--signal", choices=SIGNALS, required=True)
    parser.add_argument("--requests", type=int, required=True)
    parser.add_argument("--items", type=int, required=True, help="spans or records a request")
    parser.add_argument("--attributes", type=int, required=True, help="attributes a span")
    parser.add_argument("--connections", type=int, required=True)
    parser.add_argument("--seed", type=int, required=True)
    options = parser.parse_args()
    stand_aside()
    signal = SIGNALS[options.signal]
    prepared = prepare(signal, options.requests, options.items, options.seed, options.attributes)
    gc.freeze()
    print("ready", flush=True)
    sys.stdin.readline()
    print(json.dumps(asdict(send(prepared, options.url, options.connections, options.items))), flush=True)


if __name__ == "__main__":
    main()
