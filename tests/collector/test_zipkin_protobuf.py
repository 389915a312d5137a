"""V2 in protobuf, written by the code that protoc made of zipkin.proto (py_zipkin brings it)."""

from typing import Any

import pytest
from opentelemetry.proto.trace.v1.trace_pb2 import Span
from py_zipkin.encoding.protobuf import zipkin_pb2
from tests.collector.zipkin_port import NOTE, PROTOBUF, ZipkinPort, clock_us
from tests.otlp import attributes

from coldlight_storage.testing import clock_ns, span_id, trace_id

zipkin_types: Any = zipkin_pb2


def proto_span(number: int = 1, **fields: Any) -> Any:
    """Span `number` of trace 1: one second from noon on, unless `fields` say otherwise."""
    times = {"timestamp": clock_us(), "duration": 1_000_000}
    return zipkin_types.Span(**{"trace_id": trace_id(1), "id": span_id(number), **times, **fields})


def encoded(*spans: Any) -> bytes:
    body: bytes = zipkin_types.ListOfSpans(spans=spans).SerializeToString()
    return body


async def store(zipkin: ZipkinPort, *spans: Any) -> list[Any]:
    response = await zipkin.post(encoded(*spans), content_type=PROTOBUF)
    assert (response.status_code, response.content) == (202, b"")
    return zipkin.stored_spans


async def test_every_field_finds_its_place(zipkin: ZipkinPort) -> None:
    sent = proto_span(
        number=2,
        parent_id=span_id(1),
        kind=zipkin_types.Span.CLIENT,
        name="get",
        local_endpoint=zipkin_types.Endpoint(service_name="orders", ipv4=bytes([10, 0, 0, 1]), port=80),
        remote_endpoint=zipkin_types.Endpoint(service_name="stock", ipv6=bytes(15) + b"\1", port=443),
        annotations=[zipkin_types.Annotation(timestamp=clock_us(0.5), value="retry")],
        tags={"http.path": "/stock", "error": "timeout"},
        debug=True,
        shared=True,
    )
    [span] = await store(zipkin, sent)
    assert (span.trace_id, span.span_id, span.parent_span_id) == (trace_id(1), span_id(2), span_id(1))
    assert (span.kind, span.name, span.status.message) == (Span.SPAN_KIND_CLIENT, "get", "timeout")
    assert (span.start_time_unix_nano, span.end_time_unix_nano) == (clock_ns(), clock_ns(1))
    assert [(event.name, event.time_unix_nano) for event in span.events] == [("retry", clock_ns(0.5))]
    assert zipkin.stored_groups[0][0] == {"service.name": "orders"}
    assert attributes(span) == {
        "http.path": "/stock",
        "network.local.address": "10.0.0.1",
        "network.local.port": 80,
        "peer.service": "stock",
        "network.peer.address": "::1",
        "network.peer.port": 443,
        "server.address": "::1",
        "server.port": 443,
        "zipkin.debug": True,
        "zipkin.shared": True,
    }


async def test_a_trace_id_of_64_bits_is_padded(zipkin: ZipkinPort) -> None:
    [span] = await store(zipkin, proto_span(trace_id=span_id(7)))
    assert span.trace_id == trace_id(7)


async def test_a_zero_is_no_time(zipkin: ZipkinPort) -> None:
    [span] = await store(zipkin, proto_span(duration=0))
    assert attributes(span) == {"coldlight.partial": True, "coldlight.repaired": ["end_time_unix_nano"]}


async def test_times_beyond_all_clocks_are_cut_off(zipkin: ZipkinPort) -> None:
    [span] = await store(zipkin, proto_span(timestamp=2**64 - 1, duration=2**64 - 1))
    assert span.start_time_unix_nano == span.end_time_unix_nano == 2**63 - 1


async def test_odd_fields_are_repaired_and_kept_beside(zipkin: ZipkinPort) -> None:
    odd = zipkin_types.Endpoint(ipv4=b"\x01\x02", port=-1)
    [span] = await store(zipkin, proto_span(parent_id=b"short", kind=7, local_endpoint=odd))
    assert (span.parent_span_id, span.kind) == (b"", Span.SPAN_KIND_INTERNAL)
    assert attributes(span) == {
        "network.local.address": "0102",
        "network.local.port": -1,
        "coldlight.repaired": ["parent_span_id", "kind"],
        "coldlight.original.parent_span_id": b"short".hex(),
        "coldlight.original.kind": "7",
    }


async def test_text_that_is_no_utf_8_costs_only_itself(zipkin: ZipkinPort) -> None:
    tagged = proto_span(number=2, name="good", tags={"key": "bad value"})
    body = encoded(proto_span(name="bad name"), tagged).replace(b"bad ", b"bad\xff")
    response = await zipkin.post(body, content_type=PROTOBUF)
    assert response.headers[NOTE] == "repaired: name (1), attributes (1)"
    first, second = zipkin.stored_spans
    assert (first.name, attributes(first)) == ("bad\ufffdname", {"coldlight.repaired": ["name"]})
    assert attributes(second) == {"key": "bad\ufffdvalue", "coldlight.repaired": ["attributes"]}


async def test_of_a_tag_that_comes_twice_the_last_counts(zipkin: ZipkinPort) -> None:
    once, again = proto_span(tags={"a": "first"}), zipkin_types.Span(tags={"a": "last"})
    merged = once.SerializeToString() + again.SerializeToString()
    body = b"\x0a" + bytes([len(merged)]) + merged
    assert (await zipkin.post(body, content_type=PROTOBUF)).status_code == 202
    assert attributes(zipkin.stored_spans[0]) == {"a": "last"}


BAD_SPANS = {
    "trace_id: expected 8 or 16 bytes, not all zero": [
        proto_span(trace_id=b""),
        proto_span(trace_id=b"short"),
        proto_span(trace_id=bytes(16)),
        proto_span(trace_id=b"t" * 17),
    ],
    "id: expected 8 bytes, not all zero": [
        proto_span(id=b""),
        proto_span(id=bytes(8)),
        proto_span(id=b"s" * 16),
    ],
    "a span: expected at most 4194304 bytes": [proto_span(name="x" * (4 << 20))],
}


@pytest.mark.parametrize("reason", BAD_SPANS)
async def test_a_bad_span_is_left_out_and_the_others_are_taken(zipkin: ZipkinPort, reason: str) -> None:
    bad = BAD_SPANS[reason]
    response = await zipkin.post(encoded(proto_span(1), *bad, proto_span(2)), content_type=PROTOBUF)
    assert response.status_code == 202
    assert response.headers[NOTE] == f"rejected: {reason} ({len(bad)})"
    assert [span.span_id for span in zipkin.stored_spans] == [span_id(1), span_id(2)]


async def test_a_span_that_cannot_be_parsed_costs_itself_alone(zipkin: ZipkinPort) -> None:
    response = await zipkin.post(b"\x0a\x02\x0a\x7f" + encoded(proto_span(1)), content_type=PROTOBUF)
    assert response.headers[NOTE] == "rejected: a span: expected a protobuf message (1)"
    assert len(zipkin.stored_spans) == 1


NO_LISTS = {
    "JSON": b'[{"traceId": "1"}]',
    "cut short": encoded(proto_span())[:-1],
    "no span in it": b"\x10\x01",
    "a number without end": b"\xff" * 20,
    "only bad spans": encoded(proto_span(id=b"")),
}


@pytest.mark.parametrize("body", NO_LISTS.values(), ids=NO_LISTS)
async def test_what_is_no_list_of_spans_is_400_in_plain_text(zipkin: ZipkinPort, body: bytes) -> None:
    response = await zipkin.post(body, content_type=PROTOBUF)
    assert (response.status_code, response.headers["content-type"]) == (400, "text/plain; charset=utf-8")
    assert zipkin.intake.taken == []


async def test_too_many_spans_are_413(zipkin: ZipkinPort) -> None:
    response = await zipkin.post(b"\x0a\x00" * 100_001, content_type=PROTOBUF)
    assert response.status_code == 413
    assert response.text == "more than 100000 spans in one request: send fewer at a time\n"


async def test_too_many_annotations_are_413(zipkin: ZipkinPort) -> None:
    crowded = proto_span().SerializeToString() + b"\x52\x00" * 500_001
    in_list = b"\x0a" + varint(len(crowded)) + crowded
    response = await zipkin.post(in_list * 2, content_type=PROTOBUF)
    assert response.status_code == 413
    assert response.text.startswith("more than 1000000 annotations and tags in one request")


def varint(number: int) -> bytes:
    digits = [number >> shift & 127 for shift in range(0, number.bit_length(), 7)]
    return bytes([*(digit | 128 for digit in digits[:-1]), digits[-1]])
