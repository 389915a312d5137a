"""The search for traces: newest first, whatever the conditions, without reading more than it must (ADR 8).

It looks at the newest slice of time first and then at ever longer ones before it until a page is full, so that what is
found at once is answered at once. A trace belongs to the slice in which it starts; that makes pages deterministic.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from coldlight_query import cursors
from coldlight_query.filters import And, Compiled, compile_filter
from coldlight_query.rows import summary_from_row
from coldlight_query.statements import statement
from coldlight_query.times import LATEST_NS
from coldlight_storage import Reader, Row

_ROUTE = "traces"
_MINUTE_NS = 60 * 10**9
_REACHES_NS = (_MINUTE_NS, 60 * _MINUTE_NS, 3 * 24 * 60 * _MINUTE_NS)
_ANY_SPAN = compile_filter(And(())).row


@dataclass(frozen=True)
class Search:
    """What is looked for: spans that match `condition` and start in [start_ns, end_ns], `limit` traces a page."""

    condition: Compiled
    start_ns: int = 0
    end_ns: int = LATEST_NS
    limit: int = 20
    cursor: str | None = None


@dataclass(frozen=True)
class _Slice:
    """Traces that start in [start_ns, before_ns), or at before_ns with an id below `before_trace_id`.

    The `last` one has all that start earlier, too.
    """

    start_ns: int
    before_ns: int
    before_trace_id: str
    last: bool


def search_traces(store: Reader, search: Search, clock_ns: Callable[[], int]) -> dict[str, Any]:
    """`models.Traces`: the page of traces that comes after `search.cursor`."""
    starts: dict[str, int] = {}
    for part in _slices(search, clock_ns()):
        for row in _read_slice(store, search, part, search.limit + 1 - len(starts)):
            starts.setdefault(row["trace_id"], row["start_ns"])
        if len(starts) > search.limit:
            break
    page = list(starts)[: search.limit]
    more = len(starts) > search.limit
    return {
        "traces": _summaries(store, page),
        "next_cursor": cursors.encode(_ROUTE, starts[page[-1]], page[-1]) if more else None,
    }


def matching_among(store: Reader, search: Search, trace_ids: Sequence[str]) -> list[str]:
    """Those of some traces that match, the newest first."""
    span, trace = search.condition.row, search.condition.trace
    among = f"({span.sql}) AND TraceId IN {{among:Array(String)}}"
    rows = store.select(
        statement("traces/search")
        .replace("$matching", statement("traces/matching_spans").replace("$condition", among))
        .replace("$trace_condition", trace.sql if trace else "true"),
        {
            **vars(_Slice(search.start_ns, LATEST_NS, "~", last=True)),
            "end_ns": search.end_ns,
            "limit": len(trace_ids),
            "among": trace_ids,
            **span.parameters,
            **(trace.parameters if trace else {}),
        },
    )
    return [row["trace_id"] for row in rows]


def _slices(search: Search, now_ns: int) -> Iterator[_Slice]:
    """Ever longer ones, from the cursor or the end of time back to the start of the search."""
    before_ns, before_trace_id = LATEST_NS, "~"
    if search.cursor is not None:
        before_ns, before_trace_id = cursors.decode(search.cursor, _ROUTE, int, str)
    newest_ns = min(before_ns, search.end_ns, now_ns)
    for start_ns in (newest_ns - reach_ns for reach_ns in _REACHES_NS):
        if start_ns > search.start_ns:
            yield _Slice(start_ns, before_ns, before_trace_id, last=False)
            before_ns, before_trace_id = start_ns, ""
    yield _Slice(search.start_ns, before_ns, before_trace_id, last=True)


def _read_slice(store: Reader, search: Search, part: _Slice, limit: int) -> list[Row]:
    """Ids and starts of the newest `limit` traces of a slice that match."""
    bounds = {**vars(part), "end_ns": search.end_ns, "limit": limit}
    span, trace = search.condition.row, search.condition.trace
    if span == _ANY_SPAN and (search.start_ns == 0 or not part.last):
        matching = statement("traces/matching_traces")
    else:
        matching = statement("traces/matching_spans").replace("$condition", span.sql)
        bounds["end_ns"] = min(search.end_ns, _last_end_ns(store, part))
    return store.select(
        statement("traces/search")
        .replace("$matching", matching)
        .replace("$trace_condition", trace.sql if trace else "true"),
        {**bounds, **span.parameters, **(trace.parameters if trace else {})},
    )


def _last_end_ns(store: Reader, part: _Slice) -> int:
    """The time after which no trace of the slice has spans."""
    if part.before_ns == LATEST_NS:
        return LATEST_NS
    [row] = store.select(statement("traces/last_end"), vars(part))
    last_end_ns: int = row["last_end_ns"]
    return last_end_ns


def _summaries(store: Reader, trace_ids: list[str]) -> list[dict[str, Any]]:
    """`models.TraceSummary`s in the order of `trace_ids`; a trace that has just been dropped has none."""
    rows = store.select(statement("traces/summaries"), {"trace_ids": trace_ids}) if trace_ids else []
    by_id = {row["trace_id"]: summary_from_row(row) for row in rows}
    return [by_id[trace_id] for trace_id in trace_ids if trace_id in by_id]
