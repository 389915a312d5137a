"""The kinds of metrics, and what can be told of each."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """What a sender says that a metric is (OpenTelemetry, metrics data model, "Metric Points")."""

    GAUGE = "gauge"
    COUNTER = "counter"
    """A monotonic sum."""
    UP_DOWN_COUNTER = "up_down_counter"
    """A sum that may fall; of delta temporality it tells changes, else how it stands."""
    HISTOGRAM = "histogram"
    EXPONENTIAL_HISTOGRAM = "exponential_histogram"
    SUMMARY = "summary"


class Aggregation(StrEnum):
    """What is told of a metric for each group and step of time."""

    RATE = "rate"
    INCREASE = "increase"
    COUNT = "count"
    SUM = "sum"
    AVG = "avg"
    MIN = "min"
    MAX = "max"
    LAST = "last"
    P50 = "p50"
    P75 = "p75"
    P90 = "p90"
    P95 = "p95"
    P99 = "p99"

    @property
    def quantile(self) -> float | None:
        """0.95 of `p95`; None of what is no quantile."""
        return int(self[1:]) / 100 if self[1:].isdigit() else None


_OF_VALUES = (Aggregation.AVG, Aggregation.SUM, Aggregation.MIN, Aggregation.MAX, Aggregation.LAST)
_OF_CHANGES = (Aggregation.RATE, Aggregation.INCREASE)
_QUANTILES = tuple(each for each in Aggregation if each.quantile is not None)
_OF_MEASUREMENTS = (
    Aggregation.COUNT,
    Aggregation.RATE,
    Aggregation.AVG,
    Aggregation.SUM,
    Aggregation.MIN,
    Aggregation.MAX,
    *_QUANTILES,
)


@dataclass(frozen=True)
class Telling:
    """The table of a kind of metrics, what can be told of them, and what is told unless something else is asked for."""

    table: str
    aggregations: tuple[Aggregation, ...]
    unasked: Aggregation


TELLINGS: Mapping[Kind, Telling] = {
    Kind.GAUGE: Telling("otel_metrics_gauge", _OF_VALUES, Aggregation.AVG),
    Kind.COUNTER: Telling("otel_metrics_sum", (*_OF_CHANGES, *_OF_VALUES), Aggregation.RATE),
    Kind.UP_DOWN_COUNTER: Telling("otel_metrics_sum", (*_OF_VALUES, *_OF_CHANGES), Aggregation.SUM),
    Kind.HISTOGRAM: Telling("otel_metrics_histogram", _OF_MEASUREMENTS, Aggregation.P95),
    Kind.EXPONENTIAL_HISTOGRAM: Telling(
        "otel_metrics_exponential_histogram", _OF_MEASUREMENTS, Aggregation.P95
    ),
    Kind.SUMMARY: Telling("otel_metrics_summary", _OF_MEASUREMENTS, Aggregation.AVG),
}
