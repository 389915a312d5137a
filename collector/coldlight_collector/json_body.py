"""A request's body as JSON, for every receiver that takes it."""

from typing import Any

import orjson

from coldlight_collector.intake import Malformed


def parse_json(body: bytes) -> Any:
    """Raises `Malformed`, with the place, for what is no JSON (RFC 8259)."""
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise Malformed(f"the body is not JSON: {error}") from error
