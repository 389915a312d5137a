"""The SQL of a kind of metrics: one frame for those with one value a point, one for those with a distribution."""

from collections.abc import Mapping
from dataclasses import dataclass

from coldlight_query.otlp_metrics.kinds import TELLINGS, Kind
from coldlight_query.statements import statement


@dataclass(frozen=True)
class _Parts:
    """What differs between kinds.

    `is_delta`: whether a point stands for itself; `fell`: whether it cannot go on from `before`; `held`: the figures that it
    holds, of `type`; `distribution`: what of them is merged, empty for those with one value a point.
    """

    is_delta: str
    fell: str
    held: str = "Value"
    type: str = "value Float64"
    distribution: str = ""


def sql_of(kind: Kind, labels: str, condition: str) -> str:
    """The statement, with the SQL of labels and of the condition on points put in."""
    parts = _PARTS[kind]
    frame = "distributions" if parts.distribution else "values"
    return (
        _sql(frame)
        .replace("$fell", parts.fell)
        .replace("$table", TELLINGS[kind].table)
        .replace("$is_delta", parts.is_delta)
        .replace("$held", parts.held)
        .replace("$type", parts.type)
        .replace("$distribution", parts.distribution)
        .replace("[$labels]", f"[{labels}]::Array(String)")
        .replace("$condition", condition)
    )


def _sql(name: str) -> str:
    return statement(f"otlp_metrics/{name}")


def _added(edges: str, counts: str) -> str:
    """The buckets that a step added; `$of` in what it is made of is a point."""
    sql = _sql("added_buckets")
    for point in ("now", "before"):
        sql = sql.replace(f"$edges_{point}", edges.replace("$of", point))
        sql = sql.replace(f"$counts_{point}", counts.replace("$of", point))
    return sql


_DELTA = "AggregationTemporality = 1"
_FIGURES = "count Int64, sum Nullable(Float64), min Nullable(Float64), max Nullable(Float64)"
_EXPONENTIAL = (
    f"{_FIGURES}, scale Int32, zero_threshold Float64, zero Int64, positive_offset Int32, positive Array(Int64),"
    " negative_offset Int32, negative Array(Int64)"
)

_PARTS: Mapping[Kind, _Parts] = {
    Kind.GAUGE: _Parts("false", "false"),
    Kind.COUNTER: _Parts("AggTemp = 1", "now.value < before.value"),
    Kind.UP_DOWN_COUNTER: _Parts("AggTemp = 1", "false"),
    Kind.HISTOGRAM: _Parts(
        _DELTA,
        "now.count < before.count OR now.edges != before.edges",
        _sql("explicit_held"),
        f"{_FIGURES}, edges Array(Tuple(Float64, Float64)), counts Array(Int64)",
        _added("$of.edges", "$of.counts"),
    ),
    Kind.EXPONENTIAL_HISTOGRAM: _Parts(
        _DELTA,
        "now.count < before.count OR now.scale > before.scale",
        _sql("exponential_held"),
        _EXPONENTIAL,
        _added(_sql("exponential_edges"), "arrayConcat($of.negative, [$of.zero], $of.positive)"),
    ),
    # They have no temporality: a point without a start stands for itself.
    Kind.SUMMARY: _Parts(
        "toUnixTimestamp64Nano(StartTimeUnix) = 0",
        "now.count < before.count",
        _sql("summary_held"),
        f"{_FIGURES}, quantiles Array(Float64), quantile_values Array(Float64)",
        "maxMap(now.quantiles, now.quantile_values)",
    ),
}
