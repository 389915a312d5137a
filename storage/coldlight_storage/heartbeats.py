"""Heartbeats: what each collector tells of itself, and the watermark of them all (ADR 14)."""

from collections.abc import Iterable
from dataclasses import dataclass

from coldlight_storage.store import Reader, Store

LIVE_S = 60.0
"""So long after its last heartbeat a collector still holds back the watermark."""

_REMEMBERED = "INTERVAL 1 DAY"
"""So long a collector that fell silent is spoken of."""

_LAST = f"""
SELECT
    Collector AS number,
    toUnixTimestamp64Nano(argMax(Watermark, ReportedTime)) AS watermark_ns,
    argMax(JournalBytes, ReportedTime) AS journal_bytes,
    argMax(QuarantinedFiles, ReportedTime) AS quarantined_files,
    argMax(IsStopped, ReportedTime) AS is_stopped,
    toUnixTimestamp64Milli(now64(3)) - toUnixTimestamp64Milli(max(ReportedTime)) AS silent_ms
FROM coldlight_heartbeats
WHERE ReportedTime > now64(3) - {_REMEMBERED}
GROUP BY Collector
ORDER BY Collector
"""


@dataclass(frozen=True)
class Heartbeat:
    """What a collector says. Everything that it acknowledged up to `watermark_ns`, a receive time, is visible.

    `is_stopped`: it takes nothing more, and what is left in its journal waits for its next start.
    """

    number: int
    watermark_ns: int
    journal_bytes: int
    quarantined_files: int
    is_stopped: bool = False


@dataclass(frozen=True)
class CollectorSeen:
    """The last that was heard of a collector, `silent_s` seconds ago."""

    last: Heartbeat
    silent_s: float

    @property
    def is_live(self) -> bool:
        return self.silent_s <= LIVE_S and not self.last.is_stopped

    @property
    def is_silent(self) -> bool:
        """Whether it has stopped to report without a word."""
        return self.silent_s > LIVE_S and not self.last.is_stopped


def report(store: Store, heartbeat: Heartbeat) -> None:
    """Stores a heartbeat. Raises as `Store.command` does."""
    values = (
        f"{heartbeat.number}, fromUnixTimestamp64Nano({heartbeat.watermark_ns}), {heartbeat.journal_bytes}, "
        f"{heartbeat.quarantined_files}, {heartbeat.is_stopped}"
    )
    store.command(
        "INSERT INTO coldlight_heartbeats (Collector, Watermark, JournalBytes, QuarantinedFiles, IsStopped)"
        f" VALUES ({values})"
    )


def collectors_seen(store: Reader) -> tuple[CollectorSeen, ...]:
    """The collectors heard of within a day, by number. Raises as `Store.select` does."""
    return tuple(
        CollectorSeen(
            Heartbeat(
                number=row["number"],
                watermark_ns=row["watermark_ns"],
                journal_bytes=row["journal_bytes"],
                quarantined_files=row["quarantined_files"],
                is_stopped=row["is_stopped"],
            ),
            silent_s=row["silent_ms"] / 1000,
        )
        for row in store.select(_LAST)
    )


def watermark_ns(seen: Iterable[CollectorSeen]) -> int | None:
    """The receive time up to which everything acknowledged is visible: the least of the live collectors' (Unix ns).

    None when no collector is live: then nobody knows.
    """
    return min((collector.last.watermark_ns for collector in seen if collector.is_live), default=None)
