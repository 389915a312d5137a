"""What is wrong with one record costs that record, never the others, and is always told."""

from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest
from google.protobuf.message import Message
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from coldlight_collector.intake import Accepted, Malformed, Payload, TooLarge
from coldlight_collector.validate import validate, validate_message
from coldlight_storage.nested import is_rendered
from coldlight_storage.signals import REQUEST_TYPE, Signal
from coldlight_storage.stored import STORED_TYPE
from coldlight_storage.testing import sent_form

unhurried = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])

TRACE_ID, SPAN_ID = bytes.fromhex("5b8efff798038103d269b633813fc60c"), bytes.fromhex("eee19b7ec3c1b174")
LAST_TIME = 2**63 - 1


def span(**fields: object) -> dict[str, Any]:
    times = {"start_time_unix_nano": 1_000, "end_time_unix_nano": 2_000}
    return {"trace_id": TRACE_ID, "span_id": SPAN_ID, "name": "GET /", **times, **fields}


def attribute(key: str, text: str) -> dict[str, Any]:
    return {"key": key, "value": {"string_value": text}}


def encoded(signal: Signal, **fields: Any) -> bytes:
    build: Callable[..., Message] = REQUEST_TYPE[signal]
    return build(**fields).SerializeToString()


def traces(*spans: dict[str, Any], **resource_spans: object) -> bytes:
    return encoded(Signal.TRACES, resource_spans=[{"scope_spans": [{"spans": spans}], **resource_spans}])


def logs(*records: dict[str, Any]) -> bytes:
    return encoded(Signal.LOGS, resource_logs=[{"scope_logs": [{"log_records": records}]}])


def metrics(*of_one_scope: dict[str, Any]) -> bytes:
    return encoded(Signal.METRICS, resource_metrics=[{"scope_metrics": [{"metrics": of_one_scope}]}])


def stored_spans(payload: Payload) -> list[Any]:
    request: Any = sent_form(payload.body, Signal.TRACES)
    return [s for group in request.resource_spans for scope in group.scope_spans for s in scope.spans]


def stored_records(payload: Payload) -> list[Any]:
    request: Any = sent_form(payload.body, Signal.LOGS)
    return [r for group in request.resource_logs for scope in group.scope_logs for r in scope.log_records]


def stored_metrics(payload: Payload) -> list[Any]:
    request: Any = sent_form(payload.body, Signal.METRICS)
    return [m for group in request.resource_metrics for scope in group.scope_metrics for m in scope.metrics]


def notes(attributes: Any) -> dict[str, Any]:
    """Our own attributes: `repaired` as a list, the originals by field."""
    found = {a.key.removeprefix("coldlight."): a.value for a in attributes if a.key.startswith("coldlight.")}
    return {
        key: [item.string_value for item in value.array_value.values] or value.string_value
        for key, value in found.items()
    }


# Requests that are as they should be


attributes = st.lists(st.builds(attribute, st.text(min_size=1, max_size=5), st.text(max_size=5)), max_size=3)
times = st.integers(1, LAST_TIME)
trace_ids = st.binary(min_size=16, max_size=16).filter(any)
span_ids = st.binary(min_size=8, max_size=8).filter(any)


@st.composite
def valid_spans(draw: st.DrawFn) -> dict[str, Any]:
    start, end = sorted((draw(times), draw(times)))
    return {
        "trace_id": draw(trace_ids),
        "span_id": draw(span_ids),
        "parent_span_id": draw(st.just(b"") | span_ids),
        "name": draw(st.text(max_size=5)),
        "start_time_unix_nano": start,
        "end_time_unix_nano": draw(st.sampled_from([end, 0])),
        "attributes": draw(attributes),
        "events": [{"time_unix_nano": time} for time in draw(st.lists(times, max_size=2))],
    }


valid_records = st.fixed_dictionaries(
    {"time_unix_nano": times, "observed_time_unix_nano": times, "attributes": attributes},
    optional={"trace_id": trace_ids, "span_id": span_ids, "severity_text": st.text(max_size=5)},
)
valid_points = st.fixed_dictionaries(
    {"time_unix_nano": times, "start_time_unix_nano": times, "attributes": attributes},
)
metric_kinds = st.sampled_from(["gauge", "sum", "histogram", "exponential_histogram", "summary"])
valid_requests = (
    st.lists(valid_spans(), max_size=4).map(lambda spans: (Signal.TRACES, traces(*spans), len(spans)))
    | st.lists(valid_records, max_size=4).map(lambda records: (Signal.LOGS, logs(*records), len(records)))
    | st.lists(st.tuples(metric_kinds, st.lists(valid_points, max_size=3)), max_size=3).map(
        lambda found: (
            Signal.METRICS,
            metrics(*({"name": "m", kind: {"data_points": points}} for kind, points in found)),
            sum(len(points) for _, points in found),
        )
    )
)


@unhurried
@given(valid_requests)
def test_a_valid_request_is_stored_as_the_very_bytes_that_were_sent(
    request: tuple[Signal, bytes, int],
) -> None:
    signal, body, items = request
    payload = validate(signal, body)
    assert payload.body is body
    assert payload == Payload(body, items, Accepted())


@unhurried
@given(valid_requests)
def test_a_decoded_request_is_judged_like_its_bytes(request: tuple[Signal, bytes, int]) -> None:
    signal, body, items = request
    payload = validate_message(signal, STORED_TYPE[signal].FromString(body))
    assert (payload.items, payload.outcome) == (items, Accepted())
    assert sent_form(payload.body, signal) == REQUEST_TYPE[signal].FromString(body)


@pytest.mark.parametrize("signal", Signal)
def test_an_empty_body_is_an_empty_request(signal: Signal) -> None:
    assert validate(signal, b"") == Payload(b"", 0)


def test_zero_times_are_stored_as_sent() -> None:
    body = traces(span(end_time_unix_nano=0), span(start_time_unix_nano=0), span(events=[{}]))
    assert validate(Signal.TRACES, body) == Payload(body, 3)


def test_a_double_that_is_no_number_is_stored() -> None:
    body = metrics({"gauge": {"data_points": [{"as_double": float("nan")}]}})
    assert validate(Signal.METRICS, body) == Payload(body, 1)


def test_a_metric_without_data_counts_nothing() -> None:
    assert validate(Signal.METRICS, metrics({"name": "empty"}, {"gauge": {}})).items == 0


# Spans that cannot be stored


@pytest.mark.parametrize("trace_id", [b"", bytes(16), TRACE_ID[:15], TRACE_ID + b"1", bytes(8)])
def test_a_span_without_a_valid_trace_id_is_rejected(trace_id: bytes) -> None:
    payload = validate(Signal.TRACES, traces(span(name="good"), span(trace_id=trace_id)))
    assert payload.outcome == Accepted(1, "rejected: trace_id must be 16 bytes, not all zero (1)")
    assert [kept.name for kept in stored_spans(payload)] == ["good"]
    assert payload.items == 1


@pytest.mark.parametrize("span_id", [b"", bytes(8), SPAN_ID[:7], SPAN_ID + b"1", bytes(16)])
def test_a_span_without_a_valid_span_id_is_rejected(span_id: bytes) -> None:
    payload = validate(Signal.TRACES, traces(span(span_id=span_id), span(name="good")))
    assert payload.outcome == Accepted(1, "rejected: span_id must be 8 bytes, not all zero (1)")
    assert [kept.name for kept in stored_spans(payload)] == ["good"]


def test_the_message_counts_every_reason() -> None:
    body = traces(span(trace_id=b""), span(span_id=b""), span(span_id=b"1"), span(start_time_unix_nano=3_000))
    outcome = validate(Signal.TRACES, body).outcome
    assert (outcome.rejected, outcome.repaired) == (3, 1)
    assert outcome.message == (
        "rejected: span_id must be 8 bytes, not all zero (2), trace_id must be 16 bytes, not all zero (1); "
        "repaired: end_time_unix_nano (1)"
    )


def test_the_good_spans_keep_their_order_and_all_they_hold() -> None:
    good = [span(name=str(number), attributes=[attribute("k", "v")]) for number in range(5)]
    mixed = [one for kept in good for one in (span(trace_id=b""), kept)]
    payload = validate(Signal.TRACES, traces(*mixed))
    assert payload.body == traces(*good)


# Spans that are repaired


def only_span(**fields: object) -> tuple[Any, Accepted]:
    payload = validate(Signal.TRACES, traces(span(**fields)))
    return stored_spans(payload)[0], payload.outcome


def test_a_parent_id_of_zeros_is_no_parent() -> None:
    stored, outcome = only_span(parent_span_id=bytes(8))
    assert stored.parent_span_id == b""
    assert outcome == Accepted()
    assert notes(stored.attributes) == {}


def test_a_parent_id_of_wrong_length_is_kept_as_an_attribute() -> None:
    stored, outcome = only_span(parent_span_id=b"\xab\xcd\xef")
    assert stored.parent_span_id == b""
    assert outcome == Accepted(0, "repaired: parent_span_id (1)", 1)
    assert notes(stored.attributes) == {"repaired": ["parent_span_id"], "original.parent_span_id": "abcdef"}


def test_a_span_that_ends_before_it_starts_ends_when_it_starts() -> None:
    stored, outcome = only_span(start_time_unix_nano=2_000, end_time_unix_nano=1_999)
    assert stored.start_time_unix_nano == stored.end_time_unix_nano == 2_000
    assert outcome == Accepted(0, "repaired: end_time_unix_nano (1)", 1)
    assert notes(stored.attributes) == {
        "repaired": ["end_time_unix_nano"],
        "original.end_time_unix_nano": "1999",
    }


def test_times_past_int64_become_the_last_time_there_is() -> None:
    stored, _ = only_span(start_time_unix_nano=2**63, end_time_unix_nano=2**64 - 1)
    assert stored.start_time_unix_nano == stored.end_time_unix_nano == LAST_TIME
    assert notes(stored.attributes) == {
        "repaired": ["start_time_unix_nano", "end_time_unix_nano"],
        "original.start_time_unix_nano": "9223372036854775808",
        "original.end_time_unix_nano": "18446744073709551615",
    }


def test_an_event_keeps_its_original_time_and_its_span_names_the_events() -> None:
    stored, outcome = only_span(events=[{"time_unix_nano": 1_500}, {"time_unix_nano": 2**63}])
    assert [event.time_unix_nano for event in stored.events] == [1_500, LAST_TIME]
    assert notes(stored.attributes) == {"repaired": ["events"]}
    assert notes(stored.events[0].attributes) == {}
    assert notes(stored.events[1].attributes) == {
        "repaired": ["time_unix_nano"],
        "original.time_unix_nano": "9223372036854775808",
    }
    assert outcome.message == "repaired: events (1)"


def test_a_repair_leaves_the_rest_of_the_request_alone() -> None:
    resource = {"attributes": [attribute("service.name", "shop")]}
    body = traces(span(name="good"), span(name="odd", parent_span_id=b"1"), resource=resource)
    before, after = (
        ExportTraceServiceRequest.FromString(b) for b in (body, validate(Signal.TRACES, body).body)
    )
    assert after.resource_spans[0].resource == before.resource_spans[0].resource
    assert after.resource_spans[0].scope_spans[0].spans[0] == before.resource_spans[0].scope_spans[0].spans[0]


def test_a_second_repair_adds_to_the_notes_of_the_first() -> None:
    repaired = {"key": "coldlight.repaired", "value": {"array_value": {"values": [{"string_value": "name"}]}}}
    stored, _ = only_span(parent_span_id=b"1", attributes=[repaired])
    assert notes(stored.attributes)["repaired"] == ["name", "parent_span_id"]
    assert len(stored.attributes) == 2


def test_a_repaired_request_needs_no_second_repair() -> None:
    odd = span(parent_span_id=b"1", start_time_unix_nano=2**63, events=[{"time_unix_nano": 2**63}])
    once = validate(Signal.TRACES, traces(odd))
    assert validate(Signal.TRACES, once.body) == Payload(once.body, 1)


# Log records and data points


def test_ids_of_wrong_length_are_cleared_from_a_log_record_and_kept_as_attributes() -> None:
    payload = validate(Signal.LOGS, logs({"trace_id": b"\x01", "span_id": b"\x02", "severity_text": "INFO"}))
    (record,) = stored_records(payload)
    assert (record.trace_id, record.span_id, record.severity_text) == (b"", b"", "INFO")
    assert notes(record.attributes) == {
        "repaired": ["trace_id", "span_id"],
        "original.trace_id": "01",
        "original.span_id": "02",
    }
    assert payload.outcome == Accepted(0, "repaired: trace_id (1), span_id (1)", 2)


def test_ids_of_zeros_in_a_log_record_are_no_ids() -> None:
    payload = validate(Signal.LOGS, logs({"trace_id": bytes(16), "span_id": bytes(8)}))
    (record,) = stored_records(payload)
    assert (record.trace_id, record.span_id) == (b"", b"")
    assert payload.outcome == Accepted()


@pytest.mark.parametrize("field", ["time_unix_nano", "observed_time_unix_nano"])
def test_times_of_a_log_record_are_clamped(field: str) -> None:
    (record,) = stored_records(validate(Signal.LOGS, logs({field: 2**63 + 5})))
    assert getattr(record, field) == LAST_TIME
    assert notes(record.attributes) == {"repaired": [field], f"original.{field}": "9223372036854775813"}


@pytest.mark.parametrize("kind", ["gauge", "sum", "histogram", "exponential_histogram", "summary"])
@pytest.mark.parametrize("field", ["time_unix_nano", "start_time_unix_nano"])
def test_times_of_data_points_of_every_kind_are_clamped(kind: str, field: str) -> None:
    payload = validate(Signal.METRICS, metrics({kind: {"data_points": [{}, {field: 2**63}]}}))
    good, odd = getattr(stored_metrics(payload)[0], kind).data_points
    assert payload.items == 2
    assert notes(good.attributes) == {}
    assert getattr(odd, field) == LAST_TIME
    assert notes(odd.attributes) == {"repaired": [field], f"original.{field}": "9223372036854775808"}


@pytest.mark.parametrize("kind", ["gauge", "sum", "histogram", "exponential_histogram"])
def test_times_of_exemplars_are_clamped(kind: str) -> None:
    point = {"exemplars": [{"time_unix_nano": 2**63}]}
    (metric,) = stored_metrics(validate(Signal.METRICS, metrics({kind: {"data_points": [point]}})))
    (stored,) = getattr(metric, kind).data_points
    assert notes(stored.attributes) == {"repaired": ["exemplars"]}
    assert stored.exemplars[0].time_unix_nano == LAST_TIME
    assert notes(stored.exemplars[0].filtered_attributes)["original.time_unix_nano"] == "9223372036854775808"


# What no repair can save


@pytest.mark.parametrize("signal", Signal)
@pytest.mark.parametrize("body", [b"\n", b"\n\x05a", b"\x0b", b"\xff" * 20, b"not protobuf", b"\x07\x00"])
def test_bytes_that_are_no_request_are_malformed(signal: Signal, body: bytes) -> None:
    with pytest.raises(Malformed):
        validate(signal, body)


def test_messages_nested_past_the_parsers_limit_are_malformed() -> None:
    value: dict[str, Any] = {"int_value": 1}
    for _ in range(60):
        value = {"array_value": {"values": [value]}}
    with pytest.raises(Malformed):
        validate(Signal.TRACES, traces(span(attributes=[{"key": "k", "value": value}])))


@unhurried
@given(st.sampled_from(Signal), st.binary(max_size=200))
def test_arbitrary_bytes_are_taken_or_refused(signal: Signal, body: bytes) -> None:
    with suppress(Malformed, TooLarge):
        validate(signal, body)


@unhurried
@given(valid_requests, st.integers(min_value=0), st.integers(0, 255))
def test_a_damaged_request_is_taken_or_refused(
    request: tuple[Signal, bytes, int], at: int, byte: int
) -> None:
    signal, body, _ = request
    damaged = bytearray(body)
    if damaged:
        damaged[at % len(damaged)] = byte
    with suppress(Malformed, TooLarge):
        payload = validate(signal, bytes(damaged))
        assert validate(signal, payload.body).outcome == Accepted()


def test_a_request_may_hold_as_many_items_as_the_limit_and_no_more() -> None:
    body = traces(*[span()] * 10)
    assert validate(Signal.TRACES, body, max_items=10).items == 10
    with pytest.raises(TooLarge, match="more than 9 items"):
        validate(Signal.TRACES, body, max_items=9)
    with pytest.raises(TooLarge, match="more than 9 items"):
        validate_message(Signal.TRACES, STORED_TYPE[Signal.TRACES].FromString(body), max_items=9)


def test_items_are_counted_across_groups() -> None:
    with pytest.raises(TooLarge):
        validate(Signal.METRICS, metrics({"gauge": {"data_points": [{}] * 3}}) * 4, max_items=10)


def test_a_field_that_is_sent_twice_is_stored_once_as_protobuf_reads_it() -> None:
    once = Span(trace_id=TRACE_ID, span_id=SPAN_ID, name="first").SerializeToString()
    twice = once + Span(name="second").SerializeToString()
    # Span 1 of spans (field 2) of scope_spans (2) of resource_spans (1); all shorter than 128 bytes.
    scope = b"\x12" + bytes([len(twice)]) + twice
    resource = b"\x12" + bytes([len(scope)]) + scope
    body = b"\x0a" + bytes([len(resource)]) + resource
    stored = validate(Signal.TRACES, body)
    assert len(stored.body) < len(body)
    assert [span.name for span in stored_spans(stored)] == ["second"]


def test_a_value_that_is_rendered_to_the_same_length_is_still_rendered() -> None:
    """Found by fuzzing: ClickHouse cannot read it as it was sent."""
    pair = {"key": "a", "value": {"double_value": 1.5}}
    body = traces(span(attributes=[{"key": "k", "value": {"kvlist_value": {"values": [pair]}}}]))
    payload = validate(Signal.TRACES, body)
    assert len(payload.body) == len(body)
    assert is_rendered(STORED_TYPE[Signal.TRACES].FromString(payload.body))


def test_log_records_without_a_time_are_meant_each_time_they_come() -> None:
    timeless, timed = logs({"body": {"string_value": "done"}}), logs({"time_unix_nano": 1_000})
    assert validate(Signal.LOGS, timeless).name != validate(Signal.LOGS, timeless).name
    assert validate(Signal.LOGS, timed).name == b""
