"""JSON from strangers: the bodies of requests, and what is inside them."""

from typing import Any

import orjson

from coldlight_collector.intake import Malformed, TooLarge
from coldlight_collector.stand_ins import decode_json

MOST_VALUES = 2_000_000
"""Parsed, an object of one field takes 200 bytes in place of seven."""

_MOST_MENDED_BYTES = 8 * 2**20
_MOST_BROKEN_BYTES = 100_000
"""Mending takes four times the memory of a text, and a microsecond for each byte that is none."""


def parse_json(body: bytes) -> Any:
    """The value of a JSON text (RFC 8259); a string that UTF-8 cannot carry has stand-ins in it.

    Raises `Malformed`, with the place, for what is no JSON, and `TooLarge` for too many values.
    """
    # Also those inside of strings; they are few, and this runs at the speed of C.
    if len(body) > MOST_VALUES and body.count(b"{") + body.count(b"[") + body.count(b",") > MOST_VALUES:
        raise TooLarge(f"more than {MOST_VALUES:,} values in one JSON body: send fewer items at a time")
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError as error:
        if not _may_be_mended(body):
            raise Malformed(f"the body is not JSON: {error}") from error
    try:
        return orjson.loads(decode_json(body))
    except orjson.JSONDecodeError as error:
        raise Malformed(f"the body is not JSON: {error}") from error


def _may_be_mended(body: bytes) -> bool:
    if len(body) > _MOST_MENDED_BYTES:
        return False
    broken = len(body) - len(body.decode(errors="ignore").encode())
    is_spelled = b"\\ud" in body or b"\\uD" in body
    return broken <= _MOST_BROKEN_BYTES and (broken > 0 or is_spelled)
