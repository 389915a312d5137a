"""What queues, topics, buses and streams have in common: their attributes, and context that rides beside a message."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any, Optional

    from coldlight_lambda.producers import Parameters
    from coldlight_lambda.spans import Attributes

_MOST_ATTRIBUTES = 10
"""Of a message in SQS; SNS cannot hand on more to a queue that wants them raw."""
_LARGEST_BYTES = 262_144
"""What SQS and SNS take at least, attributes included, of a message and of a batch."""


def messaging(
    system: str, operation: str, destination: Optional[str], batch: Optional[int] = None
) -> dict[str, Any]:
    """Attributes of a send (semantic conventions, "Messaging spans"). `batch` is the number of messages of a batch."""
    return {
        "messaging.system": system,
        "messaging.operation.name": operation,
        "messaging.operation.type": "send",
        "messaging.destination.name": destination,
        "messaging.batch.message_count": batch,
    }


def with_context(messages: list[Any], body: str, carrier: Mapping[str, str]) -> list[Any]:
    """Messages of one call with trace context among their attributes, each as far as there is room.

    `body` is the name of the body's parameter. Should all of them together become too large for one call, they stay as they are.
    """
    carrying = [_with_attributes(message, carrier) for message in messages]
    return carrying if sum(_size(message, body) for message in carrying) <= _LARGEST_BYTES else messages


def entries_of(parameters: Parameters, name: str) -> list[Any]:
    """The messages of a batch; none where the function has forgotten them, which AWS's SDK will tell it."""
    given = parameters.get(name)
    return list(given) if isinstance(given, (list, tuple)) else []


def with_entries(parameters: Parameters, name: str, entries: list[Any]) -> Parameters:
    """Parameters with these entries; the very same where no entry is another one."""
    is_same = list(map(id, entries)) == list(map(id, entries_of(parameters, name)))
    return parameters if is_same else {**parameters, name: entries}


def _with_attributes(message: Any, carrier: Mapping[str, str]) -> Any:
    """A message with attributes of type String, which OpenTelemetry's other consumers read, too.

    A filter policy of SNS compares the attributes that it names, and nobody names these: they need not be Binary to pass.
    """
    own = message.get("MessageAttributes") or {}
    room = _MOST_ATTRIBUTES - len(own)
    if "traceparent" in own or room < 1:
        return message
    names = list(carrier)[:room]
    added = {name: {"DataType": "String", "StringValue": carrier[name]} for name in names}
    return {**message, "MessageAttributes": {**own, **added}}


def _size(message: Any, body: str) -> int:
    attributes = (message.get("MessageAttributes") or {}).items()
    return _bytes(message.get(body)) + sum(_attribute_size(name, value) for name, value in attributes)


def _attribute_size(name: str, attribute: Attributes) -> int:
    value = attribute.get("StringValue") or attribute.get("BinaryValue")
    return _bytes(name) + _bytes(attribute.get("DataType")) + _bytes(value)


def _bytes(value: Any) -> int:
    return len(value.encode("utf-8", "replace")) if isinstance(value, str) else len(value or b"")
