"""The joint of the benchmarks: a system under measurement, running and empty."""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass


@dataclass(frozen=True)
class Footprint:
    """What is stored: rows of the span table, different spans among them, its bytes on disk, and those of all
    tables with it."""

    rows: int
    spans: int
    span_bytes: int
    all_bytes: int


@dataclass(frozen=True)
class System:
    """A collector and its ClickHouse, ready to take spans."""

    traces_url: str
    """Where OTLP/HTTP traces go."""
    processes: Mapping[str, int | None]
    """The pid of each process whose CPU counts, by its role: `collector`, `clickhouse`. None if unknown."""
    visible: Callable[[], int]
    """Spans that a query finds now."""
    footprint: Callable[[], Footprint]
    """Asked last: it may stop the system."""
    query_url: str = ""
    """Coldlight's query service; empty for others."""

    def known_pids(self) -> list[int]:
        """The collector's first."""
        return [pid for pid in self.processes.values() if pid]


@dataclass(frozen=True)
class Candidate:
    """A system by name. `start` yields it with an empty store, and throws store and processes away after."""

    name: str
    acknowledges: str
    """What an acknowledgement means: what survives a crash after it."""
    start: Callable[[], AbstractContextManager[System]]
    has_query_service: bool = False
