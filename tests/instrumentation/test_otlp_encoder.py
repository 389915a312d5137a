"""What the layer writes by hand, read by the classes that were generated from OpenTelemetry's own definitions."""

import enum
import math
from decimal import Decimal
from typing import Any

from hypothesis import example, given, settings
from hypothesis import strategies as st
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1 import common_pb2 as common
from opentelemetry.proto.logs.v1 import logs_pb2 as logs
from opentelemetry.proto.trace.v1 import trace_pb2 as trace

from coldlight_lambda import otlp
from coldlight_lambda.spans import Context, Link, Span

texts = st.text(max_size=200)
keys = st.text(max_size=30)
scalars = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False)
    | texts
    | st.binary(max_size=200)
)
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(keys, inner, max_size=5),
    max_leaves=20,
)
attribute_sets = st.dictionaries(keys, values, max_size=8)
times = st.integers(0, 2**64 - 1)
contexts = st.builds(
    Context,
    st.binary(min_size=16, max_size=16),
    st.binary(min_size=8, max_size=8),
    texts,
    st.integers(0, 0xFF),
)
events = st.tuples(times, texts, attribute_sets)
links = st.builds(Link, contexts, attribute_sets)


@st.composite
def spans(draw: st.DrawFn) -> Span:
    span = Span(
        draw(contexts),
        draw(st.sampled_from([b"", b"\1" * 8])),
        draw(texts),
        draw(st.integers(1, 5)),
        draw(times),
    )
    span.set(draw(attribute_sets))
    span.end_ns = draw(times)
    for event in draw(st.lists(events, max_size=3)):
        span.add_event(*event)
    for link in draw(st.lists(links, max_size=3)):
        span.add_link(link)
    span.status, span.status_message = draw(st.integers(0, 2)), draw(texts)
    counts = st.integers(0, 2**32 - 1)
    span.dropped_attributes, span.dropped_events, span.dropped_links = (
        draw(counts),
        draw(counts),
        draw(counts),
    )
    return span


def utf8(text: str) -> str:
    return text.encode("utf-8", "replace").decode()


def any_value(value: Any) -> common.AnyValue:
    match value:
        case bool():
            return common.AnyValue(bool_value=value)
        case str():
            return common.AnyValue(string_value=utf8(value))
        case int():
            return common.AnyValue(int_value=value)
        case float():
            return common.AnyValue(double_value=value)
        case bytes():
            return common.AnyValue(bytes_value=value)
        case list():
            return common.AnyValue(array_value=common.ArrayValue(values=map(any_value, value)))
        case dict():
            return common.AnyValue(kvlist_value=common.KeyValueList(values=pairs(value)))
    return common.AnyValue()


def pairs(attributes: Any) -> list[common.KeyValue]:
    return [common.KeyValue(key=utf8(key), value=any_value(value)) for key, value in attributes.items()]


def known(attributes: Any) -> list[common.KeyValue]:
    return pairs({key: value for key, value in attributes.items() if value is not None})


def message(span: Span) -> trace.Span:
    """The same span, made with the real classes."""
    made = trace.Span(
        trace_id=span.context.trace_id,
        span_id=span.context.span_id,
        trace_state=utf8(span.context.trace_state),
        parent_span_id=span.parent_span_id,
        flags=span.context.flags,
        name=utf8(span.name),
        kind=trace.Span.SpanKind.ValueType(span.kind),
        start_time_unix_nano=span.start_ns,
        end_time_unix_nano=span.end_ns,
        attributes=known(span.attributes),
        dropped_attributes_count=span.dropped_attributes,
        dropped_events_count=span.dropped_events,
        dropped_links_count=span.dropped_links,
    )
    made.events.extend(
        trace.Span.Event(
            time_unix_nano=event.time_ns, name=utf8(event.name), attributes=pairs(event.attributes)
        )
        for event in span.events
    )
    made.links.extend(
        trace.Span.Link(
            trace_id=link.context.trace_id,
            span_id=link.context.span_id,
            trace_state=utf8(link.context.trace_state),
            attributes=pairs(link.attributes),
            flags=link.context.flags,
        )
        for link in span.links
    )
    if span.status:
        made.status.code = trace.Status.StatusCode.ValueType(span.status)
        made.status.message = utf8(span.status_message)
    return made


def read(content: bytes) -> common.AnyValue:
    return common.AnyValue.FromString(content)


@settings(max_examples=25, deadline=None)
@given(spans())
def test_a_span_is_read_as_it_was_recorded(span: Span) -> None:
    assert trace.Span.FromString(otlp.span(span)) == message(span)


@given(values)
@example("\ud800")
@example([[], {}, None])
def test_a_value_is_read_as_it_was(value: Any) -> None:
    assert read(otlp.any_value(value)) == any_value(value)


@settings(max_examples=25, deadline=None)
@given(
    spans(),
    times,
    st.integers(0, 2),
    texts,
    st.dictionaries(keys, scalars.filter(lambda value: value is not None)),
)
def test_a_span_that_was_sent_while_open_is_completed_by_what_is_appended(
    span: Span, end_ns: int, status: int, told: str, more: dict[str, Any]
) -> None:
    span.end_ns, span.status = 0, 0
    appended = otlp.span(span) + otlp.ending(end_ns, status, told, more)
    expected = message(span)
    expected.end_time_unix_nano = end_ns
    expected.status.SetInParent()
    expected.status.code = trace.Status.StatusCode.ValueType(status)
    expected.status.message = utf8(told)
    expected.attributes.extend(pairs(more))
    assert trace.Span.FromString(appended) == expected


@settings(max_examples=25, deadline=None)
@given(spans(), attribute_sets, texts)
def test_a_call_that_was_encoded_when_it_began_is_read_as_it_has_ended(
    ended: Span, began_with: dict[str, Any], name: str
) -> None:
    """Whatever has become of it since: attributes more, or others, or other values of them; another name."""
    began = Span(ended.context, ended.parent_span_id, name, ended.kind, ended.start_ns, began_with)
    as_before = {**began.attributes, **ended.attributes}
    for attributes in (ended.attributes, as_before, {**as_before, **began.attributes}):
        ended.attributes = attributes
        told = trace.Span.FromString(otlp.extended(otlp.span(began), began.attributes, ended))
        expected = message(ended)
        for one in (told, expected):
            one.attributes.sort(key=lambda attribute: attribute.key)
        assert told == expected


@given(
    times, times, values, attribute_sets, st.tuples(st.integers(0, 24), texts), st.none() | contexts, texts
)
def test_a_log_record_is_read_as_it_was_written(
    time_ns: int,
    observed_ns: int,
    body: Any,
    attributes: dict[str, Any],
    severity: tuple[int, str],
    context: Context | None,
    event_name: str,
) -> None:
    written = otlp.log_record(time_ns, observed_ns, body, attributes, severity, context, event_name)
    expected = logs.LogRecord(
        time_unix_nano=time_ns,
        observed_time_unix_nano=observed_ns,
        severity_number=logs.SeverityNumber.ValueType(severity[0]),
        severity_text=utf8(severity[1]),
        body=any_value(body),
        attributes=pairs(attributes),
        event_name=utf8(event_name),
    )
    if context:
        expected.trace_id, expected.span_id, expected.flags = context.trace_id, context.span_id, context.flags
    assert logs.LogRecord.FromString(written) == expected


@settings(max_examples=20, deadline=None)
@given(attribute_sets, keys, keys, st.lists(spans(), max_size=2))
def test_a_request_carries_resource_scope_and_spans(
    resource: dict[str, Any], name: str, version: str, recorded: list[Span]
) -> None:
    written = otlp.request(resource, otlp.scope(name, version), map(otlp.span, recorded))
    request = ExportTraceServiceRequest.FromString(written)
    assert list(request.resource_spans[0].resource.attributes) == pairs(resource)
    scope_spans = request.resource_spans[0].scope_spans[0]
    assert scope_spans.scope == common.InstrumentationScope(name=utf8(name), version=utf8(version))
    assert list(scope_spans.spans) == [message(span) for span in recorded]
    assert scope_spans.schema_url == request.resource_spans[0].schema_url == otlp.SCHEMA_URL


def test_a_request_of_log_records_has_the_same_shape() -> None:
    record = otlp.log_record(1, 2, "ready", {})
    request = ExportLogsServiceRequest.FromString(otlp.request({"a": 1}, otlp.scope("s", "1"), [record]))
    assert request.resource_logs[0].scope_logs[0].log_records[0].body.string_value == "ready"


def test_what_is_not_a_number_stays_so() -> None:
    assert math.isnan(read(otlp.any_value(math.nan)).double_value)


def test_an_integer_beyond_64_bits_becomes_a_double_and_beyond_those_says_how_large_it_was() -> None:
    assert read(otlp.any_value(2**63)).double_value == 2.0**63
    assert read(otlp.any_value(10**5000)).string_value == "<int of 16610 bits>"


def test_a_list_that_holds_itself_many_times_comes_to_an_end() -> None:
    value: list[Any] = []
    value.extend([value] * 1000)
    assert len(otlp.any_value(value)) < 1_000_000


def test_a_nesting_without_end_is_cut() -> None:
    value: dict[str, Any] = {}
    value["again"] = value
    assert str(read(otlp.any_value(value))).count("again") == 16


def test_a_million_items_are_not_all_taken() -> None:
    found = read(otlp.any_value(list(range(1_000_000)))).array_value.values
    assert len(found) == 20_000
    assert found[-1].string_value == "..."


class Colour(enum.IntEnum):
    RED = 1

    def __str__(self) -> str:
        raise AssertionError("code of the function ran")

    __repr__ = __int__ = __index__ = __str__  # type: ignore[assignment]


class Name(str):
    __slots__ = ()

    def encode(self, *arguments: Any) -> bytes:
        raise AssertionError("code of the function ran")


def test_values_of_derived_types_are_read_without_running_their_code() -> None:
    assert read(otlp.any_value({"c": Colour.RED, "n": Name("x")})) == any_value({"c": 1, "n": "x"})


def test_of_a_foreign_object_only_the_type_is_told() -> None:
    assert read(otlp.any_value(Decimal(1))).string_value == "<decimal.Decimal>"
    assert read(otlp.any_value([object()])).array_value.values[0].string_value == "<object>"


def test_keys_that_are_no_strings_are_written_as_json_would() -> None:
    odd: Any = {1: "a", None: "b", 1.5: "c", (1, 2): "d"}
    assert [pair.key for pair in read(otlp.any_value(odd)).kvlist_value.values] == [
        "1",
        "None",
        "1.5",
        "tuple",
    ]


def test_a_span_too_long_for_a_frame_is_cut_and_says_so() -> None:
    span = Span(Context(b"t" * 16, b"s" * 8), b"", "name", 1, 1, {"large": "x" * 5_000_000, "small": "y"})
    read_back = trace.Span.FromString(otlp.span(span))
    found = {pair.key: pair.value for pair in read_back.attributes}
    assert len(found["large"].string_value) == 4096
    assert found["small"].string_value == "y"
    assert found["coldlight.truncated"] == any_value(["attributes"])
    assert len(span.attributes["large"]) == 5_000_000  # type: ignore[arg-type]


def test_a_batch_of_ten_thousand_records_keeps_its_links_and_keys() -> None:
    span = Span(Context(b"t" * 16, b"s" * 8), b"", "name", 2, 1)
    for number in range(10_000):
        span.add_link(Link(Context(b"t" * 16, number.to_bytes(8, "big"))))
    span.set({"coldlight.link.consumed": [f"sqs:{number:036}" for number in range(10_000)]})
    read_back = trace.Span.FromString(otlp.span(span))
    assert len(read_back.links) == 10_000
    assert len(read_back.attributes[0].value.array_value.values) == 10_000
