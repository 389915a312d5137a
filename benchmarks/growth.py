"""How cost grows with what is stored, and with the number of collectors on one ClickHouse."""

from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.ingest import Cost, measure_running
from benchmarks.query import CHUNK_SPANS, Latency, latencies
from benchmarks.sending import load
from benchmarks.signals import TRACES
from benchmarks.system import Candidate
from benchmarks.workload import workload

SHAPE = 512
FIRST_SEED = 1_000_000
"""Of what is measured, beyond the seeds of what fills the store."""


@dataclass(frozen=True)
class Level:
    """With so many spans stored: reading, and what the next spans cost. `latencies` is empty where nobody answers."""

    candidate: str
    stored: int
    latencies: list[Latency]
    cost: Cost


def grow(candidate: Candidate, levels: Sequence[int], spans: int, queries: int) -> list[Level]:
    """Fill one store up to each level in turn; at each ask for traces, then take in `spans` more."""
    measured, trace_ids = [], list[str]()
    with candidate.start() as system:
        for number, level in enumerate(sorted(levels)):
            while (found := system.visible(TRACES)) < level - SHAPE:
                chunk = workload(SHAPE, min(CHUNK_SPANS, level - found))
                trace_ids += load(system, chunk, seed=len(trace_ids)).trace_ids
            stored = system.visible(TRACES)
            asked = latencies(candidate.name, system, trace_ids, stored, queries) if system.query_url else []
            cost = measure_running(system, workload(SHAPE, spans), FIRST_SEED + number)
            trace_ids += cost.sent.trace_ids
            measured.append(Level(candidate.name, stored, asked, cost))
    return measured
