"""OTLP/JSON to OTLP protobuf messages, strictly by the OTLP specification, "JSON Protobuf Encoding".

The generic JSON mapping of protobuf breaks four of its rules (hexadecimal ids, unknown fields, integer
enums, lowerCamelCase only), so this is a decoder of its own, driven by the messages' descriptors.
"""

import binascii
import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, partial
from typing import Any, cast

from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message

from coldlight_collector.intake import Malformed
from coldlight_collector.json_body import parse_json

MAX_DEPTH = 100
"""How many messages may be nested in one another: the protobuf parser's own limit."""

_HEX_IDS = frozenset({"trace_id", "span_id", "parent_span_id"})
_VALUES = frozenset({"AnyValue", "Element"})
"""The second is what the first is called inside an array of the stored form."""

_LONGER_THAN_ANY_ID = 34
_SPECIAL_DOUBLES = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}
_INTEGER = re.compile(r"-?[0-9]{1,20}")
_NUMBER = re.compile(r"-?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]+)?")
_URL_SAFE_TO_STANDARD = str.maketrans("-_", "+/")
_EXACT_IN_DOUBLE = 2**53

_Read = Callable[[Any, int], Any]
"""Turns a JSON value into what protobuf's constructors take; the number is the depth that is left to it."""


class _Misfit(Exception):
    """A value that its field cannot hold; collects its JSON path on the way up."""

    def __init__(self, reason: str, path: str = "") -> None:
        super().__init__(reason)
        self.reason = reason
        self.path = path

    def below(self, step: str) -> "_Misfit":
        return _Misfit(self.reason, step + self.path)

    def __str__(self) -> str:
        return f"{self.path.removeprefix('.') or 'body'}: {self.reason}"


@dataclass(frozen=True, slots=True)
class _Field:
    name: str
    read: _Read


@dataclass(frozen=True, slots=True)
class _Shape:
    """A message as JSON knows it: its fields by lowerCamelCase name, and the names that exclude each other."""

    fields: dict[str, _Field]
    oneofs: tuple[frozenset[str], ...]


def decode(body: bytes, message_type: type[Message]) -> Message:
    """The message that a JSON body stands for.

    Ids of any length are taken, for validation to judge them one span at a time. Raises `Malformed` with
    the JSON path of the first value that does not fit (`resourceSpans[0].resource: expected an object`).
    """
    document = parse_json(body)
    build: Callable[..., Message] = message_type
    try:
        return build(**_read_message(cast(Descriptor, message_type.DESCRIPTOR), document, MAX_DEPTH))
    except _Misfit as misfit:
        raise Malformed(str(misfit)) from None


def _read_message(descriptor: Descriptor, value: Any, depth: int) -> dict[str, Any]:
    if type(value) is not dict:
        raise _Misfit("expected an object")
    if not depth:
        raise _Misfit(f"nested too deep: at most {MAX_DEPTH} messages")
    shape = _shape(descriptor)
    message = {}
    try:
        for key, item in value.items():
            field = shape.fields.get(key)
            if field is not None and item is not None:
                message[field.name] = field.read(item, depth - 1)
    except _Misfit as misfit:
        raise misfit.below(f".{key}") from None
    if shape.oneofs and len(message) > 1:
        _check_oneofs(shape, value)
    return message


def _read_value(descriptor: Descriptor, value: Any, depth: int) -> dict[str, Any]:
    """An `AnyValue`. JavaScript's SDK takes every whole number for an integer, and has none but doubles: one that
    int64 cannot hold is the double that it was."""
    number: Any = value.get("intValue") if type(value) is dict else None
    if type(number) in (int, float) and "doubleValue" not in value and _is_whole_double(number):
        value = {**value, "intValue": None, "doubleValue": number}
    return _read_message(descriptor, value, depth)


def _is_whole_double(number: float) -> bool:
    if type(number) is float:
        return number.is_integer() and abs(number) >= _EXACT_IN_DOUBLE
    return not -(2**63) <= number < 2**63 and float(number) == number


def _check_oneofs(shape: _Shape, value: dict[str, Any]) -> None:
    for oneof in shape.oneofs:
        given = [key for key, item in value.items() if key in oneof and item is not None]
        if len(given) > 1:
            raise _Misfit(f"{' and '.join(given)} exclude each other: send one")


def _read_list(read: _Read, value: Any, depth: int) -> list[Any]:
    if type(value) is not list:
        raise _Misfit("expected an array")
    items: list[Any] = []
    try:
        for item in value:
            items.append(read(item, depth))
    except _Misfit as misfit:
        raise misfit.below(f"[{len(items)}]") from None
    return items


@cache
def _shape(descriptor: Descriptor) -> _Shape:
    oneofs = (frozenset(field.json_name for field in oneof.fields) for oneof in descriptor.oneofs)
    return _Shape(
        fields={field.json_name: _Field(field.name, _reader(field)) for field in descriptor.fields},
        oneofs=tuple(names for names in oneofs if len(names) > 1),
    )


def _reader(field: FieldDescriptor) -> _Read:
    if field.message_type is not None:
        read_message = _read_value if field.message_type.name in _VALUES else _read_message
        read: _Read = partial(read_message, field.message_type)
    elif field.name in _HEX_IDS:
        read = _read_id
    else:
        read = _SCALAR_READERS[field.type]
    return partial(_read_list, read) if field.is_repeated else read


def _read_string(value: Any, _depth: int) -> str:
    if type(value) is not str:
        raise _Misfit("expected a string")
    return value


def _read_bool(value: Any, _depth: int) -> bool:
    if type(value) is not bool:
        raise _Misfit("expected true or false")
    return value


def _read_id(value: Any, _depth: int) -> bytes:
    """Hexadecimal digits of any case. An odd number of them is no id of any kind: zeros in front make it
    longer than every id, so that validation refuses its span alone."""
    if type(value) is not str:
        raise _Misfit("expected a string of hexadecimal digits")
    if len(value) % 2:
        value = value.rjust(max(_LONGER_THAN_ANY_ID, len(value) + 1), "0")
    try:
        return binascii.unhexlify(value)
    except ValueError:
        raise _Misfit("expected hexadecimal digits") from None


def _read_base64(value: Any, _depth: int) -> bytes:
    """Standard or URL-safe alphabet, padded or not, as protobuf's JSON mapping takes it."""
    if type(value) is not str:
        raise _Misfit("expected a string of base64")
    text = value.translate(_URL_SAFE_TO_STANDARD).rstrip("=")
    try:
        return binascii.a2b_base64(text + "=" * (-len(text) % 4), strict_mode=True)
    except ValueError:
        raise _Misfit("expected base64") from None


def _read_double(value: Any, _depth: int) -> float:
    if type(value) is float:
        return value
    if type(value) is int:
        return float(value)
    if type(value) is not str:
        raise _Misfit("expected a number")
    if value in _SPECIAL_DOUBLES:
        return _SPECIAL_DOUBLES[value]
    number = float(value) if _NUMBER.fullmatch(value) else math.inf
    if math.isinf(number):
        raise _Misfit("expected a number, NaN, Infinity or -Infinity")
    return number


def _integer_reader(low: int, high: int) -> Callable[[Any, int], int]:
    """Reads a JSON number, or a string of digits, from `low` to `high`."""

    def read(value: Any, _depth: int) -> int:
        number: int = value if type(value) is int else _whole_number(value)
        if not low <= number <= high:
            raise _Misfit(f"expected an integer from {low} to {high}")
        return number

    return read


def _whole_number(value: Any) -> int:
    """The integer in a string, or in a float such as 1.0 or 1e3.

    JSON numbers of more than 64 bits arrive as floats, too; from 2**53 on these may have lost digits.
    """
    if type(value) is str and _INTEGER.fullmatch(value):
        return int(value)
    if type(value) is not float or not value.is_integer():
        raise _Misfit("expected an integer")
    if abs(value) >= _EXACT_IN_DOUBLE:
        raise _Misfit("expected an integer of at most 64 bits, without fraction or exponent")
    return int(value)


_read_int32 = _integer_reader(-(2**31), 2**31 - 1)
_read_uint32 = _integer_reader(0, 2**32 - 1)
_read_int64 = _integer_reader(-(2**63), 2**63 - 1)
_read_uint64 = _integer_reader(0, 2**64 - 1)


def _read_enum(value: Any, depth: int) -> int:
    """Enums are open in proto3: a number that has no name yet is kept."""
    if type(value) is str:
        raise _Misfit("expected the integer of the enum, not its name")
    return _read_int32(value, depth)


_SCALAR_READERS: dict[int, _Read] = {
    FieldDescriptor.TYPE_BOOL: _read_bool,
    FieldDescriptor.TYPE_BYTES: _read_base64,
    FieldDescriptor.TYPE_DOUBLE: _read_double,
    FieldDescriptor.TYPE_ENUM: _read_enum,
    FieldDescriptor.TYPE_FIXED32: _read_uint32,
    FieldDescriptor.TYPE_FIXED64: _read_uint64,
    FieldDescriptor.TYPE_INT32: _read_int32,
    FieldDescriptor.TYPE_INT64: _read_int64,
    FieldDescriptor.TYPE_SFIXED64: _read_int64,
    FieldDescriptor.TYPE_SINT32: _read_int32,
    FieldDescriptor.TYPE_STRING: _read_string,
    FieldDescriptor.TYPE_UINT32: _read_uint32,
    FieldDescriptor.TYPE_UINT64: _read_uint64,
}
