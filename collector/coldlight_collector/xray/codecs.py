"""X-Ray's spelling of ids and times (AWS X-Ray Developer Guide, "Segment documents")."""

import re
from decimal import Decimal

from coldlight_collector.repair import MAX_TIME_UNIX_NANO

TRACE_ID = r"1-[0-9a-fA-F]{8}-[0-9a-fA-F]{24}"
"""A pattern, for texts that mention one."""

_TRACE_ID = re.compile(TRACE_ID)
_SPAN_ID = re.compile(r"[0-9a-fA-F]{16}")
_NANOSECOND = -9
_FIRST_S, _LAST_S = Decimal(1).scaleb(_NANOSECOND), Decimal(MAX_TIME_UNIX_NANO).scaleb(_NANOSECOND)


def read_trace_id(text: object) -> bytes:
    """The 16 bytes of `1-5759e988-bd862e3fe1be46a994272793`: W3C's id, with its first 8 digits set apart.

    The first part need not be a time. Raises ValueError.
    """
    if not isinstance(text, str) or not _TRACE_ID.fullmatch(text):
        raise ValueError("expected 1-, 8 hexadecimal digits, a hyphen and 24 hexadecimal digits")
    return _not_zero(bytes.fromhex(text[2:].replace("-", "")))


def find_trace_id(text: str) -> bytes:
    """The first trace id that a text mentions, such as an X-Ray header; b"" without any."""
    found = _TRACE_ID.search(text)
    return read_trace_id(found[0]) if found and found[0][2:].strip("0-") else b""


def read_span_id(text: object) -> bytes:
    """The 8 bytes of a segment's id. Raises ValueError."""
    if not isinstance(text, str) or not _SPAN_ID.fullmatch(text):
        raise ValueError("expected 16 hexadecimal digits")
    return _not_zero(bytes.fromhex(text))


def read_time(seconds: object) -> int:
    """Unix nanoseconds of a time in seconds, to the last digit that was sent. Raises ValueError.

    Takes an int or a Decimal: as a float, a time of today is a quarter of a microsecond wide.
    """
    if (
        isinstance(seconds, bool)
        or not isinstance(seconds, int | Decimal)
        or not _FIRST_S <= seconds <= _LAST_S
    ):
        raise ValueError("expected a number of seconds since 1970, before the year 2262")
    return int(Decimal(seconds).scaleb(-_NANOSECOND).to_integral_value())


def _not_zero(identifier: bytes) -> bytes:
    if not any(identifier):
        raise ValueError("zeros alone are no id")
    return identifier
