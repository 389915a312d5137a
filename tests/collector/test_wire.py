"""Bytes that would cost too much, or that only the journal may write, are stopped before they are parsed."""

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans, ScopeSpans, Span

from coldlight_collector.intake import Accepted, Malformed, Payload, TooLarge
from coldlight_collector.validate import validate
from coldlight_storage.signals import Signal


def traces(spans: int, name: str = "GET /") -> bytes:
    span = Span(trace_id=b"a trace of 16 B.", span_id=b"span 8 B", name=name)
    group = ResourceSpans(scope_spans=[ScopeSpans(spans=[span] * spans)])
    return ExportTraceServiceRequest(resource_spans=[group]).SerializeToString()


def length_delimited(number: int, content: bytes) -> bytes:
    """One protobuf field of fewer than 128 MiB."""
    return varint(number << 3 | 2) + varint(len(content)) + content


def varint(value: int) -> bytes:
    low, high = value & 127, value >> 7
    return bytes([low | 128]) + varint(high) if high else bytes([low])


# Limits and reserved fields


def test_unknown_fields_are_kept() -> None:
    body = traces(1) + length_delimited(77, b"from the future")
    assert validate(Signal.TRACES, body) == Payload(body, 1)


@pytest.mark.parametrize("number", [1000, 1005, 1010])
def test_the_journals_fields_are_removed_and_nothing_else(number: int) -> None:
    private = (
        length_delimited(number, b"forged")
        + varint(number << 3)
        + b"\x01"
        + varint(number << 3 | 1)
        + bytes(8)
    )
    first, second, unknown = traces(1), traces(1, name="other"), length_delimited(999, b"kept")
    payload = validate(Signal.TRACES, private + first + private + second + unknown + private)
    assert payload.body == first + second + unknown
    assert payload.items == 2
    assert payload.outcome == Accepted(0, f"removed reserved fields: {number} (9)")


EMPTY = b"\x12\x00" * 2_500_000
CROWDS = {
    "spans": (Signal.TRACES, length_delimited(1, length_delimited(2, EMPTY))),
    "log records": (Signal.LOGS, length_delimited(1, length_delimited(2, EMPTY))),
    "metrics": (Signal.METRICS, length_delimited(1, length_delimited(2, EMPTY))),
    "scopes": (Signal.TRACES, length_delimited(1, EMPTY)),
    "resources": (Signal.TRACES, b"\x0a\x00" * 2_500_000),
    "unknown fields": (Signal.TRACES, b"\x50\x01" * 2_500_000),
}


@pytest.mark.parametrize("crowd", CROWDS)
def test_a_crowd_of_empty_messages_is_refused(crowd: str) -> None:
    with pytest.raises(TooLarge):
        validate(*CROWDS[crowd])


def test_a_large_request_within_the_limits_is_taken() -> None:
    body = traces(5_000, name="x" * 1_000)
    payload = validate(Signal.TRACES, body)
    assert payload.body is body
    assert payload.items == 5_000


def test_a_large_body_cut_short_is_malformed() -> None:
    body = traces(5_000, name="x" * 1_000)
    with pytest.raises(Malformed):
        validate(Signal.TRACES, body[:-1])


def test_the_message_to_the_sender_is_short() -> None:
    body = b"".join(varint(number << 3) + b"\x01" for number in range(1000, 1011)) * 500
    assert len(validate(Signal.TRACES, body).outcome.message.encode()) <= 1024
