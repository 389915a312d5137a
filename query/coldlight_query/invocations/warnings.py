"""What to worry about in a function, by thresholds that suit most (those of Datadog's serverless view).

Each warning says its figures. A share of nothing is not known, and no reason to worry.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

Severity = Literal["warning", "critical"]
Health = Literal["healthy", "warning", "critical"]

_ITERATOR_AGE_MS = 2 * 3600 * 1000.0


@dataclass(frozen=True)
class Concern:
    """`value` was above `threshold`: shares are of 1, `_ms` are milliseconds."""

    rule: str
    severity: Severity
    message: str
    value: float
    threshold: float


@dataclass(frozen=True)
class Counts:
    """What the rules look at; None is not known."""

    invocations: int
    ended: int
    errors: int
    timeouts: int
    out_of_memory: int
    cold_starts: int
    known_cold: int
    near_memory: int
    near_timeout: int
    throttles: int | None
    iterator_age_ms: float | None


def warnings_of(counts: Counts) -> list[Concern]:
    """All that apply, the critical ones first."""
    found = [*_errors(counts), *_any(counts), *_cold_starts(counts), *_throttles(counts), *_age(counts)]
    return sorted(found, key=lambda warning: warning.severity != "critical")


def health_of(warnings: list[Concern]) -> Health:
    """The worst of them."""
    if not warnings:
        return "healthy"
    return "critical" if any(warning.severity == "critical" for warning in warnings) else "warning"


def _errors(counts: Counts) -> Iterator[Concern]:
    share = _share(counts.errors, counts.ended)
    if share is None or share <= 0.01:
        return
    high = share > 0.1
    text = f"{counts.errors} of {counts.ended} invocations failed ({share:.1%})"
    if high:
        yield Concern("high_errors", "critical", text, share, 0.1)
    else:
        yield Concern("errors", "warning", text, share, 0.01)


def _any(counts: Counts) -> Iterator[Concern]:
    """What should not happen even once."""
    rules: tuple[tuple[str, Severity, int, str], ...] = (
        ("out_of_memory", "critical", counts.out_of_memory, "ran out of memory"),
        ("timeouts", "critical", counts.timeouts, "ran out of time"),
        ("memory", "warning", counts.near_memory, "used more than 95% of the memory"),
        ("timeout_near", "warning", counts.near_timeout, "used more than 95% of the time"),
    )
    for rule, severity, number, text in rules:
        if number:
            message = f"{number} of {counts.invocations} invocations {text}"
            yield Concern(rule, severity, message, float(number), 0.0)


def _cold_starts(counts: Counts) -> Iterator[Concern]:
    share = _share(counts.cold_starts, counts.known_cold)
    if share is not None and share > 0.01:
        text = f"{counts.cold_starts} of {counts.known_cold} invocations were cold starts ({share:.1%})"
        yield Concern("cold_starts", "warning", text, share, 0.01)


def _throttles(counts: Counts) -> Iterator[Concern]:
    throttles = counts.throttles or 0
    share = _share(throttles, throttles + counts.invocations)
    if share is not None and share > 0.1:
        text = f"{throttles} of {throttles + counts.invocations} requests were throttled ({share:.1%})"
        yield Concern("throttles", "critical", text, share, 0.1)


def _age(counts: Counts) -> Iterator[Concern]:
    age_ms = counts.iterator_age_ms
    if age_ms is not None and age_ms > _ITERATOR_AGE_MS:
        text = f"records of the stream waited up to {age_ms / 3_600_000:.1f} h"
        yield Concern("iterator_age", "warning", text, age_ms, _ITERATOR_AGE_MS)


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None
