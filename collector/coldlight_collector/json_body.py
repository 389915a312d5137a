"""JSON from strangers: the bodies of requests, and what is inside them."""

from typing import Any

import orjson

from coldlight_collector.intake import Malformed
from coldlight_collector.stand_ins import decode_json

_MOST_MENDED_BYTES = 8 * 2**20
_MOST_BROKEN_BYTES = 100_000
"""Mending takes four times the memory of a text, and a microsecond for each byte that is none."""


def parse_json(body: bytes) -> Any:
    """The value of a JSON text (RFC 8259); a string that UTF-8 cannot carry has stand-ins in it.

    Raises `Malformed`, with the place, for what is no JSON.
    """
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
