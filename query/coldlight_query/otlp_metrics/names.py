"""Which metrics there are."""

from dataclasses import dataclass, replace
from typing import Any

from coldlight_query import cursors
from coldlight_query.filters import Condition
from coldlight_query.otlp_metrics.kinds import TELLINGS, Kind
from coldlight_query.statements import statement
from coldlight_storage import Reader, Row

_ROUTE = "metrics"
_SUMS = ("if(IsMonotonic, 'counter', 'up_down_counter')", "AggTemp")
_SOURCES = {
    "otel_metrics_gauge": ("'gauge'", "0"),
    "otel_metrics_sum": _SUMS,
    "otel_metrics_histogram": ("'histogram'", "AggregationTemporality"),
    "otel_metrics_exponential_histogram": ("'exponential_histogram'", "AggregationTemporality"),
    "otel_metrics_summary": ("'summary'", "0"),
}
"""By table: the SQL of the kind, and of the temporality."""
_TEMPORALITIES = {1: "delta", 2: "cumulative"}
"""By their number in OTLP."""


@dataclass(frozen=True)
class NameSearch:
    """Metrics with points that meet `condition` in [start_ns, end_ns): those of a name, or with `part` in it."""

    start_ns: int
    end_ns: int
    condition: Condition
    name: str = ""
    part: str = ""
    limit: int = 1000
    cursor: str | None = None


def read_names(store: Reader, search: NameSearch) -> dict[str, Any]:
    """`models.Metrics`. Raises `ProblemError` for a foreign cursor, and what `Reader.select` raises."""
    rows = _select(store, replace(search, limit=search.limit + 1))
    page, more = rows[: search.limit], len(rows) > search.limit
    return {
        "start_time_unix_nano": search.start_ns,
        "end_time_unix_nano": search.end_ns,
        "metrics": [_metric(row) for row in page],
        "next_cursor": cursors.encode(_ROUTE, page[-1]["name"], page[-1]["kind"]) if more else None,
    }


def read_kinds(store: Reader, search: NameSearch) -> list[Kind]:
    """The kinds of the metric `search.name`."""
    return [Kind(row["kind"]) for row in _select(store, search)]


def _select(store: Reader, search: NameSearch) -> list[Row]:
    after = ["", ""] if search.cursor is None else cursors.decode(search.cursor, _ROUTE, str, str)
    of_tables = " UNION ALL ".join(
        statement("otlp_metrics/names_of_table")
        .replace("$table", table)
        .replace("$kind", kind)
        .replace("$temporality", f"toInt32({temporality})")
        .replace("$condition", search.condition.sql)
        for table, (kind, temporality) in _SOURCES.items()
    )
    bounds = {name: getattr(search, name) for name in ("start_ns", "end_ns", "name", "part", "limit")}
    bound = {**bounds, "after_name": after[0], "after_kind": after[1], **search.condition.parameters}
    return store.select(statement("otlp_metrics/names").replace("$names", of_tables), bound)


def _metric(row: Row) -> dict[str, Any]:
    return {
        "name": row["name"],
        "kind": row["kind"],
        "unit": row["unit"],
        "description": row["description"],
        "temporalities": [
            _TEMPORALITIES[each] for each in sorted(row["temporalities"]) if each in _TEMPORALITIES
        ],
        "services": sorted(row["services"]),
        "aggregations": TELLINGS[Kind(row["kind"])].aggregations,
        "points": row["points"],
        "first_time_unix_nano": row["first_ns"],
        "last_time_unix_nano": row["last_ns"],
    }
