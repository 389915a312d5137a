"""The values of the filter language, and how their text is read."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from fractions import Fraction

from coldlight_query.filters.errors import FilterError


@dataclass(frozen=True)
class Duration:
    """A length of time in whole nanoseconds, within UInt64."""

    ns: int


@dataclass(frozen=True)
class Instant:
    """A point in time in nanoseconds since the Unix epoch, from 1970 to 2262."""

    unix_nano: int


Value = str | int | float | bool | Duration | Instant

UNITS = {
    "ns": 1,
    "us": 10**3,
    "\u00b5s": 10**3,  # the micro sign
    "\u03bcs": 10**3,  # the Greek letter that looks the same
    "ms": 10**6,
    "s": 10**9,
    "m": 60 * 10**9,
    "h": 3600 * 10**9,
}
"""Nanoseconds in each unit of a duration."""

UNIT_NAMES = ", ".join(unit for unit in UNITS if unit.isascii())

# Bounded, for exact arithmetic on a number of a million digits would take for ever.
_QUANTITY = re.compile(r"(-?[0-9]{1,400}(\.[0-9]{1,400})?([eE][+-]?[0-9]{1,4})?)([a-zA-Z\u00b5\u03bc]*)")
_RFC_3339 = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2})[Tt ]([0-9:]{8})(?:\.([0-9]{1,9}))?([Zz]|[+-][0-9]{2}:[0-9]{2})"
)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def read_quantity(text: str) -> int | float | Duration:
    """A number (`200`, `0.5`, `1e6`), or a number with a unit directly behind it (`1.5s`).

    Raises `FilterError` for any other text, an unknown unit, and a duration that is no UInt64 of nanoseconds.
    """
    matched = _QUANTITY.fullmatch(text)
    if not matched:
        raise FilterError(f"{text!r} is not a number or duration; write for instance 200, 0.5 or 250ms")
    number, fraction, exponent, unit = matched.groups()
    if unit:
        return _duration(Fraction(number), unit)
    return float(number) if fraction or exponent else int(number)


def read_duration(text: str) -> Duration:
    """A duration such as `250ms`. Raises `FilterError`, also when the unit is missing."""
    value = read_quantity(text)
    if not isinstance(value, Duration):
        raise FilterError(f"a duration needs a unit, such as {text}ms; units are {UNIT_NAMES}")
    return value


def read_instant(text: str) -> Instant:
    """A time with its zone, to the nanosecond (RFC 3339, section 5.6). Raises `FilterError`."""
    matched = _RFC_3339.fullmatch(text)
    if not matched:
        raise _not_a_time(text)
    day, time, fraction, zone = matched.groups(default="")
    try:
        moment = datetime.fromisoformat(f"{day}T{time}{zone.upper()}")
    except ValueError:
        raise _not_a_time(text) from None
    unix_nano = (moment - _EPOCH) // timedelta(seconds=1) * 10**9 + int(fraction.ljust(9, "0"))
    if not 0 <= unix_nano < 2**63:
        raise FilterError(f"{text!r} is outside the times that are stored, 1970 to 2262")
    return Instant(unix_nano)


def _not_a_time(text: str) -> FilterError:
    return FilterError(f'{text!r} is not a time with its zone, such as "2026-03-01T12:00:00Z" (RFC 3339)')


def _duration(number: Fraction, unit: str) -> Duration:
    if unit not in UNITS:
        raise FilterError(f"{unit!r} is not a unit of time; units are {UNIT_NAMES}")
    ns = number * UNITS[unit]
    if ns.denominator != 1:
        raise FilterError("durations are whole nanoseconds; leave out the smaller part")
    if not 0 <= ns < 2**64:
        raise FilterError("a duration lies between 0 and 584 years")
    return Duration(int(ns))
