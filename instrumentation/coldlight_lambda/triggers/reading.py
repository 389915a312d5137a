"""Reads what may have any shape: what is not there, or not of its type, or too long to be true, is as good as empty."""

from __future__ import annotations

from binascii import a2b_base64

from coldlight_lambda.contexts import CARRIED

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

LONGEST = 2048
"""Of names and ids, in characters: the longest that AWS makes is an S3 key, with 1,024 bytes."""
_MOST_ATTRIBUTES = 64


def text(holder: object, name: str) -> str:
    value = holder.get(name) if isinstance(holder, dict) else None
    return value if isinstance(value, str) and len(value) <= LONGEST else ""


def inside(holder: object, name: str) -> dict[str, Any]:
    value = holder.get(name) if isinstance(holder, dict) else None
    return value if isinstance(value, dict) else {}


def items(holder: object, name: str) -> list[Any]:
    value = holder.get(name) if isinstance(holder, dict) else None
    return value if isinstance(value, list) else []


def number(holder: object, name: str) -> int | None:
    """A whole number; Kafka's offsets and others have 64 bits, and what has more is none of them."""
    value = holder.get(name) if isinstance(holder, dict) else None
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) < 2**63:
        return value
    return None


def last_part(arn: str, separator: str = ":") -> str:
    """The name at the end of an ARN."""
    return arn.rpartition(separator)[2]


def lowered(headers: object) -> dict[str, str]:
    """Headers that are strings, their names in lower case."""
    if not isinstance(headers, dict):
        return {}
    return {
        name.lower(): value
        for name, value in headers.items()
        if isinstance(name, str) and isinstance(value, str)
    }


def carried_text(holder: dict[str, Any]) -> dict[str, str]:
    """The context that a JSON object carries among other things."""
    found = {name: holder.get(name) for name in CARRIED}
    return {name: value for name, value in found.items() if isinstance(value, str)}


def carried_attributes(attributes: dict[str, Any]) -> dict[str, str]:
    """The context in message attributes: SQS's (`stringValue`, `binaryValue`) or SNS's (`Type`, `Value`)."""
    if not attributes or len(attributes) > _MOST_ATTRIBUTES:
        return {}
    found = {}
    for name, attribute in attributes.items():
        if isinstance(name, str) and name.lower() in CARRIED:
            found[name.lower()] = _attribute(attribute)
    return found


def _attribute(attribute: object) -> str:
    if text(attribute, "stringValue"):
        return text(attribute, "stringValue")
    if text(attribute, "Type") == "Binary":
        return _decoded(text(attribute, "Value"))
    return text(attribute, "Value") or _decoded(text(attribute, "binaryValue"))


def _decoded(encoded: str) -> str:
    """Of base64, in which an event has what is binary."""
    try:
        return a2b_base64(encoded).decode("utf-8", "replace")
    except ValueError:
        return ""
