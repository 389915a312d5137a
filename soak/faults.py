"""What can go wrong inside the collector: deaths at named points, disks that fail, and bugs that the soak must find.

Each is arranged by replacing a function in the process that is to suffer (`soak/victim.py`), so that the collector
itself knows nothing of it.
"""

import asyncio
import errno
import os
import random
import signal
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import wraps
from pathlib import Path
from typing import Any

from coldlight_collector.inserter import Inserter
from coldlight_collector.insertion import Insertion
from coldlight_collector.journal import Journal
from coldlight_collector.journal.repeats import Repeats
from coldlight_collector.journal.segment import SegmentWriter
from coldlight_storage import EmbeddedStore, ServerStore
from soak.power import Disk


@dataclass(frozen=True)
class Point:
    """A place in the collector: before or after a method of a class, or of several of which one is used."""

    owner: type | tuple[type, ...]
    method: str
    after: bool


DEATHS = {
    "death before a sync": Point(SegmentWriter, "sync", after=False),
    "death after a sync": Point(SegmentWriter, "sync", after=True),
    "death before answers": Point(Journal, "_answer", after=False),
    "death after answers": Point(Journal, "_answer", after=True),
    "death while requests are remembered": Point(Repeats, "save", after=False),
    "death before a segment is sealed": Point(SegmentWriter, "seal", after=False),
    "death after a segment is sealed": Point(SegmentWriter, "seal", after=True),
    "death before an insert": Point((EmbeddedStore, ServerStore), "insert", after=False),
    "death after an insert": Point((EmbeddedStore, ServerStore), "insert", after=True),
    "death before a segment is forgotten": Point(Journal, "forget", after=False),
    "death after a segment is forgotten": Point(Journal, "forget", after=True),
}
DISK_FAILS = "a journal's disk that fails now and then"
FAILING_SYNC = "a ClickHouse folder's disk that fails now and then"
POWER = "a loss of power"
FULL = "a full disk"
ANYWHERE = "death at any moment"
FAULTS = (*DEATHS, DISK_FAILS, POWER, ANYWHERE)
EMBEDDED_FAULTS = (FAILING_SYNC,)


def arrange(fault: str, passes: int, disk: Disk) -> None:
    """Makes the fault strike in this process once its point was passed so often."""
    if fault == DISK_FAILS:
        _fail_disk(random.Random(passes), disk)
    elif fault in DEATHS:
        _die_at(DEATHS[fault], passes)


def _die_at(point: Point, passes: int) -> None:
    for owner in point.owner if isinstance(point.owner, tuple) else (point.owner,):
        setattr(owner, point.method, _deadly(getattr(owner, point.method), point.after, passes))


def _deadly(real: Callable[..., Any], after: bool, passes: int) -> Callable[..., Any]:
    left = passes

    def strike() -> None:
        nonlocal left
        left -= 1
        if left <= 0:
            os.kill(os.getpid(), signal.SIGKILL)

    @wraps(real)
    def deadly(*arguments: Any, **named: Any) -> Any:
        if not after:
            strike()
        result = real(*arguments, **named)
        if after:
            strike()
        return result

    return deadly


def _fail_disk(chance: random.Random, disk: Disk) -> None:
    """One call in ten fails: half of them as on a full disk, half as on a broken one."""
    for name in ("open", "write", "writev", "fsync", "fdatasync", "ftruncate", "rename", "unlink"):
        setattr(os, name, _failing(getattr(os, name), chance, disk))


def _failing(real: Callable[..., Any], chance: random.Random, disk: Disk) -> Callable[..., Any]:
    @wraps(real)
    def failing(where: int | str | Path, *arguments: Any, **named: Any) -> Any:
        if _is_in_journal(where, disk) and chance.random() < 0.1:
            disk.struck()
            raise OSError(chance.choice([errno.ENOSPC, errno.EIO]), "the soak wants it so")
        return real(where, *arguments, **named)

    return failing


def _is_in_journal(where: int | str | Path, disk: Disk) -> bool:
    path = os.readlink(f"/proc/self/fd/{where}") if isinstance(where, int) else where
    return Path(path).is_relative_to(disk.journal)


def _new_token_on_each_attempt() -> None:
    real = Insertion.insert

    def insert(self: Insertion) -> None:
        self.batch = replace(self.batch, token=os.urandom(8).hex())
        self.is_new = True
        real(self)

    Insertion.insert = insert  # type: ignore[method-assign]


def _never_syncs() -> None:
    EmbeddedStore.sync = lambda _: None  # type: ignore[method-assign, assignment]


def _believes_any_sync() -> None:
    async def make_safe(self: Inserter, _: object) -> None:
        await asyncio.to_thread(self.store.sync)

    Inserter._make_safe = make_safe  # type: ignore[method-assign, assignment]


def _forgets_before_it_inserts() -> None:
    real = Insertion.insert

    def insert(self: Insertion) -> None:
        path, elsewhere = self.batch.path, self.batch.path.with_suffix(".elsewhere")
        path.rename(elsewhere)
        self.batch = replace(self.batch, path=elsewhere)
        try:
            real(self)
        finally:
            elsewhere.rename(path)
            self.batch = replace(self.batch, path=path)

    Insertion.insert = insert  # type: ignore[method-assign]


BUGS: dict[str, Callable[[], None]] = {
    "a new token on each attempt": _new_token_on_each_attempt,
    "segments are forgotten before they are inserted": _forgets_before_it_inserts,
    "segments are forgotten before ClickHouse's folder is synced": _never_syncs,
    "a sync that follows a failed one is believed": _believes_any_sync,
}
