"""OTLP/JSON becomes the very messages that OTLP protobuf would have brought, or a clear refusal."""

import base64
import json
import math
from contextlib import suppress
from operator import attrgetter
from typing import Any, cast

import pytest
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from coldlight_collector.intake import Malformed
from coldlight_collector.otlp_json import MAX_DEPTH, decode
from coldlight_collector.validate import validate, validate_message
from coldlight_storage.signals import REQUEST_TYPE, Signal

unhurried = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])

HEX_IDS = {"trace_id", "span_id", "parent_span_id"}
INTEGERS = {
    FieldDescriptor.CPPTYPE_INT32: (-(2**31), 2**31 - 1),
    FieldDescriptor.CPPTYPE_INT64: (-(2**63), 2**63 - 1),
    FieldDescriptor.CPPTYPE_UINT32: (0, 2**32 - 1),
    FieldDescriptor.CPPTYPE_UINT64: (0, 2**64 - 1),
    FieldDescriptor.CPPTYPE_ENUM: (0, 2**31 - 1),
}


def span_json(**fields: object) -> bytes:
    return json.dumps({"resourceSpans": [{"scopeSpans": [{"spans": [fields]}]}]}).encode()


def decode_span(**fields: object) -> Any:
    request: Any = decode(span_json(**fields), ExportTraceServiceRequest)
    return request.resource_spans[0].scope_spans[0].spans[0]


def refusal_of_span(**fields: object) -> str:
    with pytest.raises(Malformed) as refusal:
        decode_span(**fields)
    return str(refusal.value).removeprefix("resourceSpans[0].scopeSpans[0].spans[0].")


def attribute_value(**value: object) -> Any:
    return decode_span(attributes=[{"key": "k", "value": value}]).attributes[0].value


def decode_point(**fields: object) -> Any:
    metrics = [{"gauge": {"dataPoints": [fields]}}]
    body = json.dumps({"resourceMetrics": [{"scopeMetrics": [{"metrics": metrics}]}]}).encode()
    request: Any = decode(body, ExportMetricsServiceRequest)
    return request.resource_metrics[0].scope_metrics[0].metrics[0].gauge.data_points[0]


def refusal_of(body: bytes) -> str:
    with pytest.raises(Malformed) as refusal:
        decode(body, ExportTraceServiceRequest)
    return str(refusal.value)


@st.composite
def messages(draw: st.DrawFn, message_type: type[Message], depth: int = 12) -> Message:
    """Any message of a type: any of its fields, any values that protobuf can hold."""
    message = message_type()
    fields = list(cast(Descriptor, message_type.DESCRIPTOR).fields)
    for field in draw(st.lists(st.sampled_from(fields), max_size=4, unique_by=attrgetter("number"))):
        if field.message_type is not None and not depth:
            continue
        values = draw(
            st.lists(field_values(field, depth), min_size=1, max_size=2 if field.is_repeated else 1)
        )
        message.MergeFrom(message_type(**{field.name: values if field.is_repeated else values[0]}))
    return message


def field_values(field: FieldDescriptor, depth: int) -> st.SearchStrategy[Any]:
    if field.message_type is not None:
        return messages(GetMessageClass(field.message_type), depth - 1)
    if field.cpp_type in INTEGERS:
        return st.integers(*INTEGERS[field.cpp_type])
    if field.type == FieldDescriptor.TYPE_BYTES:
        return st.binary(max_size=20)
    return {
        FieldDescriptor.CPPTYPE_BOOL: st.booleans(),
        FieldDescriptor.CPPTYPE_DOUBLE: st.floats(allow_nan=False)
        | st.just(math.nan),  # JSON knows one NaN only
        FieldDescriptor.CPPTYPE_STRING: st.text(max_size=10),
    }[field.cpp_type]


def to_json(message: Message) -> dict[str, Any]:
    """OTLP/JSON as the specification has it, written without a look at the decoder."""
    return {
        camel_case(field.name): [field_to_json(field, item) for item in value]
        if field.is_repeated
        else field_to_json(field, value)
        for field, value in message.ListFields()
    }


def camel_case(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(map(str.capitalize, rest))


def field_to_json(field: FieldDescriptor, value: Any) -> Any:
    if field.message_type is not None:
        return to_json(value)
    if field.name in HEX_IDS:
        return value.hex().upper() if value[:1] > b"\x80" else value.hex()
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if isinstance(value, float) and not math.isfinite(value):
        return {math.inf: "Infinity", -math.inf: "-Infinity"}.get(value, "NaN")
    is_64_bits = field.cpp_type in (FieldDescriptor.CPPTYPE_INT64, FieldDescriptor.CPPTYPE_UINT64)
    return str(value) if is_64_bits and value % 2 else value


@pytest.mark.parametrize("signal", Signal)
@unhurried
@given(data=st.data())
def test_json_of_any_request_decodes_to_that_request(signal: Signal, data: st.DataObject) -> None:
    request = data.draw(messages(REQUEST_TYPE[signal]))
    decoded = decode(json.dumps(to_json(request)).encode(), REQUEST_TYPE[signal])
    assert decoded.SerializeToString(deterministic=True) == request.SerializeToString(deterministic=True)


@unhurried
@given(st.binary() | st.text().map(str.encode))
def test_arbitrary_bytes_are_decoded_or_refused_as_malformed(body: bytes) -> None:
    with suppress(Malformed):
        decode(body, ExportTraceServiceRequest)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text() | st.sampled_from(["key", "value"]), inner),
    max_leaves=10,
)
span_fields = st.sampled_from(
    ["traceId", "name", "kind", "flags", "startTimeUnixNano", "attributes", "status"]
)


@unhurried
@given(span_fields, json_values)
def test_any_json_value_in_a_field_is_taken_or_refused_with_its_path(field: str, value: object) -> None:
    refusal = ""
    try:
        decode_span(**{field: value})
    except Malformed as error:
        refusal = str(error)
    assert not refusal or refusal.startswith(f"resourceSpans[0].scopeSpans[0].spans[0].{field}")


def test_ids_are_hexadecimal_of_any_case_everywhere() -> None:
    span = decode_span(
        traceId="5B8EFFF798038103D269B633813FC60C",
        spanId="eee19b7ec3c1b174",
        parentSpanId="EEE19b7ec3c1b173",
        links=[{"traceId": "5b8efff798038103d269b633813fc60c", "spanId": "eee19b7ec3c1b172"}],
    )
    assert span.trace_id.hex() == span.links[0].trace_id.hex() == "5b8efff798038103d269b633813fc60c"
    assert span.span_id.hex() == "eee19b7ec3c1b174"
    assert span.parent_span_id.hex() == "eee19b7ec3c1b173"
    assert span.links[0].span_id.hex() == "eee19b7ec3c1b172"


def test_ids_of_exemplars_are_hexadecimal() -> None:
    exemplar = decode_point(exemplars=[{"spanId": "00000000000000ab", "traceId": ""}]).exemplars[0]
    assert exemplar.span_id == bytes(7) + b"\xab"
    assert exemplar.trace_id == b""


@pytest.mark.parametrize("text", ["xyz0", "ab cd", "5B8EFFF798038103D269B633813FC60g", "\u0661\u0662", 12])
def test_an_id_that_is_not_hexadecimal_is_malformed(text: object) -> None:
    assert refusal_of_span(traceId=text).startswith("traceId: expected ")


@pytest.mark.parametrize("digits", [1, 13, 15, 17, 29, 30, 31, 33, 34, 35, 64])
def test_an_id_of_wrong_length_costs_its_span_alone(digits: int) -> None:
    spans = [{"traceId": "1" * digits, "spanId": "1" * 16}, {"traceId": "2" * 32, "spanId": "2" * 16}]
    body = json.dumps({"resourceSpans": [{"scopeSpans": [{"spans": spans}]}]}).encode()
    payload = validate_message(Signal.TRACES, decode(body, ExportTraceServiceRequest))
    assert (payload.items, payload.outcome.rejected) == (1, 1)


@pytest.mark.parametrize("text", ["+/8=", "+/8", "-_8=", "-_8"])
def test_bytes_are_base64_of_either_alphabet_with_or_without_padding(text: str) -> None:
    assert attribute_value(bytesValue=text).bytes_value == b"\xfb\xff"


@pytest.mark.parametrize("text", ["a", "a b=", "a*b=", "\u00e9", "YQ==YQ=="])
def test_bytes_that_are_not_base64_are_malformed(text: str) -> None:
    refusal = refusal_of_span(attributes=[{"key": "k", "value": {"bytesValue": text}}])
    assert refusal == "attributes[0].value.bytesValue: expected base64"


def test_snake_case_and_unknown_names_are_ignored_whatever_they_hold() -> None:
    span = decode_span(name="kept", trace_id="not hex", start_time_unix_nano={}, future=[1, {"a": None}])
    assert span == decode_span(name="kept")


def test_null_is_absent() -> None:
    assert decode_span(name=None, traceId=None, attributes=None, status=None, kind=None) == decode_span()


def test_null_is_no_element_of_an_array() -> None:
    assert refusal_of_span(attributes=[{"key": "k"}, None]) == "attributes[1]: expected an object"


def test_enums_are_integers_known_or_not() -> None:
    assert decode_span(kind=3).kind == 3
    assert decode_span(kind=77, status={"code": 2}).kind == 77


@pytest.mark.parametrize("name", ["SPAN_KIND_CLIENT", "3", ""])
def test_enum_names_are_malformed(name: str) -> None:
    assert refusal_of_span(kind=name) == "kind: expected the integer of the enum, not its name"


@pytest.mark.parametrize("value", [0, 2**53 + 1, 2**63, 2**64 - 1])
def test_64_bit_integers_are_exact_as_string_and_as_number(value: int) -> None:
    assert decode_span(startTimeUnixNano=value).start_time_unix_nano == value
    assert decode_span(startTimeUnixNano=str(value)).start_time_unix_nano == value


@pytest.mark.parametrize("value", [-(2**63), -1, 2**63 - 1])
def test_signed_64_bit_integers_are_exact_as_string_and_as_number(value: int) -> None:
    assert attribute_value(intValue=value).int_value == value
    assert attribute_value(intValue=str(value)).int_value == value


def test_a_whole_number_written_with_fraction_or_exponent_is_an_integer() -> None:
    assert attribute_value(intValue=1.0).int_value == 1
    assert decode_span(flags=1e2).flags == 100


@pytest.mark.parametrize(
    "value",
    [-1, 2**64, "-1", str(2**64), "9" * 5000, 1.5, 1e300, "1.5", " 1", "1_0", "\u0661", "", True, [], {}],
)
def test_what_is_no_unsigned_64_bit_integer_is_malformed(value: object) -> None:
    assert refusal_of_span(endTimeUnixNano=value).startswith("endTimeUnixNano: expected an integer")


@pytest.mark.parametrize("value", [2**64 - 1, str(2**63), 0.5, "1e300"])
def test_what_is_no_signed_64_bit_integer_is_malformed(value: object) -> None:
    refusal = refusal_of_span(attributes=[{"key": "k", "value": {"intValue": value}}])
    assert refusal.startswith("attributes[0].value.intValue: expected an integer")


@pytest.mark.parametrize("value", [2**63, -(2**63) * 2, 1e21, -1e300, 1e17])
def test_a_whole_number_of_javascript_that_no_integer_holds_is_a_double(value: float) -> None:
    """Its SDK writes all of them as intValue; it has no other numbers than doubles."""
    assert attribute_value(intValue=value).double_value == value


def test_what_is_no_32_bit_integer_is_malformed() -> None:
    assert (
        refusal_of_span(droppedEventsCount=2**32)
        == "droppedEventsCount: expected an integer from 0 to 4294967295"
    )


def test_an_integer_of_5000_digits_is_malformed() -> None:
    assert refusal_of(b'{"resourceSpans": [' + b"9" * 5000 + b"]}").startswith("the body is not JSON")


@pytest.mark.parametrize(
    ("sent", "stored"),
    [(1, 1.0), (0.5, 0.5), ("0.5e1", 5.0), ("Infinity", math.inf), ("-Infinity", -math.inf)],
)
def test_doubles_are_numbers_or_the_names_of_those_json_lacks(sent: object, stored: float) -> None:
    assert decode_point(asDouble=sent).as_double == stored


def test_nan_is_a_string() -> None:
    assert math.isnan(decode_point(asDouble="NaN").as_double)
    assert refusal_of(b'{"resourceSpans": NaN}').startswith("the body is not JSON")


@pytest.mark.parametrize("value", ["nan", "inf", "1e999", "1_0", "", True, {}])
def test_what_is_no_double_is_malformed(value: object) -> None:
    with pytest.raises(Malformed, match=r"dataPoints\[0\]\.asDouble: expected a number"):
        decode_point(asDouble=value)


@pytest.mark.parametrize("value", [0, "true", []])
def test_booleans_are_true_or_false(value: object) -> None:
    refusal = refusal_of_span(attributes=[{"key": "k", "value": {"boolValue": value}}])
    assert refusal == "attributes[0].value.boolValue: expected true or false"


def test_an_explicit_false_zero_or_nothing_is_a_value() -> None:
    assert attribute_value(boolValue=False).WhichOneof("value") == "bool_value"
    assert attribute_value(stringValue="").WhichOneof("value") == "string_value"
    assert attribute_value(arrayValue={}).WhichOneof("value") == "array_value"
    assert attribute_value().WhichOneof("value") is None


def test_two_values_of_one_oneof_are_malformed() -> None:
    refusal = refusal_of_span(attributes=[{"key": "k", "value": {"stringValue": "a", "intValue": 1}}])
    assert refusal == "attributes[0].value: stringValue and intValue exclude each other: send one"


@pytest.mark.parametrize("body", [b"", b"{", b"\xff", b'{"a": \xff}', b'{"a": \\ud800}', b"[" * 2000])
def test_what_is_not_json_is_malformed(body: bytes) -> None:
    assert refusal_of(body).startswith("the body is not JSON: ")


@pytest.mark.parametrize("body", [b"[]", b"null", b'"text"', b"1"])
def test_a_request_is_an_object(body: bytes) -> None:
    assert refusal_of(body) == "body: expected an object"


def test_an_object_is_no_array_and_an_array_no_object() -> None:
    assert refusal_of(b'{"resourceSpans": {}}') == "resourceSpans: expected an array"
    assert (
        refusal_of(b'{"resourceSpans": [{"resource": []}]}')
        == "resourceSpans[0].resource: expected an object"
    )


def nested_arrays(count: int) -> dict[str, Any]:
    value: dict[str, Any] = {"stringValue": "deep"}
    for _ in range(count):
        value = {"arrayValue": {"values": [value]}}
    return {"attributes": [{"key": "k", "value": value}]}


def test_messages_nest_as_deep_as_protobuf_takes_them_and_no_deeper() -> None:
    around_the_value = 6
    deepest = (MAX_DEPTH - around_the_value) // 2
    request = decode(span_json(**nested_arrays(deepest)), ExportTraceServiceRequest)
    with pytest.raises(Malformed, match="nested too deep: at most 100 messages"):
        decode(span_json(**nested_arrays(deepest + 1)), ExportTraceServiceRequest)
    body = request.SerializeToString()
    assert ExportTraceServiceRequest.FromString(body) == request


def test_an_empty_object_is_an_empty_request() -> None:
    assert validate(Signal.TRACES, decode(b"{}", ExportTraceServiceRequest).SerializeToString()).items == 0
