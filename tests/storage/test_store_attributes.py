"""Attributes come out of the store as they were sent, wherever they were: of every type, to any depth."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import pytest
from google.protobuf.message import Message
from hypothesis import strategies as st
from opentelemetry.proto.common.v1.common_pb2 import InstrumentationScope, KeyValue
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord
from opentelemetry.proto.metrics.v1.metrics_pb2 import Exemplar, Gauge, Metric, NumberDataPoint
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1.trace_pb2 import Span
from tests.examples import examples

from coldlight_storage import Store
from coldlight_storage.attributes import KeyValues, Value, decode_pairs, decode_value
from coldlight_storage.testing import (
    Put,
    attributes,
    log_record,
    logs_request,
    metrics_request,
    span,
    traces_request,
)

Attributes = list[KeyValue]


def traces_with(given: Attributes) -> Message:
    """A span that has these attributes wherever it can have any."""
    made = Span(
        attributes=given,
        events=[Span.Event(), Span.Event(attributes=given)],
        links=[Span.Link(), Span.Link(attributes=given)],
    )
    request = traces_request(made)
    group = request.resource_spans[0]
    group.resource.CopyFrom(Resource(attributes=given))
    group.scope_spans[0].scope.CopyFrom(InstrumentationScope(attributes=given))
    return request


def logs_with(given: Attributes) -> Message:
    request = logs_request(LogRecord(attributes=given))
    group = request.resource_logs[0]
    group.resource.CopyFrom(Resource(attributes=given))
    group.scope_logs[0].scope.CopyFrom(InstrumentationScope(attributes=given))
    return request


def metrics_with(given: Attributes) -> Message:
    exemplars = [Exemplar(), Exemplar(filtered_attributes=given)]
    point = NumberDataPoint(attributes=given, exemplars=exemplars)
    return metrics_request(Metric(gauge=Gauge(data_points=[point]), metadata=given))


@dataclass(frozen=True)
class Place:
    """Where the attributes of something are stored, and their types."""

    table: str
    map: str
    types: str


SPAN = Place("otel_traces", "SpanAttributes", "SpanAttributeTypes")
PLACES: dict[Callable[[Attributes], Message], list[Place]] = {
    traces_with: [
        SPAN,
        Place("otel_traces", "Events.Attributes[2]", "EventAttributeTypes[2]"),
        Place("otel_traces", "Links.Attributes[2]", "LinkAttributeTypes[2]"),
        Place("otel_traces", "ResourceAttributes", "ResourceAttributeTypes"),
        Place("otel_traces", "ScopeAttributes", "ScopeAttributeTypes"),
    ],
    logs_with: [
        Place("otel_logs", "LogAttributes", "LogAttributeTypes"),
        Place("otel_logs", "ResourceAttributes", "ResourceAttributeTypes"),
        Place("otel_logs", "ScopeAttributes", "ScopeAttributeTypes"),
    ],
    metrics_with: [
        Place("otel_metrics_gauge", "Attributes", "AttributeTypes"),
        Place("otel_metrics_gauge", "Exemplars.FilteredAttributes[2]", "ExemplarAttributeTypes[2]"),
        Place("otel_metrics_gauge", "MetricMetadata", "MetricMetadataTypes"),
    ],
}


def nested(depth: int) -> Value:
    """A list in a map in a list ... around one value."""
    value: Value = "innermost"
    for level in range(depth):
        value = [value, level] if level % 2 else KeyValues((("inside", value), ("level", level)))
    return value


VALUES: list[Value] = [
    "text",
    "",
    "\0\x01\x1b\x7f\u2028 '\"\\/\n\t {x:String} %s 日本😀",
    '{"looks": ["like", "json"]}',
    "true",
    "1",
    True,
    False,
    0,
    2**53 + 1,
    2**63 - 1,
    -(2**63),
    0.0,
    -0.0,
    0.1,
    1e300,
    5e-324,
    100.0,
    math.nan,
    math.inf,
    -math.inf,
    b"",
    b"\x00\xff\xfe binary",
    None,
    [],
    KeyValues(()),
    ["a", "b", ""],
    [True, False],
    [1, 2**53 + 1, -(2**63)],
    [0.5, -0.0, 3.0, 1e300, math.nan, math.inf, -math.inf],
    [b"\xff", b""],
    ["mixed", 1, 1.0, True, None, b"\x00", [], KeyValues(())],
    KeyValues((("a", 1), ("b'\"\\\0", [1, "x"]), ("", KeyValues((("deep", None),))))),
    KeyValues((("twice", 1), ("twice", "two"), ("twice", None))),
    *[nested(depth) for depth in range(1, 9)],
    nested(30),
]


def all_values() -> KeyValues:
    """Every value under a key of its own, and some under one key."""
    pairs = [(f"key {index}", value) for index, value in enumerate(VALUES)]
    return KeyValues((*pairs, ("again", 1), ("again", "one"), ("again", [1.0])))


@pytest.mark.parametrize("request_with", PLACES)
def test_attributes_of_every_type_come_back(
    store: Store, put: Put, request_with: Callable[[Attributes], Message]
) -> None:
    put(request_with(attributes(all_values())))
    for place in PLACES[request_with]:
        assert_same(read(store, place), [all_values()])


def test_log_bodies_of_every_type_come_back(store: Store, put: Put) -> None:
    put(logs_request(*[log_record(value, at=at) for at, value in enumerate(VALUES)]))
    assert_same(read_bodies(store), VALUES)


def test_a_service_name_is_found_whatever_its_type(store: Store, put: Put) -> None:
    requests = [traces_request(Span()) for _ in range(3)]
    for request, name in zip(requests, ("orders", 7, ["a"]), strict=True):
        request.resource_spans[0].resource.CopyFrom(Resource(attributes=attributes({"service.name": name})))
    put(*requests)
    rows = store.select("SELECT ServiceName FROM otel_traces ORDER BY ServiceName")
    assert [row["ServiceName"] for row in rows] == ["7", '["a"]', "orders"]


def test_attributes_are_the_text_that_the_exporter_writes(store: Store, put: Put) -> None:
    """As `AsString` of the OpenTelemetry Collector writes a value (pcommon.Value)."""
    given = {"list": ["a", 1, True], "map": {"b": [0.5]}, "bytes": b"hi", "none": None, "flag": False}
    put(traces_request(span(attributes=given)))
    row = store.select("SELECT SpanAttributes AS a FROM otel_traces")[0]["a"]
    expected = {"list": '["a",1,true]', "map": '{"b":[0.5]}', "bytes": "aGk=", "none": "", "flag": "false"}
    assert row == expected


TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
SCALARS: st.SearchStrategy[Value] = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**63), 2**63 - 1),
    st.floats(),
    TEXTS,
    st.binary(max_size=20),
)


def key_values(values: st.SearchStrategy[Value]) -> st.SearchStrategy[KeyValues]:
    return st.lists(st.tuples(TEXTS, values), max_size=5).map(lambda pairs: KeyValues(tuple(pairs)))


ANY = st.recursive(SCALARS, lambda inner: st.lists(inner, max_size=5) | key_values(inner), max_leaves=15)


def test_any_attributes_come_back(store: Store, put: Put) -> None:
    many = examples(key_values(ANY))
    put(traces_request(*[span(number, attributes=given) for number, given in enumerate(many, 1)]))
    assert_same(read(store, SPAN, "SpanId"), many)


def test_any_log_bodies_come_back(store: Store, put: Put) -> None:
    many = examples(ANY)
    put(logs_request(*[log_record(body, at=at) for at, body in enumerate(many)]))
    assert_same(read_bodies(store), many)


def read(store: Store, place: Place, order: str = "tuple()") -> list[KeyValues]:
    rows = store.select(
        f"SELECT mapKeys({place.map}) AS keys, mapValues({place.map}) AS texts, {place.types} AS types"
        f" FROM {place.table} ORDER BY {order}"
    )
    return [decode_pairs(row["keys"], row["texts"], row["types"]) for row in rows]


def read_bodies(store: Store) -> list[Value]:
    rows = store.select("SELECT Body, BodyType FROM otel_logs ORDER BY Timestamp")
    return [decode_value(row["Body"], row["BodyType"]) for row in rows]


def assert_same(found: list[Value] | list[KeyValues], sent: list[Value] | list[KeyValues]) -> None:
    """Equal in type and value: unlike ==, a representation tells 1 from True and 0.0 from -0.0, and NaN is NaN."""
    assert [repr(value) for value in found] == [repr(value) for value in sent]
