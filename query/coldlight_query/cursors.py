"""Keyset cursors: the place of the last row shown, opaque to clients."""

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import Any

from coldlight_query.problems import ProblemError, bad_parameter


def encode(route: str, *place: int | str) -> str:
    """A cursor of `route` for the row at `place`, the values of its sort key."""
    text = json.dumps((route, *place), separators=(",", ":"))
    return urlsafe_b64encode(text.encode()).decode().rstrip("=")


def decode(cursor: str, route: str, *kinds: type) -> list[Any]:
    """The place in a cursor of `route`, whose values must be of these kinds.

    Raises `ProblemError` for what `encode` never wrote, also when ClickHouse could not take it as a parameter.
    """
    try:
        made_for, *place = json.loads(urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except (ValueError, TypeError, RecursionError):
        raise _unknown() from None
    if made_for != route or len(place) != len(kinds) or not all(map(_fits, place, kinds)):
        raise _unknown()
    return list(place)


def _fits(value: Any, kind: type) -> bool:
    """Whether ClickHouse can take it as `kind`: an Int64, or text without lone surrogates."""
    if kind is int:
        return type(value) is int and -(2**63) <= value < 2**63  # not isinstance: a bool is an int, too
    return isinstance(value, str) and not any("\ud800" <= character <= "\udfff" for character in value)


def _unknown() -> ProblemError:
    return bad_parameter(
        "cursor", "not a cursor of this route; pass `next_cursor` of the answer before, unchanged"
    )
