"""OTLP requests as the journal and ClickHouse hold them: OTLP, but for one thing.

ClickHouse has no recursive types, and OTLP's arrays and maps may hold each other to any depth. Arrays of plain values,
the usual ones, ClickHouse can read. Before a request is stored, every other array and every map in it is rendered: in the
place of the value come two fields of our own in its `AnyValue`,

    1000 text   JSON, as the OpenTelemetry ClickHouse exporter writes such a value into its string maps
    1001 types  the type of every value inside (`attributes.py`), so that nothing is lost

In the stored form, maps and arrays inside arrays have a required field that nobody sets. By that protobuf itself tells, at
the speed of C, whether a request still holds a value to render: then it cannot be serialised. See ADR 3.
"""

from collections.abc import Iterator
from typing import cast

from google.protobuf.descriptor import Descriptor, FileDescriptor
from google.protobuf.descriptor_pb2 import (
    EDITION_2023,
    DescriptorProto,
    FeatureSet,
    FieldDescriptorProto,
    FileDescriptorProto,
)
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass

from coldlight_storage.signals import REQUEST_TYPE, Signal

_TEXT, _TYPES, _NEVER_SET = 1000, 1001, 1002


def _stored_types() -> dict[Signal, type[Message]]:
    pool = DescriptorPool()
    added: set[str] = set()
    for request in REQUEST_TYPE.values():
        for file in _with_dependencies(cast(Descriptor, request.DESCRIPTOR).file):
            if file.name not in added:
                pool.Add(_altered(file))
                added.add(file.name)
    names = {signal: request.DESCRIPTOR.full_name for signal, request in REQUEST_TYPE.items()}
    return {signal: GetMessageClass(pool.FindMessageTypeByName(name)) for signal, name in names.items()}


def _with_dependencies(file: FileDescriptor) -> Iterator[FileDescriptor]:
    for dependency in file.dependencies:
        yield from _with_dependencies(dependency)
    yield file


def _altered(file: FileDescriptor) -> FileDescriptorProto:
    """The same file with the two fields, written in an edition: proto3 itself knows no required fields."""
    copy = FileDescriptorProto()
    file.CopyToProto(copy)
    copy.syntax, copy.edition = "editions", EDITION_2023
    copy.options.features.field_presence = FeatureSet.IMPLICIT
    for message in copy.message_type:
        _alter(message)
    _alter_values(copy)
    return copy


def _alter(message: DescriptorProto) -> None:
    _spell_out_optional(message)
    for nested in message.nested_type:
        _alter(nested)


def _alter_values(file: FileDescriptorProto) -> None:
    """Tells the values of an attribute (`AnyValue`) from those inside an array (`Element`), which is all that
    ClickHouse reads, and those from arrays and maps still deeper down, which it cannot."""
    messages = {message.name: message for message in file.message_type}
    if "AnyValue" not in messages:
        return
    element, deeper = file.message_type.add(), file.message_type.add()
    element.CopyFrom(messages["AnyValue"])
    deeper.CopyFrom(messages["ArrayValue"])
    element.name, deeper.name = "Element", "DeeperArray"
    _retype(element, "array_value", "DeeperArray")
    _retype(messages["ArrayValue"], "values", "Element")
    for unreadable in (deeper, messages["KeyValueList"]):
        never_set = _add_string(unreadable, "never_set", _NEVER_SET)
        never_set.options.features.field_presence = FeatureSet.LEGACY_REQUIRED
    _add_string(messages["AnyValue"], "text", _TEXT)
    _add_string(messages["AnyValue"], "types", _TYPES)


def _retype(message: DescriptorProto, name: str, type_name: str) -> None:
    item = next(item for item in message.field if item.name == name)
    item.type_name = f".opentelemetry.proto.common.v1.{type_name}"


def _add_string(message: DescriptorProto, name: str, number: int) -> FieldDescriptorProto:
    kind, label = FieldDescriptorProto.TYPE_STRING, FieldDescriptorProto.LABEL_OPTIONAL
    return message.field.add(name=name, number=number, type=kind, label=label)


def _spell_out_optional(message: DescriptorProto) -> None:
    """`optional` is a choice of one in proto3, and a feature of the field in an edition."""
    choices = set()
    for item in message.field:
        if item.proto3_optional:
            choices.add(item.oneof_index)
            item.ClearField("proto3_optional")
            item.ClearField("oneof_index")
            item.options.features.field_presence = FeatureSet.EXPLICIT
    # Choices of one come last (descriptor.proto), so that the indexes of the others stay.
    kept = [choice for index, choice in enumerate(message.oneof_decl) if index not in choices]
    del message.oneof_decl[:]
    message.oneof_decl.extend(kept)


STORED_TYPE: dict[Signal, type[Message]] = _stored_types()
"""The stored form of each signal's request; on the wire it reads and writes all of OTLP."""
