"""Keyset cursors: the place of the last row shown, opaque to clients."""

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import Any

from coldlight_query.problems import ProblemError, bad_parameter


def encode(route: str, *place: int | str) -> str:
    """A cursor of `route` for the row at `place`, the values of its sort key."""
    text = json.dumps((route, *place), separators=(",", ":"))
    return urlsafe_b64encode(text.encode()).decode().rstrip("=")


def decode(cursor: str, route: str, *kinds: type, name: str = "cursor") -> list[Any]:
    """The place in a cursor of `route`, whose values must be of these kinds.

    Raises `ProblemError`, which speaks of the parameter `name`, for what `encode` never wrote, also when ClickHouse could not take it as a parameter.
    """
    made_for, place = _parsed(cursor, name)
    if made_for != route or len(place) != len(kinds) or not all(map(_fits, place, kinds)):
        raise _unknown(name)
    return list(place)


def decode_segments(cursor: str, route: str, name: str) -> list[int]:
    """The place in a cursor of `route` that is any number of UInt64s. Raises as `decode` does."""
    made_for, place = _parsed(cursor, name)
    if made_for != route or not all(type(value) is int and 0 <= value < 2**64 for value in place):
        raise _unknown(name)
    return place


def _parsed(cursor: str, name: str) -> tuple[Any, list[Any]]:
    try:
        made_for, *place = json.loads(urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except (ValueError, TypeError, RecursionError):
        raise _unknown(name) from None
    return made_for, place


def _fits(value: Any, kind: type) -> bool:
    """Whether ClickHouse can take it as `kind`: an Int64, or text without lone surrogates."""
    if kind is int:
        return type(value) is int and -(2**63) <= value < 2**63  # not isinstance: a bool is an int, too
    return isinstance(value, str) and not any("\ud800" <= character <= "\udfff" for character in value)


def _unknown(name: str) -> ProblemError:
    source = "`next_cursor` of the answer before" if name == "cursor" else "an `id` that this service gave"
    return bad_parameter(name, f"not a cursor of this route; pass {source}, unchanged")
