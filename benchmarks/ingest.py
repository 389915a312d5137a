"""Spans a second from the first byte sent to the last span visible, and the CPU that it takes."""

import http.client
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from math import nan
from urllib.parse import urlsplit

from benchmarks.payload import requests
from benchmarks.processes import busy_s, cpu_s, peak_memory_mb, settle
from benchmarks.sender import Sent
from benchmarks.system import Candidate, Footprint, System

SETTLE_TIMEOUT_S = 180
STALLED_AFTER_S = 30
FRESHNESS_SAMPLES = 15
FRESHNESS_SEED = 1_000_000


@dataclass(frozen=True)
class Workload:
    """What is sent: `spans` in all, after a warm-up, from `connections` senders that wait for each answer."""

    name: str
    spans_per_request: int
    connections: int
    spans: int
    warm_up: int


SHAPES = {512: 16, 5: 128}
"""Spans a request and connections: an OpenTelemetry SDK's full batches, and Lambda sandboxes after one invocation."""


def workload(spans_per_request: int, spans: int) -> Workload:
    """A shape of `SHAPES`, of so many spans in all. Raises KeyError for another shape."""
    name = f"{spans_per_request} spans a request"
    return Workload(name, spans_per_request, SHAPES[spans_per_request], spans, min(spans // 4, 100_000))


@dataclass(frozen=True)
class Figures:
    """One measurement. CPU seconds are by role, from the first request on: until all is visible, and until
    merges have settled. `missing` spans were acknowledged and not counted in time. `other_cores` is what the rest of the
    machine took meanwhile: the kernel's own work, and whatever spoils the measurement."""

    candidate: str
    workload: str
    spans: int
    acknowledged_per_s: float
    visible_per_s: float
    cpu_visible_s: dict[str, float]
    cpu_settled_s: dict[str, float]
    settled: bool
    sender_cpu_s: float
    other_cores: float
    retries: int
    partial: int
    missing: int
    behind_s: float
    freshness_ms: list[float]
    collector_peak_mb: float
    footprint: Footprint


@dataclass(frozen=True)
class Moment:
    """When it was, and the CPU seconds that had gone by then: by role, and of the whole machine.

    NaN is what cannot be known: the CPU of a server whose pid was not given."""

    at_s: float
    cpu_s: dict[str, float]
    busy_s: float


def now(system: System) -> Moment:
    cpu = {role: cpu_s(pid) if pid else nan for role, pid in system.processes.items()}
    return Moment(time.monotonic(), cpu, busy_s())


def spent_s(before: Moment, after: Moment) -> dict[str, float]:
    return {role: seconds - before.cpu_s[role] for role, seconds in after.cpu_s.items()}


def measure(candidate: Candidate, workload: Workload, seed: int) -> Figures:
    """Start the candidate with an empty store, warm it up, measure once, throw it away."""
    with candidate.start() as system:
        load(system, replace(workload, spans=workload.warm_up), 2 * seed)
        settle(system.known_pids(), SETTLE_TIMEOUT_S)
        with prepared(system.traces_url, workload, 2 * seed + 1) as sender:
            found, start = system.visible(), now(system)
            sent = sender.send()
            missing = wait_until_visible(system, found + sent.spans)
            visible = now(system)
        settled = settle(system.known_pids(), SETTLE_TIMEOUT_S)
        after = now(system)
        ours_s = sum(spent_s(start, visible).values()) + sent.cpu_s
        return Figures(
            candidate=candidate.name,
            workload=workload.name,
            spans=sent.spans,
            acknowledged_per_s=sent.spans / (sent.acknowledged_s - sent.started_s),
            visible_per_s=(sent.spans - missing) / (visible.at_s - sent.started_s),
            cpu_visible_s=spent_s(start, visible),
            cpu_settled_s=spent_s(start, after),
            settled=settled,
            sender_cpu_s=sent.cpu_s,
            other_cores=(visible.busy_s - start.busy_s - ours_s) / (visible.at_s - start.at_s),
            retries=sent.retries,
            partial=sent.partial,
            missing=missing,
            behind_s=visible.at_s - sent.acknowledged_s,
            freshness_ms=list(freshness_ms(system, seed)),
            collector_peak_mb=peak_memory_mb(system.known_pids()[0]),
            footprint=system.footprint(),
        )


@dataclass(frozen=True)
class Sender:
    """A sender process with its requests in memory, waiting for the word."""

    process: "subprocess.Popen[str]"

    def send(self) -> Sent:
        """Raises `ConnectionError` when it could not get everything acknowledged; it has printed why."""
        answer, _ = self.process.communicate("go\n")
        if self.process.returncode:
            raise ConnectionError("the sender gave up; its error is above")
        return Sent(**json.loads(answer))


@contextmanager
def prepared(traces_url: str, workload: Workload, seed: int) -> Iterator[Sender]:
    numbers = {
        "--requests": workload.spans // workload.spans_per_request,
        "--spans": workload.spans_per_request,
        "--connections": workload.connections,
        "--seed": seed,
    }
    options = [text for name, number in numbers.items() for text in (name, str(number))]
    command = [sys.executable, "-m", "benchmarks.sender", "--url", traces_url, *options]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        process.stdout.readline()
        try:
            yield Sender(process)
        finally:
            process.kill()


def load(system: System, workload: Workload, seed: int) -> Sent:
    """Send a workload and wait until it is visible, unmeasured. Raises `LookupError` when spans are missing."""
    found = system.visible()
    with prepared(system.traces_url, workload, seed) as sender:
        sent = sender.send()
    if missing := wait_until_visible(system, found + sent.spans):
        raise LookupError(f"{missing} of {sent.spans} acknowledged spans are not visible")
    return sent


def wait_until_visible(system: System, expected: int, interval_s: float = 0.05) -> int:
    """Returns how many of the expected spans are missing once none came for 30 s: 0 when all are visible."""
    found, changed_s = system.visible(), time.monotonic()
    while found < expected and time.monotonic() - changed_s < STALLED_AFTER_S:
        time.sleep(interval_s)
        newest = system.visible()
        if newest != found:
            found, changed_s = newest, time.monotonic()
    return expected - found


def freshness_ms(system: System, seed: int) -> Iterator[float]:
    """From an acknowledgement to its span being visible, for single requests to a quiet system."""
    parts = urlsplit(system.traces_url)
    connection = http.client.HTTPConnection(str(parts.hostname), parts.port, timeout=30)
    for request in requests(FRESHNESS_SAMPLES, 5, FRESHNESS_SEED + seed, time.time_ns()):
        expected = system.visible() + 5
        connection.request("POST", parts.path, request.body, {"Content-Type": "application/x-protobuf"})
        connection.getresponse().read()
        acknowledged_s = time.monotonic()
        if wait_until_visible(system, expected, 0.002):
            raise LookupError("an acknowledged span does not become visible")
        yield (time.monotonic() - acknowledged_s) * 1000
    connection.close()
