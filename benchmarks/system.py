"""The joint of the benchmarks: a system under measurement, running and empty."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass

from benchmarks.signals import Signal

COLLECTOR = "collector"
CLICKHOUSE = "clickhouse"


@dataclass(frozen=True)
class Footprint:
    """What is stored: rows of the signal's table, different items among them, its bytes on disk, and those of all
    tables with it."""

    rows: int
    items: int
    table_bytes: int
    all_bytes: int


@dataclass(frozen=True)
class System:
    """Collectors and their ClickHouse, ready to take requests."""

    urls: Sequence[str]
    """The OTLP/HTTP endpoint of each collector, without a path."""
    pids: Mapping[str, Sequence[int]]
    """The processes whose CPU counts, by their role: `COLLECTOR`, `CLICKHOUSE`. None where they are unknown."""
    visible: Callable[[Signal], int]
    """Items that a query finds now."""
    footprint: Callable[[Signal], Footprint]
    """Asked last: it may stop the system."""
    query_url: str = ""
    """Coldlight's query service; empty for others."""

    def known_pids(self) -> list[int]:
        return [pid for pids in self.pids.values() for pid in pids]


@dataclass(frozen=True)
class Candidate:
    """A system by name. `start` yields it with an empty store, and throws store and processes away after."""

    name: str
    acknowledges: str
    """What an acknowledgement means: what survives a crash after it."""
    start: Callable[[], AbstractContextManager[System]]
    has_query_service: bool = False
