"""Keyset cursors: the place of the last row shown, opaque to clients."""

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import Any

from coldlight_query.problems import ProblemError, bad_parameter


def encode(*place: int | str) -> str:
    """A cursor for the row at `place`, the values of its sort key."""
    return urlsafe_b64encode(json.dumps(place, separators=(",", ":")).encode()).decode().rstrip("=")


def decode(cursor: str, *kinds: type) -> list[Any]:
    """The place in a cursor, whose values must be of these kinds. Raises `ProblemError` for what `encode` never wrote."""
    try:
        place = json.loads(urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except ValueError:
        raise _unknown() from None
    if not isinstance(place, list) or [type(value) for value in place] != list(kinds):
        raise _unknown()
    return place


def _unknown() -> ProblemError:
    return bad_parameter(
        "cursor", "not a cursor of this route; pass `next_cursor` of the answer before, unchanged"
    )
