"""A journal and an inserter at work, on a real store that fails when it is told to."""

import asyncio
import itertools
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.collector.journals import crash

from coldlight_collector.inserter import Inserter, read_identity
from coldlight_collector.intake import Payload
from coldlight_collector.journal import Journal, JournalLimits
from coldlight_collector.journal.frames import scan, trim
from coldlight_storage import Batch, Row, Signal, Store
from coldlight_storage.testing import (
    span,
    stored_form,
    traces_request,
)

AT_ONCE = JournalLimits(batch_items=1)
"""Every group of requests is a batch."""
NEVER_BY_ITSELF = JournalLimits(linger_s=3600)


def a_span(number: int) -> Payload:
    return Payload(stored_form(traces_request(span(number, name=f"span {number}"))), 1)


def nothing_to_prepare() -> None:
    """The tables are there already."""


@dataclass
class Collecting:
    """A journal and an inserter at work."""

    journal: Journal
    inserter: Inserter

    async def add(self, *payloads: Payload, signal: Signal = Signal.TRACES) -> None:
        for payload in payloads:
            await self.journal.append(signal, payload)


@asynccontextmanager
async def collecting(
    folder: Path,
    store: Store,
    limits: JournalLimits = AT_ONCE,
    prepare: Callable[[], object] = nothing_to_prepare,
    clock_ns: Callable[[], int] = lambda: 1_800_000_000 * 10**9,
) -> AsyncIterator[Collecting]:
    """In the end everything acknowledged is inserted, and all stops."""
    journal = Journal(folder, limits, clock_ns)
    inserter = Inserter(journal, store, read_identity(folder), prepare)
    async with asyncio.TaskGroup() as group:
        committing = group.create_task(journal.run())
        inserting = group.create_task(inserter.run())
        yield Collecting(journal, inserter)
        journal.close()
        await committing
        await inserter.drained()
        inserting.cancel()


async def journal_alone(folder: Path, *groups: list[Payload]) -> None:
    """A collector that acknowledges, and ends before it inserts: every group is sealed but the last."""
    await crash(
        folder, *itertools.chain.from_iterable(groups), limits=JournalLimits(linger_s=3600, batch_items=2)
    )


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not holds():
            await asyncio.sleep(0.005)


def bodies(segment: Path) -> list[bytes]:
    with segment.open("rb") as file:
        return [trim(message) for _, message in scan(file)]


def names(store: Store) -> list[str]:
    return [row["SpanName"] for row in store.select("SELECT SpanName FROM otel_traces ORDER BY SpanName")]


@dataclass
class Fickle:
    """A store that fails its first calls, each in its own way, and is a real one from then on."""

    store: Store
    insert_failures: list[Exception] = field(default_factory=list)
    select_failures: list[Exception] = field(default_factory=list)
    sync_failures: list[Exception] = field(default_factory=list)
    inserted: list[Batch] = field(default_factory=list)

    def insert(self, batch: Batch) -> None:
        if self.insert_failures:
            raise self.insert_failures.pop(0)
        self.store.insert(batch)
        self.inserted.append(batch)

    def check(self, batch: Batch) -> None:
        self.store.check(batch)

    def sync(self) -> None:
        if self.sync_failures:
            raise self.sync_failures.pop(0)
        self.store.sync()

    def select(self, sql: str, parameters: Mapping[str, Any] | None = None) -> list[Row]:
        if self.select_failures:
            raise self.select_failures.pop(0)
        return self.store.select(sql, parameters)

    def command(self, sql: str) -> None:
        self.store.command(sql)

    def close(self) -> None:
        """The real one belongs to somebody else."""
