"""New log records and spans as they become visible, whatever times they bear.

Every row bears the segment of the journal that it came in, a number that grows with each collector (its own number is the
high 20 bits, ADR 4). So what was not seen yet is what lies beyond the last segment of each collector. Rows of other
writers have no segment, and are not told.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from coldlight_query import cursors
from coldlight_query.filters import LOGS, SPANS, Condition, Dialect
from coldlight_query.rows import RENDER, log_from_row
from coldlight_query.statements import statement
from coldlight_storage import Reader, Row

_SEGMENT_BITS = 44
MOST_AT_ONCE = 500
"""Rows that one look tells; of more, only the latest, and how many there were."""


@dataclass(frozen=True)
class Source:
    """What can be followed: a table, what is read of it, how a row is told, and the language of its filters."""

    name: str
    table: str
    columns: str
    dialect: Dialect
    tell: Callable[[Row], dict[str, Any]]


@dataclass(frozen=True)
class Place:
    """The last segment seen of each collector, in order."""

    segments: tuple[int, ...]

    def encoded(self, source: Source) -> str:
        return cursors.encode(_route(source), *self.segments)


@dataclass(frozen=True)
class Look:
    """What one look found: rows in order of time, how many more there were, and where the next one begins."""

    rows: list[dict[str, Any]]
    skipped: int
    place: Place


def place_now(store: Reader, source: Source) -> Place:
    """Beyond everything that is visible now."""
    rows = store.select(statement("tail/start").replace("$table", source.table))
    return Place(tuple(sorted(row["segment"] for row in rows)))


def place_of(source: Source, last_event_id: str) -> Place:
    """Where an event with this id left off. Raises `ProblemError` for what is none of this source."""
    return Place(tuple(cursors.decode_segments(last_event_id, _route(source), "Last-Event-ID")))


def look(store: Reader, source: Source, condition: Condition, place: Place) -> Look:
    """The rows that became visible since `place` and meet `condition`."""
    newer = _newer(place, "seen")
    newest = statement("tail/newest").replace("$table", source.table).replace("$newer", newer.sql)
    reached = _moved(place, [row["segment"] for row in store.select(newest, newer.parameters)])
    if reached == place:
        return Look([], 0, place)
    rows = _read(store, source, condition, newer, _newer(reached, "reached"))
    skipped = rows[0]["matching"] - len(rows) if rows else 0
    return Look([source.tell(row) for row in reversed(rows)], skipped, reached)


def _read(
    store: Reader, source: Source, condition: Condition, newer: Condition, newer_still: Condition
) -> list[Row]:
    sql = (
        statement("tail/rows")
        .replace("$columns", statement(source.columns))
        .replace("$table", source.table)
        .replace("$newer_still", newer_still.sql)
        .replace("$newer", newer.sql)
        .replace("$condition", condition.sql)
    )
    bound = {**newer.parameters, **newer_still.parameters, **condition.parameters}
    return store.select(sql, {**bound, "limit": MOST_AT_ONCE})


def _moved(place: Place, segments: list[int]) -> Place:
    """The higher segment of each collector counts, and sorted they are in the order of collectors."""
    reached = {segment >> _SEGMENT_BITS: segment for segment in sorted((*place.segments, *segments))}
    return Place(tuple(reached.values()))


def _newer(place: Place, prefix: str) -> Condition:
    """Rows beyond the last segment of their collector, and all of collectors not met yet.

    That is what lies between a segment seen and the first one that the next collector can have: ranges, as the index
    on segments reads them.
    """
    after = (0, *place.segments)
    before = (*(segment >> _SEGMENT_BITS << _SEGMENT_BITS for segment in place.segments), 2**64 - 1)
    ranges = [
        f"IngestSegment > {{{prefix}_after{at}:UInt64}} AND IngestSegment < {{{prefix}_before{at}:UInt64}}"
        for at in range(len(after))
    ]
    bound = {f"{prefix}_after{at}": segment for at, segment in enumerate(after)}
    bound |= {f"{prefix}_before{at}": segment for at, segment in enumerate(before)}
    return Condition(" OR ".join(ranges), bound)


def _route(source: Source) -> str:
    return f"tail {source.name}"


def _span(row: Row) -> dict[str, Any]:
    """`models.TailedSpan`."""
    return {
        "trace_id": row["trace_id"],
        "span_id": row["span_id"],
        "parent_span_id": row["parent_span_id"] or None,
        "name": row["name"],
        "kind": row["kind"].lower(),
        "service": row["service"],
        "start_time_unix_nano": row["time_ns"],
        "duration_ns": row["duration_ns"],
        "status": {"code": row["status_code"].lower(), "message": row["status_message"]},
    }


def _log(row: Row) -> dict[str, Any]:
    return log_from_row(row, RENDER["plain"])


SOURCES = {
    "logs": Source("logs", "otel_logs", "logs/columns", LOGS, _log),
    "traces": Source("traces", "otel_traces", "tail/span_columns", SPANS, _span),
}
