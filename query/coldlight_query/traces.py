"""One trace, and its log records."""

from collections.abc import Sequence
from typing import Any

from coldlight_query import cursors
from coldlight_query.critical_path import critical_path
from coldlight_query.problems import ProblemError
from coldlight_query.rows import Render, log_from_row, span_from_row, summary_from_row
from coldlight_query.statements import statement
from coldlight_storage import Row, Store

_BEFORE_ALL_NS = -(2**63)


def read_trace(store: Store, trace_id: str, render: Render, limit: int, cursor: str | None) -> dict[str, Any]:
    """`models.Trace`: up to `limit` spans. Raises `ProblemError` (404) for a trace without spans."""
    after = cursors.decode(cursor, int, str, str) if cursor else [_BEFORE_ALL_NS, "", ""]
    summary = store.select(statement("trace_summary"), {"trace_id": trace_id})
    if not summary:
        raise ProblemError(
            404, "Unknown trace", f"no span of trace {trace_id} has been received (yet, or any more)"
        )
    parameters = dict(zip(("after_ns", "after_span_id", "after_kind"), after, strict=True))
    rows = store.select(statement("trace_spans"), {"trace_id": trace_id, "limit": limit + 1, **parameters})
    page = rows[:limit]
    spans = [span_from_row(row, render) for row in page]
    whole = cursor is None and len(rows) <= limit
    known = summary_from_row(summary[0])
    return {
        **{
            key: known[key]
            for key in ("trace_id", "start_time_unix_nano", "duration_ns", "span_count", "error_count")
        },
        "spans": spans,
        "critical_path": critical_path(spans) if whole else [],
        "warnings": _warnings(spans)
        if whole
        else [f"this is a page of {len(spans)} of {known['span_count']} spans"],
        "next_cursor": _span_cursor(page[-1]) if len(rows) > limit else None,
    }


def _span_cursor(row: Row) -> str:
    return cursors.encode(row["start_ns"], row["span_id"], row["kind"])


def _warnings(spans: Sequence[dict[str, Any]]) -> list[str]:
    """What a reader should know before trusting the picture."""
    known = {span["span_id"] for span in spans}
    missing = {span["parent_span_id"] for span in spans} - known - {None}
    roots = sum(span["parent_span_id"] is None for span in spans)
    warnings = []
    if missing:
        warnings.append(
            f"{len(missing)} parent span(s) have not been received: unsampled, lost, or still on their way "
            f"({', '.join(sorted(missing)[:5])}{', ...' if len(missing) > 5 else ''})"
        )
    if roots > 1:
        warnings.append(f"{roots} spans have no parent: this trace has several roots")
    repaired = sum("coldlight.repaired" in span["attributes"] for span in spans)
    if repaired:
        warnings.append(
            f"{repaired} span(s) were repaired on receipt; see their attribute coldlight.repaired"
        )
    return warnings


def read_trace_logs(
    store: Store, trace_id: str, render: Render, limit: int, cursor: str | None
) -> dict[str, Any]:
    """`models.Logs`: about `limit` log records; records that are alike stay on one page."""
    after_ns, after_tie = cursors.decode(cursor, int, str) if cursor else (_BEFORE_ALL_NS, "")
    parameters = {"trace_id": trace_id, "after_ns": after_ns, "after_tie": after_tie, "limit": limit}
    rows = store.select(statement("trace_logs"), parameters)
    more = len(rows) >= limit
    return {
        "trace_id": trace_id,
        "logs": [log_from_row(row, render) for row in rows],
        "next_cursor": cursors.encode(rows[-1]["time_ns"], rows[-1]["tie"]) if more else None,
    }
