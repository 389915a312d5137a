"""How ClickHouse reads stored requests: a Protobuf schema and a table structure, both derived from `stored.py`."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from typing import cast

from google.protobuf.descriptor import Descriptor, FieldDescriptor

from coldlight_storage.signals import Signal
from coldlight_storage.stored import STORED_TYPE

_SCALARS = {
    FieldDescriptor.TYPE_BOOL: ("bool", "Bool"),
    FieldDescriptor.TYPE_BYTES: ("bytes", "String"),
    FieldDescriptor.TYPE_DOUBLE: ("double", "Float64"),
    FieldDescriptor.TYPE_ENUM: ("int32", "Int32"),
    FieldDescriptor.TYPE_FIXED32: ("fixed32", "UInt32"),
    FieldDescriptor.TYPE_FIXED64: ("fixed64", "UInt64"),
    FieldDescriptor.TYPE_INT32: ("int32", "Int32"),
    FieldDescriptor.TYPE_INT64: ("int64", "Int64"),
    FieldDescriptor.TYPE_SFIXED64: ("sfixed64", "Int64"),
    FieldDescriptor.TYPE_SINT32: ("sint32", "Int32"),
    FieldDescriptor.TYPE_STRING: ("string", "String"),
    FieldDescriptor.TYPE_UINT32: ("uint32", "UInt32"),
    FieldDescriptor.TYPE_UINT64: ("uint64", "UInt64"),
}
_METRIC_DATA = {"gauge", "sum", "histogram", "exponential_histogram", "summary"}
# Arrays and maps are read as rendered. The rest only profiles use, or is still in development: ADR 3.
_LEFT_OUT = {
    "AnyValue.kvlist_value",
    "Element.array_value",
    "Element.kvlist_value",
    "Element.string_value_strindex",
    "AnyValue.string_value_strindex",
    "KeyValue.key_strindex",
    "Resource.entity_refs",
}


@dataclass(frozen=True)
class Wire:
    """One way to read a request: `proto` (a .proto text), its root `message`, and the `structure` of the columns."""

    proto: str
    message: str
    structure: str


@dataclass
class _Reading:
    """The messages met so far, by name."""

    left_out: frozenset[str]
    messages: dict[str, str] = field(default_factory=dict)


@cache
def wire(signal: Signal, metric_data: str = "") -> Wire:
    """The reading of a signal's stored request; for metrics, of those that hold `metric_data` ("gauge", ...)."""
    other_data = {f"Metric.{data}" for data in _METRIC_DATA - {metric_data}}
    reading = _Reading(frozenset(_LEFT_OUT | other_data))
    message, tuple_type = _message(reading, cast(Descriptor, STORED_TYPE[signal].DESCRIPTOR))
    proto = "\n".join(['syntax = "proto3";', *reading.messages.values()])
    return Wire(proto, message, tuple_type.removeprefix("Tuple(").removesuffix(")"))


def _message(reading: _Reading, message: Descriptor) -> tuple[str, str]:
    """Declares a message (and what it holds); returns its name and its ClickHouse type."""
    name = message.full_name.replace(".", "_")
    kept = [f for f in message.fields if f"{message.name}.{f.name}" not in reading.left_out]
    types = {f.name: _field_types(reading, f) for f in kept}
    declarations = [*_plain_declarations(kept, types), *_choice_declarations(kept, types)]
    columns = [*(f"{f.name} {_column_type(f, types[f.name][1])}" for f in kept), *_choice_columns(kept)]
    reading.messages[name] = f"message {name} {{ {' '.join(declarations)} }}"
    return name, f"Tuple({', '.join(columns)})"


def _field_types(reading: _Reading, item: FieldDescriptor) -> tuple[str, str]:
    if item.message_type is None:
        return _SCALARS[item.type]
    return _message(reading, item.message_type)


def _is_optional(item: FieldDescriptor) -> bool:
    """Whether the absence of a number is told apart from zero (of a required one it need not be)."""
    singular_number = not item.is_repeated and item.message_type is None and item.containing_oneof is None
    return singular_number and item.has_presence and not item.is_required


def _column_type(item: FieldDescriptor, inner: str) -> str:
    if item.is_repeated:
        return f"Array({inner})"
    return f"Nullable({inner})" if _is_optional(item) else inner


def _declare(item: FieldDescriptor, types: dict[str, tuple[str, str]]) -> str:
    prefix = "repeated " if item.is_repeated else "optional " if _is_optional(item) else ""
    return f"{prefix}{types[item.name][0]} {item.name} = {item.number};"


def _plain_declarations(kept: list[FieldDescriptor], types: dict[str, tuple[str, str]]) -> Iterator[str]:
    return (_declare(item, types) for item in kept if item.containing_oneof is None)


def _choices(kept: list[FieldDescriptor]) -> dict[str, list[FieldDescriptor]]:
    choices: dict[str, list[FieldDescriptor]] = {}
    for item in kept:
        if item.containing_oneof is not None:
            choices.setdefault(item.containing_oneof.name, []).append(item)
    return choices


def _choice_declarations(kept: list[FieldDescriptor], types: dict[str, tuple[str, str]]) -> Iterator[str]:
    for name, items in _choices(kept).items():
        yield f"oneof {name} {{ {' '.join(_declare(item, types) for item in items)} }}"


def _choice_columns(kept: list[FieldDescriptor]) -> Iterator[str]:
    """`input_format_protobuf_oneof_presence` fills a column named as the choice with the field that was sent."""
    for name, items in _choices(kept).items():
        members = ", ".join(f"'{item.name}' = {item.number}" for item in items)
        yield f"{name} Enum8('no' = 0, {members})"
