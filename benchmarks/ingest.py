"""Items a second from the first byte sent to the last one visible, and what that takes."""

import http.client
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from urllib.parse import urlsplit

from benchmarks.cost import now, other_cores, spent_s
from benchmarks.payload import requests
from benchmarks.processes import forget_peak_memory, peak_memory_mb, settle
from benchmarks.sender import Sent
from benchmarks.sending import load, prepared, wait_until_visible
from benchmarks.signals import Signal
from benchmarks.system import Candidate, Footprint, System
from benchmarks.workload import Workload

SETTLE_TIMEOUT_S = 180
FRESHNESS_SAMPLES = 10
FRESHNESS_SEED = 1_000_000


@dataclass(frozen=True)
class Cost:
    """One workload, measured on top of what is stored. CPU seconds are by role, from the first request on: until all
    is visible, and until merges have settled. Memory, by role, is the most that was held until all was visible.
    `missing` items were acknowledged and not counted in time. `other_cores` is what the rest of the machine took
    meanwhile: the kernel's own work, and whatever spoils the measurement."""

    sent: Sent
    visible_per_s: float
    behind_s: float
    missing: int
    cpu_visible_s: dict[str, float]
    cpu_settled_s: dict[str, float]
    settled: bool
    other_cores: float
    peak_memory_mb: dict[str, float]


@dataclass(frozen=True)
class Figures:
    """One turn of one candidate: a workload into an empty store, single requests when it is quiet, and what is on
    disk in the end."""

    candidate: str
    workload: str
    cost: Cost
    freshness_ms: list[float]
    footprint: Footprint


def measure(candidate: Candidate, workload: Workload, seed: int) -> Figures:
    """Start the candidate with an empty store, warm it up, measure once, throw it away."""
    with candidate.start() as system:
        load(system, replace(workload, items=workload.warm_up), 2 * seed)
        return Figures(
            candidate=candidate.name,
            workload=workload.name,
            cost=measure_running(system, workload, 2 * seed + 1),
            freshness_ms=list(freshness_ms(system, workload.signal, seed)),
            footprint=system.footprint(workload.signal),
        )


def measure_running(system: System, workload: Workload, seed: int) -> Cost:
    """Wait until the system is quiet, and measure once."""
    settle(system.known_pids(), SETTLE_TIMEOUT_S)
    for pid in system.known_pids():
        forget_peak_memory(pid)
    with prepared(system.urls, workload, seed) as sender:
        found, start = system.visible(workload.signal), now(system)
        sent = sender.send()
        missing = wait_until_visible(system, workload.signal, found + sent.items)
        visible = now(system)
    memory_mb = {role: sum(map(peak_memory_mb, pids)) for role, pids in system.pids.items() if pids}
    settled = settle(system.known_pids(), SETTLE_TIMEOUT_S)
    return Cost(
        sent=sent,
        visible_per_s=(sent.items - missing) / (visible.at_s - sent.started_s),
        behind_s=visible.at_s - sent.acknowledged_s,
        missing=missing,
        cpu_visible_s=spent_s(start, visible),
        cpu_settled_s=spent_s(start, now(system)),
        settled=settled,
        other_cores=other_cores(start, visible, sent.cpu_s),
        peak_memory_mb=memory_mb,
    )


def freshness_ms(system: System, signal: Signal, seed: int) -> Iterator[float]:
    """From an acknowledgement to its items being visible, for single requests to a quiet system."""
    parts = urlsplit(system.urls[0])
    connection = http.client.HTTPConnection(str(parts.hostname), parts.port, timeout=30)
    for request in requests(signal, FRESHNESS_SAMPLES, 5, FRESHNESS_SEED + seed, time.time_ns()):
        expected = system.visible(signal) + 5
        connection.request("POST", signal.path, request.body, {"Content-Type": "application/x-protobuf"})
        connection.getresponse().read()
        acknowledged_s = time.monotonic()
        if wait_until_visible(system, signal, expected, 0.002):
            raise LookupError("an acknowledged item does not become visible")
        yield (time.monotonic() - acknowledged_s) * 1000
    connection.close()
