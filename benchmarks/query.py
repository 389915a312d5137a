"""How fast one trace comes back, among millions of spans."""

import json
import time
import urllib.request
from dataclasses import dataclass
from random import Random
from statistics import quantiles

from benchmarks.ingest import SETTLE_TIMEOUT_S
from benchmarks.processes import settle
from benchmarks.sending import load
from benchmarks.system import Candidate, System
from benchmarks.workload import workload

CHUNK_SPANS = 1_000_000
"""Spans that a sender prepares in memory at once."""
WARM_UP_QUERIES = 5


@dataclass(frozen=True)
class Latency:
    """Latencies of one request, sent again and again by one client, each time with another argument."""

    candidate: str
    request: str
    spans: int
    queries: int
    p50_ms: float
    p95_ms: float
    max_ms: float


def measure(candidate: Candidate, spans: int, queries: int, seed: int) -> list[Latency]:
    """Load `spans` spans into an empty store, then ask `queries` times for each request."""
    with candidate.start() as system:
        return latencies(candidate.name, system, fill(system, spans, seed), spans, queries)


def fill(system: System, spans: int, seed: int) -> list[str]:
    """Send that many spans; returns a sample of the trace ids, evenly spread."""
    trace_ids: list[str] = []
    for chunk, start in enumerate(range(0, spans, CHUNK_SPANS)):
        batches = workload(512, min(CHUNK_SPANS, spans - start))
        trace_ids += load(system, batches, seed * 1000 + chunk).trace_ids
    return trace_ids


def latencies(
    candidate: str, system: System, trace_ids: list[str], spans: int, queries: int
) -> list[Latency]:
    """Let merges settle, then ask for single traces, and for the newest."""
    settle(system.known_pids(), SETTLE_TIMEOUT_S)
    chosen = Random(spans).choices(trace_ids, k=queries + WARM_UP_QUERIES)
    traces = [f"/api/v1/traces/{trace_id}" for trace_id in chosen]
    newest = ["/api/v1/traces?limit=20"] * len(chosen)
    return [
        latency(candidate, name, system, spans, paths)
        for name, paths in (("GET /traces/{trace_id}", traces), ("GET /traces, newest 20", newest))
    ]


def latency(candidate: str, request: str, system: System, spans: int, paths: list[str]) -> Latency:
    """Of all `paths` but the first few. Raises `LookupError` for an answer that holds nothing."""
    milliseconds = [ask(system.query_url + path) for path in paths][WARM_UP_QUERIES:]
    cuts = quantiles(milliseconds, n=20, method="inclusive")
    return Latency(candidate, request, spans, len(milliseconds), cuts[9], cuts[18], max(milliseconds))


def ask(url: str) -> float:
    """Milliseconds to the whole answer."""
    started_s = time.monotonic()
    with urllib.request.urlopen(url, timeout=60) as answer:
        body = answer.read()
    elapsed_ms = (time.monotonic() - started_s) * 1000
    found = json.loads(body)
    if not (found.get("spans") or found.get("traces")):
        raise LookupError(f"{url} answers with nothing: {body[:200]!r}")
    return elapsed_ms
