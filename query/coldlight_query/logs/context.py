"""What stands around a log record: what the same sandbox or process wrote just before and after it."""

from typing import Any

from coldlight_query import cursors
from coldlight_query.problems import ProblemError
from coldlight_query.rows import LOG_ID, Render, log_from_row
from coldlight_query.statements import statement
from coldlight_storage import Reader, Row

_HOUR_NS = 3600 * 10**9
_FIRST_NS, _LAST_NS = -(2**63), 2**63 - 1


def read_context(store: Reader, log_id: str, before: int, after: int, render: Render) -> dict[str, Any]:
    """`models.LogContext`: up to `before` and `after` records of its stream, within an hour, in order of time.

    Raises `ProblemError`: 400 for what is no id of a record, 404 where the record is not there (any more).
    """
    time_ns, tie = cursors.decode(log_id, LOG_ID, int, str, name="log_id")
    rows = store.select(statement("logs/at"), {"time_ns": time_ns, "tie": tie})
    if not rows:
        raise ProblemError(404, "Unknown log record", "no record with this id is stored (any more)")
    [row] = rows
    return {
        "before": [log_from_row(each, render) for each in reversed(_around(store, row, "<", before))],
        "record": log_from_row(row, render),
        "after": [log_from_row(each, render) for each in _around(store, row, ">", after)],
    }


def _around(store: Reader, row: Row, beyond: str, limit: int) -> list[Row]:
    """The nearest records on one side, the nearest first."""
    time_ns, is_before = row["time_ns"], beyond == "<"
    bounds = {
        "start_ns": max(time_ns - _HOUR_NS, _FIRST_NS) if is_before else time_ns,
        "end_ns": time_ns if is_before else min(time_ns + _HOUR_NS, _LAST_NS),
    }
    sql = (
        statement("logs/around")
        .replace("$beyond", beyond)
        .replace("$direction", "DESC" if is_before else "ASC")
    )
    wanted = {name: row[name] for name in ("service", "stream", "time_ns", "tie")}
    return store.select(sql, {**wanted, **bounds, "limit": limit})
