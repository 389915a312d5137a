"""What ClickHouse is told of OTLP agrees with OTLP's own descriptors, down to every field number."""

import re
from collections.abc import Iterator
from typing import cast

import pytest
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.descriptor_pb2 import FieldDescriptorProto

from coldlight_storage.signals import REQUEST_TYPE, Signal
from coldlight_storage.wire import wire

METRIC_DATA = ["gauge", "sum", "histogram", "exponential_histogram", "summary"]
READINGS = [(Signal.TRACES, ""), (Signal.LOGS, ""), *((Signal.METRICS, data) for data in METRIC_DATA)]

NOT_READ = {
    "opentelemetry.proto.common.v1.AnyValue.kvlist_value",
    "opentelemetry.proto.common.v1.AnyValue.string_value_strindex",
    "opentelemetry.proto.common.v1.KeyValue.key_strindex",
    "opentelemetry.proto.resource.v1.Resource.entity_refs",
}
# A value that is nested deeper than an array of plain ones comes as a text and its types (`stored.py`).
OUR_OWN = {
    "opentelemetry.proto.common.v1.AnyValue.text": "string = 1000",
    "opentelemetry.proto.common.v1.AnyValue.types": "string = 1001",
    "opentelemetry.proto.common.v1.ArrayValue.values": "repeated opentelemetry_proto_common_v1_Element = 1",
    "opentelemetry.proto.common.v1.Element.string_value": "string = 1",
    "opentelemetry.proto.common.v1.Element.bool_value": "bool = 2",
    "opentelemetry.proto.common.v1.Element.int_value": "int64 = 3",
    "opentelemetry.proto.common.v1.Element.double_value": "double = 4",
    "opentelemetry.proto.common.v1.Element.bytes_value": "bytes = 7",
}


def otlp_fields(message: Descriptor, met: set[str]) -> Iterator[tuple[str, str]]:
    """Every field of a message and what it holds: full name, and type and number as .proto text has them."""
    if message.full_name in met:
        return
    met.add(message.full_name)
    for item in message.fields:
        yield item.full_name, f"{label(item)}{type_name(item)} = {item.number}"
        if item.message_type and item.full_name not in NOT_READ:
            yield from otlp_fields(item.message_type, met)


def label(item: FieldDescriptor) -> str:
    if item.is_repeated:
        return "repeated "
    is_optional = item.containing_oneof is not None and item.containing_oneof.name == f"_{item.name}"
    return "optional " if is_optional else ""


def type_name(item: FieldDescriptor) -> str:
    if item.message_type:
        return item.message_type.full_name.replace(".", "_")
    if item.enum_type:
        return "int32"  # ClickHouse would refuse a value that it does not know
    return FieldDescriptorProto.Type.Name(cast(FieldDescriptorProto.Type.ValueType, item.type))[5:].lower()


def declared_fields(proto: str) -> dict[str, str]:
    """The same of a .proto text, whose message names have underscores for dots."""
    found = {}
    for name, body in re.findall(r"message (\w+) {(.*)}", proto):
        for field in re.findall(r"((?:repeated |optional )?\w+) (\w+) = (\d+);", body):
            found[f"{name}.{field[1]}"] = f"{field[0]} = {field[2]}"
    return found


@pytest.mark.parametrize(("signal", "metric_data"), READINGS)
def test_every_field_is_declared_as_otlp_has_it(signal: Signal, metric_data: str) -> None:
    otlp = dict(otlp_fields(cast(Descriptor, REQUEST_TYPE[signal].DESCRIPTOR), set())) | OUR_OWN
    declared = declared_fields(wire(signal, metric_data).proto)
    expected = {with_underscores(name): field for name, field in otlp.items() if is_read(name, metric_data)}
    assert {name: declared.get(name) for name in expected} == expected
    assert declared.keys() - expected.keys() == set()


def is_read(name: str, metric_data: str) -> bool:
    """Of a metric only the data of one table is read."""
    if name in NOT_READ:
        return False
    *_, message, field = name.split(".")
    if message == "Metric" and field in METRIC_DATA:
        return field == metric_data
    return not metric_data or message not in belongs_to_others(metric_data)


def belongs_to_others(metric_data: str) -> set[str]:
    own = {
        "gauge": {"Gauge", "NumberDataPoint", "Exemplar"},
        "sum": {"Sum", "NumberDataPoint", "Exemplar"},
        "histogram": {"Histogram", "HistogramDataPoint", "Exemplar"},
        "exponential_histogram": {
            "ExponentialHistogram",
            "ExponentialHistogramDataPoint",
            "Buckets",
            "Exemplar",
        },
        "summary": {"Summary", "SummaryDataPoint", "ValueAtQuantile"},
    }
    return set().union(*own.values()) - own[metric_data]


def with_underscores(full_name: str) -> str:
    message, _, field = full_name.rpartition(".")
    return f"{message.replace('.', '_')}.{field}"


@pytest.mark.parametrize(("signal", "metric_data"), READINGS)
def test_the_root_message_is_the_export_request(signal: Signal, metric_data: str) -> None:
    reading = wire(signal, metric_data)
    assert reading.message == cast(Descriptor, REQUEST_TYPE[signal].DESCRIPTOR).full_name.replace(".", "_")
    assert reading.proto.startswith('syntax = "proto3";\n')


@pytest.mark.parametrize(("signal", "metric_data"), READINGS)
def test_the_structure_has_a_column_for_every_field(signal: Signal, metric_data: str) -> None:
    reading = wire(signal, metric_data)
    names = {name.rpartition(".")[2] for name in declared_fields(reading.proto)}
    assert names <= set(re.findall(r"(\w+) ", reading.structure))
    assert reading.structure.count("(") == reading.structure.count(")")


def test_a_choice_tells_which_field_was_sent() -> None:
    choice = "value Enum8('no' = 0, 'string_value' = 1, 'bool_value' = 2, 'int_value' = 3, 'double_value' = 4"
    assert choice in wire(Signal.TRACES).structure


def test_absent_numbers_are_told_from_zero() -> None:
    assert "sum Nullable(Float64)" in wire(Signal.METRICS, "histogram").structure
    assert "sum Float64" in wire(Signal.METRICS, "summary").structure
