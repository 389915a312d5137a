"""Renders the arrays and maps of a request, so that ClickHouse can read them (`coldlight_storage/stored.py`)."""

from typing import Any

from google.protobuf.message import EncodeError, Message

from coldlight_storage.attributes import KeyValues, encode_nested, from_proto


def rendered(message: Message) -> bytes:
    """The bytes of a stored message, in which every array and map is rendered, in place, if need be.

    Where there is none, as in most messages, this is one pass in C, whatever the size of the message.
    """
    try:
        return message.SerializeToString()
    except EncodeError:
        render_nested(message)
        return message.SerializeToString()


def is_rendered(message: Message) -> bool:
    """Whether no array or map inside a stored message is left to render."""
    try:
        message.SerializeToString()
    except EncodeError:
        return False
    return True


def render_nested(message: Message) -> None:
    """Renders, in place, every array and map in a stored message."""
    if is_rendered(message):
        return
    if message.DESCRIPTOR.name == "AnyValue":
        _render_value(message)
        return
    for field, value in message.ListFields():
        if field.message_type is not None:
            for part in value if field.is_repeated else (value,):
                render_nested(part)


def _render_value(value: Any) -> None:
    nested = from_proto(value)
    assert isinstance(nested, list | KeyValues)
    text, types = encode_nested(nested)
    value.Clear()
    value.text, value.types = text, types
