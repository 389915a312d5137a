"""The search for traces: newest first, whatever the conditions, without reading more than it must.

It looks at the newest spans first and widens its window until a page is full, so that what is found at once is answered
at once. A trace belongs to the window in which it starts; that makes pages deterministic.
"""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from coldlight_query import cursors
from coldlight_query.filters import Compiled
from coldlight_query.rows import summary_from_row
from coldlight_query.statements import statement
from coldlight_query.times import LATEST_NS
from coldlight_storage import Row, Store

_MINUTE_NS = 60 * 10**9
_WINDOWS_NS = tuple(minutes * _MINUTE_NS for minutes in (1, 15, 6 * 60, 3 * 24 * 60))


@dataclass(frozen=True)
class Search:
    """What is looked for: spans that match `condition` and start in [start_ns, end_ns], `limit` traces a page."""

    condition: Compiled
    start_ns: int = 0
    end_ns: int = LATEST_NS
    limit: int = 20
    cursor: str | None = None


def search_traces(store: Store, search: Search, clock_ns: Callable[[], int] = time.time_ns) -> dict[str, Any]:
    """`models.Traces`: the page of traces that `search.cursor` stands before."""
    place: list[Any] = cursors.decode(search.cursor, int, str) if search.cursor else [LATEST_NS, "~"]
    rows: list[Row] = []
    newest_ns = min(place[0], search.end_ns, clock_ns())
    for window_ns in _windows(newest_ns, search.start_ns):
        rows = _read_window(store, search, window_ns, place)
        if len(rows) > search.limit:
            break
    page = rows[: search.limit]
    more = len(rows) > search.limit
    return {
        "traces": [summary_from_row(row) for row in page],
        "next_cursor": cursors.encode(page[-1]["start_ns"], page[-1]["trace_id"]) if more else None,
    }


def _windows(newest_ns: int, start_ns: int) -> Iterator[int]:
    """Where each window begins: ever further back, the last at `start_ns`."""
    for width_ns in _WINDOWS_NS:
        if newest_ns - width_ns > start_ns:
            yield newest_ns - width_ns
    yield start_ns


def _read_window(store: Store, search: Search, window_ns: int, place: list[Any]) -> list[Row]:
    span, trace = search.condition.span, search.condition.trace
    sql = statement("search_traces").replace("$condition", span.sql)
    return store.select(
        sql.replace("$trace_condition", trace.sql if trace else "true"),
        {
            "window_ns": window_ns,
            "end_ns": search.end_ns,
            "before_ns": place[0],
            "before_trace_id": place[1],
            "last": int(window_ns == search.start_ns),
            "limit": search.limit + 1,
            **span.parameters,
            **(trace.parameters if trace else {}),
        },
    )
