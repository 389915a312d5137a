"""Amazon EventBridge."""

from __future__ import annotations

from coldlight_lambda.producers import bodies
from coldlight_lambda.producers.messages import entries_of, messaging, with_entries

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from coldlight_lambda.producers import Answer, Parameters
    from coldlight_lambda.spans import Attributes

_PUT = "PutEvents"
SENDS = frozenset((_PUT,))
_LARGEST_BYTES = 262_144
"""Of all the entries of a call."""
_SIZED = ("Source", "DetailType", "Detail")


def described(operation: str, parameters: Parameters) -> Attributes:
    if operation != _PUT:
        return {}
    entries = entries_of(parameters, "Entries")
    buses = {str(entry.get("EventBusName") or "default").rpartition("/")[2] for entry in entries}
    return messaging("aws.eventbridge", operation, buses.pop() if len(buses) == 1 else None, len(entries))


def carrying(operation: str, parameters: Parameters, carrier: Mapping[str, str]) -> Parameters:
    if operation != _PUT or not bodies.choice["is_asked"]:
        return parameters
    entries = [_with_context(entry, carrier) for entry in entries_of(parameters, "Entries")]
    fits = sum(map(_size, entries)) <= _LARGEST_BYTES
    return with_entries(parameters, "Entries", entries) if fits else parameters


def _with_context(entry: Any, carrier: Mapping[str, str]) -> Any:
    detail = bodies.with_context(entry.get("Detail") or "", carrier)
    return {**entry, "Detail": detail} if detail else entry


def _size(entry: Any) -> int:
    """As EventBridge counts it (user guide, "PutEvents event entry size"): 14 for the time."""
    texts = [str(entry.get(name) or "") for name in _SIZED] + [
        str(arn) for arn in entry.get("Resources") or ()
    ]
    return 14 + sum(len(text.encode("utf-8", "replace")) for text in texts)


def produced(operation: str, parameters: Parameters, answer: Answer) -> list[str]:
    if operation != _PUT:
        return []
    return [f"eventbridge:{entry['EventId']}" for entry in answer["Entries"] if entry.get("EventId")]
