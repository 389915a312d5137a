"""What holds for whatever is sent: the formats agree, nothing is lost, nothing breaks the receiver."""

import json
from collections import Counter
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from py_zipkin.encoding._encoders import get_encoder
from py_zipkin.encoding._helpers import Endpoint, Span
from py_zipkin.encoding._types import Encoding, Kind
from tests.otlp import attributes

from coldlight_collector.intake import Refused
from coldlight_collector.validate import validate_message
from coldlight_collector.zipkin import to_otlp, v1_json, v2_json, v2_protobuf
from coldlight_storage.signals import Signal
from coldlight_storage.testing import sent_form

unhurried = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])

NOON_US = 1_795_435_200_000_000
DECODERS = {"v1": v1_json.decode, "v2": v2_json.decode, "protobuf": v2_protobuf.decode}


def stored(decode: Any, body: bytes) -> Any:
    """The OTLP request that comes of a body, as it is stored."""
    converted = to_otlp.convert(decode(body).spans, NOON_US)
    return sent_form(validate_message(Signal.TRACES, converted.request).body)


words = st.text(st.characters(codec="utf-8"), max_size=8)
span_ids = st.integers(1, 2**64 - 1).map(lambda number: f"{number:016x}")
seconds = st.integers(10**9, 2 * 10**9).map(float)
"""Whole ones: py_zipkin computes in floating point."""
endpoints = st.none() | st.builds(
    Endpoint,
    words,
    st.none() | st.ip_addresses(v=4).map(str),
    st.none() | st.ip_addresses(v=6).map(str),
    st.integers(0, 65535),
)
zipkin_spans = st.builds(
    Span,
    trace_id=st.integers(1, 2**128 - 1).map(lambda number: f"{number:032x}"),
    name=words,
    parent_id=st.none() | span_ids,
    span_id=span_ids,
    kind=st.sampled_from(Kind),
    timestamp=st.none() | seconds,
    duration=st.none() | seconds,
    local_endpoint=endpoints,
    remote_endpoint=endpoints,
    shared=st.booleans(),
    annotations=st.dictionaries(words, seconds, max_size=2),
    tags=st.dictionaries(words, words, max_size=3),
)


def encoded(encoding: Encoding, span: Span) -> bytes:
    encoder: Any = get_encoder(encoding)
    body: str | bytes = encoder.encode_queue([encoder.encode_span(span)])
    return body if isinstance(body, bytes) else body.encode()


def in_order(request: Any) -> Any:
    """The request with the attributes of its spans sorted: protobuf's maps have no order."""
    for group in request.resource_spans:
        for scope in group.scope_spans:
            for span in scope.spans:
                span.attributes.sort(key=lambda attribute: attribute.key)
    return request


@unhurried
@given(zipkin_spans)
def test_json_and_protobuf_of_a_span_say_the_same(span: Span) -> None:
    of_json = stored(v2_json.decode, encoded(Encoding.V2_JSON, span))
    of_protobuf = stored(v2_protobuf.decode, encoded(Encoding.V2_PROTO3, span))
    assert in_order(of_json) == in_order(of_protobuf)


v1_endpoints = st.none() | st.fixed_dictionaries({"serviceName": st.sampled_from(["", "a", "b", "c"])})
times = st.integers(NOON_US, NOON_US + 10**6)
v1_annotations = st.fixed_dictionaries(
    {
        "timestamp": times,
        "value": st.sampled_from(["cs", "cr", "sr", "ss", "ms", "mr", "ws", "wr", "x", "y"]),
        "endpoint": v1_endpoints,
    }
)
v1_facts = st.fixed_dictionaries({"value": words, "endpoint": v1_endpoints})
v1_spans = st.fixed_dictionaries(
    {
        "traceId": span_ids,
        "id": span_ids,
        "annotations": st.lists(v1_annotations, max_size=8),
        "binaryAnnotations": st.lists(v1_facts, max_size=4).map(
            lambda facts: [{**fact, "key": f"tag {number}"} for number, fact in enumerate(facts)]
        ),
    },
    optional={"timestamp": times, "duration": st.integers(0, 10**6)},
)


@unhurried
@given(v1_spans)
def test_whatever_a_v1_span_holds_is_in_one_of_its_spans(sent: dict[str, Any]) -> None:
    request = stored(v1_json.decode, json.dumps([sent]).encode())
    spans = [span for group in request.resource_spans for scope in group.scope_spans for span in scope.spans]
    assert len({(span.span_id, span.kind) for span in spans if span.kind > 1}) == sum(
        s.kind > 1 for s in spans
    )

    tags = Counter(
        (key, value) for span in spans for key, value in attributes(span).items() if key[:4] == "tag "
    )
    assert tags == Counter((fact["key"], fact["value"]) for fact in sent["binaryAnnotations"])
    events = Counter((event.name, event.time_unix_nano // 1000) for span in spans for event in span.events)
    told = {end // 1000 for span in spans for end in (span.start_time_unix_nano, span.end_time_unix_nano)}
    for (value, time_us), count in Counter((a["value"], a["timestamp"]) for a in sent["annotations"]).items():
        as_times = {time_us - 1, time_us, time_us + 1} & told and value not in ("x", "y")
        assert events[value, time_us] == count or as_times


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | words,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words, inner, max_size=3),
    max_leaves=8,
)
FIELDS = (
    "traceId", "id", "parentId", "name", "kind", "timestamp", "duration", "debug", "shared", "annotations", "tags",
    "binaryAnnotations", "localEndpoint", "remoteEndpoint", "endpoint", "serviceName", "ipv4", "port", "key",
    "value", "type", "error", "otlp.link.0", "otel.status_code", "otel.scope.name",
)  # fmt: skip
likely_values = st.recursive(
    json_values | span_ids | st.sampled_from(["CLIENT", "cs", "sr", "sa", "BYTES", "a|{}|1", "error"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(FIELDS), inner, max_size=4),
    max_leaves=10,
)
likely_spans = st.fixed_dictionaries(
    {"traceId": span_ids, "id": span_ids},
    optional={field: likely_values for field in FIELDS if field not in ("traceId", "id")},
)


@pytest.mark.parametrize("version", ["v1", "v2"])
@unhurried
@given(spans=st.lists(likely_spans | likely_values, max_size=3))
def test_json_of_any_shape_is_stored_or_refused(version: str, spans: list[Any]) -> None:
    with suppress(Refused):
        stored(DECODERS[version], json.dumps(spans).encode())


@unhurried
@given(st.binary(max_size=60), st.lists(st.binary(max_size=60), max_size=3))
def test_bytes_of_any_kind_are_stored_or_refused(body: bytes, spans: list[bytes]) -> None:
    in_list = b"".join(b"\x0a" + bytes([len(span)]) + span for span in spans)
    for sent in (body, in_list, in_list + body):
        for decode in DECODERS.values():
            with suppress(Refused):
                stored(decode, sent)
