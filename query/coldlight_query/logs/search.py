"""The search for log records: newest first, in ever longer slices of time until a page is full (as for traces, ADR 8)."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from coldlight_query import cursors
from coldlight_query.filters import Condition
from coldlight_query.rows import Render, log_from_row
from coldlight_query.statements import statement
from coldlight_query.times import LATEST_NS
from coldlight_storage import Reader, Row

_ROUTE = "logs"
_SECOND_NS = 10**9
_REACHES_NS = tuple(seconds * _SECOND_NS for seconds in (60, 600, 3_600, 6 * 3_600, 86_400, 7 * 86_400))
_LAST_TIE = "~"


@dataclass(frozen=True)
class LogSearch:
    """What is looked for: records that meet all `conditions`, in [start_ns, end_ns], about `limit` a page."""

    conditions: tuple[Condition, ...]
    start_ns: int = 0
    end_ns: int = LATEST_NS
    limit: int = 100
    cursor: str | None = None


def search_logs(
    store: Reader, search: LogSearch, render: Render, clock_ns: Callable[[], int]
) -> dict[str, Any]:
    """`models.FoundLogs`: the page of records that comes after `search.cursor`. Raises `ProblemError` for a foreign one."""
    rows: list[Row] = []
    for slice_ns in _slices(search, clock_ns()):
        rows += _read_slice(store, search, slice_ns, search.limit - len(rows))
        if len(rows) >= search.limit:
            break
    last = rows[-1] if len(rows) >= search.limit else None
    return {
        "logs": [log_from_row(row, render) for row in rows],
        "next_cursor": last and cursors.encode(_ROUTE, last["time_ns"], last["tie"]),
    }


@dataclass(frozen=True)
class _Slice:
    """Records in [start_ns, end_ns] that come before a place."""

    start_ns: int
    end_ns: int
    before_ns: int
    before_tie: str


def _slices(search: LogSearch, now_ns: int) -> Iterator[_Slice]:
    """From the cursor or the end of the search back to its start. What claims to be of the future is in the first one."""
    before_ns, before_tie = LATEST_NS, _LAST_TIE
    if search.cursor is not None:
        before_ns, before_tie = cursors.decode(search.cursor, _ROUTE, int, str)
    end_ns = min(before_ns, search.end_ns)
    newest_ns = min(end_ns, now_ns)
    for start_ns in (newest_ns - reach_ns for reach_ns in _REACHES_NS):
        if start_ns > search.start_ns:
            yield _Slice(start_ns, end_ns, before_ns, before_tie)
            end_ns = start_ns - 1
    yield _Slice(search.start_ns, end_ns, before_ns, before_tie)


def _read_slice(store: Reader, search: LogSearch, part: _Slice, limit: int) -> list[Row]:
    condition = " AND ".join(condition.sql for condition in search.conditions) or "1"
    bound: dict[str, Any] = {}
    for each in search.conditions:
        bound.update(each.parameters)
    return store.select(
        statement("logs/search").replace("$condition", condition), {**vars(part), "limit": limit, **bound}
    )
