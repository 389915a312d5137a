"""What can be measured of a group of spans in a stretch of time."""

from enum import StrEnum

from coldlight_query.times import NS_PER_MS


class Measure(StrEnum):
    """A figure for a group of spans in one step of time; its name carries its unit."""

    CALLS = "calls"
    CALLS_PER_SECOND = "calls_per_second"
    ERRORS = "errors"
    ERROR_RATIO = "error_ratio"
    DURATION_MS_AVG = "duration_ms_avg"
    DURATION_MS_P50 = "duration_ms_p50"
    DURATION_MS_P90 = "duration_ms_p90"
    DURATION_MS_P95 = "duration_ms_p95"
    DURATION_MS_P99 = "duration_ms_p99"
    DURATION_MS_MAX = "duration_ms_max"


_OF_FAILURES = (Measure.ERRORS, Measure.ERROR_RATIO)
_ZERO_WITHOUT_CALLS = (Measure.CALLS, Measure.CALLS_PER_SECOND, Measure.ERRORS)


def value_of(measure: Measure, row: dict[str, float], step_s: float) -> float:
    """The figure, from a row of `red/series.sql`, whose groups have at least one span."""
    match measure:
        case Measure.CALLS:
            return row["calls"]
        case Measure.CALLS_PER_SECOND:
            return row["calls"] / step_s
        case Measure.ERRORS:
            return row["errors"]
        case Measure.ERROR_RATIO:
            return row["errors"] / row["calls"]
        case _:
            return row[measure.removeprefix("duration_ms_")] / NS_PER_MS


def value_of_nothing(measure: Measure) -> float | None:
    """The figure for no spans at all: none were called and none failed, but nobody knows how long they would have taken."""
    return 0 if measure in _ZERO_WITHOUT_CALLS else None


def is_of_failures(measure: Measure) -> bool:
    """Whether a failed span is what explains the figure; otherwise it is the slowest one."""
    return measure in _OF_FAILURES
