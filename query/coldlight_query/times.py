"""Times and durations as query parameters."""

import re
from datetime import UTC, datetime
from decimal import Decimal

from coldlight_query.problems import bad_parameter

LATEST_NS = 2**63 - 1
_UNITS_NS = {"ns": 1, "us": 10**3, "µs": 10**3, "ms": 10**6, "s": 10**9, "m": 60 * 10**9, "h": 3600 * 10**9}
_DURATION = re.compile(r"(\d+(?:\.\d+)?)\s*(ns|us|µs|ms|s|m|h)")
_FRACTION = re.compile(r"\.(\d{1,9})")


def parse_time_ns(name: str, text: str) -> int:
    """Unix nanoseconds of an RFC 3339 time or of decimal epoch nanoseconds. Raises `ProblemError` naming `name`."""
    if text.isdecimal():
        return min(int(text), LATEST_NS)
    fraction = _FRACTION.search(text)
    whole = _FRACTION.sub("", text, count=1)
    try:
        moment = datetime.fromisoformat(whole)
    except ValueError:
        raise bad_parameter(
            name, f"{text!r} is no time; write 2026-11-23T12:00:00Z or epoch nanoseconds"
        ) from None
    seconds = int(moment.replace(tzinfo=moment.tzinfo or UTC).timestamp())
    return seconds * 10**9 + (int(fraction[1].ljust(9, "0")) if fraction else 0)


def parse_duration_ns(name: str, text: str) -> int:
    """Nanoseconds of a duration such as `250ms`. Raises `ProblemError` naming `name`."""
    match = _DURATION.fullmatch(text.strip())
    if not match:
        raise bad_parameter(name, f"{text!r} is no duration; write a number and a unit: 250ms, 1.5s, 2m")
    return int(Decimal(match[1]) * _UNITS_NS[match[2]])
