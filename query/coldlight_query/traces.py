"""One trace, and its log records."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from coldlight_query import cursors
from coldlight_query.critical_path import critical_path
from coldlight_query.problems import ProblemError
from coldlight_query.rows import Render, has_repeated_key, log_from_row, span_from_row, summary_from_row
from coldlight_query.statements import statement
from coldlight_query.synthesised import PARTIAL, SYNTHESISED, stand_ins
from coldlight_storage import Reader, Row

_BEFORE_ALL_NS, _LAST_NS = -(2**63), 2**63 - 1
_EXAMPLES = 5


def read_trace(
    store: Reader, trace_id: str, render: Render, limit: int, cursor: str | None
) -> dict[str, Any]:
    """`models.Trace`: up to `limit` spans. Raises `ProblemError`: 404 for a trace without spans, 400 for the cursor."""
    route = f"spans of {trace_id}"
    after = cursors.decode(cursor, route, int, str, str) if cursor is not None else [_BEFORE_ALL_NS, "", ""]
    parameters = dict(zip(("after_ns", "after_span_id", "after_kind"), after, strict=True))
    rows = store.select(statement("traces/spans"), {"trace_id": trace_id, "limit": limit + 1, **parameters})
    page, more = _without_guesses(store, trace_id, rows[:limit]), len(rows) > limit
    whole = cursor is None and not more
    # All of a trace says of itself what the index would, which costs a query.
    known = _summary_of(trace_id, page) if whole and page else _summary(store, trace_id)
    spans = [span_from_row(row, render) for row in page]
    if whole and (synthesised := stand_ins(spans, render)):
        spans = sorted([*synthesised, *spans], key=lambda span: span["start_time_unix_nano"])
    of_trace = (
        _trace_warnings(spans) if whole else [f"this is a page of {len(page)} of {known['span_count']} spans"]
    )
    return {
        **known,
        "spans": spans,
        "critical_path": critical_path(spans) if whole else [],
        "warnings": [*of_trace, *_span_warnings(page)],
        "next_cursor": _span_cursor(route, rows[limit - 1]) if more else None,
    }


def _without_guesses(store: Reader, trace_id: str, rows: list[Row]) -> list[Row]:
    """What is in progress may not know its kind yet, for X-Ray's namespace comes last. Then it is internal, and any row
    of the span that knows better takes its place; other kinds are another side of a call, and stay."""
    guessed = [row["span_id"] for row in rows if _is_guess(row)]
    if not guessed:
        return rows
    known = store.select(statement("traces/known_kinds"), {"trace_id": trace_id, "span_ids": guessed})
    replaced = {row["span_id"] for row in known}
    return [row for row in rows if not (row["span_id"] in replaced and _is_guess(row))]


def _is_guess(row: Row) -> bool:
    return row["kind"] == "Internal" and PARTIAL in row["attribute_keys"]


def _summary(store: Reader, trace_id: str) -> dict[str, Any]:
    """What a `models.TraceSummary` and a `models.Trace` have in common. Raises `ProblemError` (404)."""
    rows = store.select(statement("traces/summaries"), {"trace_ids": [trace_id]})
    if not rows:
        detail = f"no span of trace {trace_id} has been received (yet, or any more)"
        raise ProblemError(404, "Unknown trace", detail)
    summary = summary_from_row(rows[0])
    del summary["root"]
    return summary


def _summary_of(trace_id: str, rows: Sequence[Row]) -> dict[str, Any]:
    """The same as `_summary`, of all rows of a trace."""
    start_ns = min(row["start_ns"] for row in rows)
    end_ns = min(max(row["start_ns"] + row["duration_ns"] for row in rows), _LAST_NS)
    return {
        "trace_id": trace_id,
        "start_time_unix_nano": start_ns,
        "duration_ns": end_ns - start_ns,
        "span_count": len(rows),
        "error_count": sum(row["status_code"] == "Error" for row in rows),
    }


def _span_cursor(route: str, row: Row) -> str:
    return cursors.encode(route, row["start_ns"], row["span_id"], row["kind"])


def _span_warnings(rows: Sequence[Row]) -> Iterator[str]:
    """What a reader of single spans should know before trusting what is shown of them."""
    if repaired := sum("coldlight.repaired" in row["attribute_keys"] for row in rows):
        yield f"{repaired} span(s) were repaired on receipt; see their attribute coldlight.repaired"
    if truncated := sum("coldlight.truncated" in row["attribute_keys"] for row in rows):
        yield f"{truncated} span(s) were cut to a limit on receipt; see their attribute coldlight.truncated"
    if repeating := sum(map(has_repeated_key, rows)):
        yield f"{repeating} span(s) have an attribute key more than once; its last value is shown"


def _trace_warnings(spans: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """What a reader should know before trusting the picture of a whole trace."""
    parents = {span["span_id"]: span["parent_span_id"] for span in spans}
    missing = set(parents.values()) - parents.keys() - {None}
    if missing:
        examples = ", ".join(sorted(missing)[:_EXAMPLES]) + (", ..." if len(missing) > _EXAMPLES else "")
        yield (
            f"{len(missing)} parent span(s) have not been received: unsampled, lost, or still on their way "
            f"({examples})"
        )
    synthesised = sum(SYNTHESISED in span["attributes"] for span in spans)
    if synthesised:
        yield (
            f"{synthesised} span(s) stand for segments that AWS X-Ray's SDK names and did not send, as in Lambda; "
            f"their times are those of what is below them ({SYNTHESISED})"
        )
    roots = sum(parent is None for parent in parents.values()) - synthesised
    if roots > 1:
        yield f"{roots} spans have no parent: this trace has several roots"
    circling = _circling(parents)
    if circling:
        yield f"{circling} span(s) lead to no root: their parents form a circle"


def _circling(parents: Mapping[str, str | None]) -> int:
    """How many spans cannot be reached from one whose parent is not there."""
    children: dict[str | None, list[str]] = {}
    for span_id, parent in parents.items():
        children.setdefault(parent, []).append(span_id)
    reached = [span_id for span_id, parent in parents.items() if parent not in parents]
    for span_id in reached:  # which grows on the way
        reached.extend(children.get(span_id, ()))
    return len(parents) - len(reached)


def read_trace_logs(
    store: Reader, trace_id: str, render: Render, limit: int, cursor: str | None
) -> dict[str, Any]:
    """`models.Logs`: about `limit` log records; records that are alike stay on one page.

    Raises `ProblemError` for a cursor of anything else.
    """
    route = f"logs of {trace_id}"
    after = cursors.decode(cursor, route, int, str) if cursor is not None else [_BEFORE_ALL_NS, ""]
    parameters = dict(zip(("after_ns", "after_tie"), after, strict=True))
    rows = store.select(statement("traces/logs"), {"trace_id": trace_id, "limit": limit, **parameters})
    last = rows[-1] if len(rows) >= limit else None
    return {
        "trace_id": trace_id,
        "logs": [log_from_row(row, render) for row in rows],
        "next_cursor": last and cursors.encode(route, last["time_ns"], last["tie"]),
    }
