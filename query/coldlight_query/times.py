"""Times and durations as query parameters, read as the filter language reads them."""

import re

from coldlight_query.filters import FilterError, read_duration, read_instant
from coldlight_query.problems import bad_parameter

LATEST_NS = 2**63 - 1
"""The last time that is stored, in the year 2262."""

NS_PER_MS = 1_000_000

# An unescaped + in a URL means a space, so that is what comes before the offset of a time that was typed by hand.
_SPACE_FOR_PLUS = re.compile(r" (?=[0-9]{2}:[0-9]{2}$)")


def parse_time_ns(name: str, text: str) -> int:
    """Unix nanoseconds of an RFC 3339 time or of decimal epoch nanoseconds. Raises `ProblemError` naming `name`."""
    if re.fullmatch("[0-9]{1,19}", text) and int(text) <= LATEST_NS:
        return int(text)
    try:
        return read_instant(_SPACE_FOR_PLUS.sub("+", text)).unix_nano
    except FilterError as error:
        raise bad_parameter(name, f"{error.message}, nor epoch nanoseconds, at most {LATEST_NS}") from None


def parse_duration_ns(name: str, text: str) -> int:
    """Nanoseconds, within UInt64, of a duration such as `250ms`. Raises `ProblemError` naming `name`."""
    try:
        return read_duration(text).ns
    except FilterError as error:
        raise bad_parameter(name, f"{error.message} (a duration is a number with its unit: 250ms)") from None
