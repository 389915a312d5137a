"""How a journal stands, for whoever watches it."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from coldlight_collector.journal.salvage import REJECTED
from coldlight_storage import Signal


@dataclass(frozen=True)
class JournalState:
    """How a journal stands; times are Unix nanoseconds, of the receipt of a request or of a failure.

    `oldest_unseen_ns`: the first request that is acknowledged (or about to be) and not visible in ClickHouse.
    `failed_at_ns`: since the disk failed it, nothing has been written.
    """

    now_ns: int
    oldest_unseen_ns: int | None
    last_received_ns: int
    failed_at_ns: int | None

    @property
    def watermark_ns(self) -> int:
        """Everything acknowledged that was received up to then is visible, but for what is quarantined.

        A clock that is set back takes it back: better than to promise what the next request breaks.
        """
        return (self.now_ns if self.oldest_unseen_ns is None else min(self.oldest_unseen_ns, self.now_ns)) - 1

    @property
    def age_s(self) -> float:
        """Seconds for which the oldest request has waited to be visible; 0 when none waits."""
        return 0.0 if self.oldest_unseen_ns is None else max(0, self.now_ns - self.oldest_unseen_ns) / 10**9


@dataclass(frozen=True)
class Disk:
    """What the journal's disk holds: bytes left for us, and the files that ClickHouse refuses."""

    free_bytes: int
    quarantined_files: int
    quarantined_bytes: int


def look(folder: Path) -> Disk:
    """Looks at the disk of a journal. Raises OSError."""
    rejected = [
        file.stat().st_size
        for signal in Signal
        for file in os.scandir(folder / signal)
        if file.name.endswith(REJECTED)
    ]
    status = os.statvfs(folder)
    return Disk(status.f_bavail * status.f_frsize, len(rejected), sum(rejected))


def together(disks: Sequence[Disk]) -> Disk:
    """Journals that share a disk, the first of which tells how much is free."""
    files = sum(disk.quarantined_files for disk in disks)
    return Disk(disks[0].free_bytes, files, sum(disk.quarantined_bytes for disk in disks))
