"""Journals for tests: at work, crashed, held up at the disk."""

import asyncio
import os
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from coldlight_collector.intake import Accepted, Payload
from coldlight_collector.journal import Journal, JournalLimits
from coldlight_collector.journal.frames import TornFrame, scan, trim
from coldlight_storage import Signal

AT_ONCE = JournalLimits(linger_s=0)
NEVER_BY_ITSELF = JournalLimits(linger_s=3600)


def request(text: str = "request", items: int = 1) -> Payload:
    """The journal does not look inside, so any bytes will do."""
    return Payload(text.encode(), items, Accepted(message=text))


@asynccontextmanager
async def running(folder: Path, limits: JournalLimits = NEVER_BY_ITSELF) -> AsyncIterator[Journal]:
    """A journal at work; in the end it is closed and drained."""
    journal = Journal(folder, limits)
    async with asyncio.TaskGroup() as group:
        group.create_task(journal.run())
        try:
            yield journal
        finally:
            journal.close()


async def crash(folder: Path, *payloads: Payload, limits: JournalLimits = NEVER_BY_ITSELF) -> None:
    """A journal that ends without any ceremony once these requests are acknowledged; so do its threads."""

    async def until_then() -> None:
        journal = Journal(folder, limits)
        task = asyncio.create_task(journal.run())
        for payload in payloads:
            await journal.append(Signal.TRACES, payload)
        task.cancel()
        await asyncio.wait([task])

    await asyncio.to_thread(asyncio.run, until_then())


def bodies(path: Path) -> list[str]:
    """The requests in a segment that are whole."""
    found = []
    with path.open("rb") as file:
        try:
            for _, message in scan(file):
                found.append(trim(message).decode())
        except TornFrame:
            pass
    return found


def segments(folder: Path, ending: str = "*") -> list[Path]:
    return sorted(folder.glob(f"*/*.{ending}"))


class Gate:
    """Stands before the real fdatasync: counts the calls, and keeps them waiting while it is closed."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.calls = 0
        self.reached = threading.Event()
        self.opened = threading.Event()
        self._sync = os.fdatasync
        monkeypatch.setattr(os, "fdatasync", self)

    def __call__(self, descriptor: int) -> None:
        self.calls += 1
        self.reached.set()
        assert self.opened.wait(30)
        self._sync(descriptor)

    async def arrival(self) -> None:
        assert await asyncio.to_thread(self.reached.wait, 30)
