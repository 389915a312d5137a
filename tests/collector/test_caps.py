"""One item may hold much, and not everything: what is over a cap is cut, counted and said."""

from typing import Any

import pytest
from opentelemetry.proto.common.v1.common_pb2 import KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from coldlight_collector.caps import LONGEST_VALUE_BYTES, MOST_PARTS, TRUNCATED
from coldlight_collector.intake import Payload
from coldlight_collector.validate import validate
from coldlight_storage.signals import Signal
from coldlight_storage.testing import (
    attributes,
    log_record,
    logs_request,
    sent_form,
    span,
    traces_request,
)

TOO_LONG = "é" * LONGEST_VALUE_BYTES


def stored_span(payload: Payload) -> Any:
    return sent_form(payload.body).resource_spans[0].scope_spans[0].spans[0]


def truncated(item: Any) -> list[str]:
    found = {attribute.key: attribute.value.array_value.values for attribute in item.attributes}
    return [name.string_value for name in found.get(TRUNCATED, ())]


def validated(*spans: Span) -> Payload:
    return validate(Signal.TRACES, traces_request(*spans).SerializeToString())


@pytest.mark.parametrize(
    ("parts", "part", "counted"),
    [
        ("attributes", KeyValue(key="k"), "dropped_attributes_count"),
        ("events", Span.Event(name="e"), "dropped_events_count"),
        ("links", Span.Link(trace_state="s"), "dropped_links_count"),
    ],
)
def test_surplus_is_dropped_and_counted_with_what_the_sender_dropped(
    parts: str, part: Any, counted: str
) -> None:
    sent = span(**{counted: 5})
    getattr(sent, parts).extend([part] * (MOST_PARTS + 7))
    payload = validated(sent, span(2))
    kept = stored_span(payload)
    own_mark = parts == "attributes"
    assert len(getattr(kept, parts)) == MOST_PARTS + own_mark
    assert getattr(kept, counted) == 12
    assert truncated(kept) == [parts]
    assert (payload.outcome.truncated, payload.outcome.message) == (1, f"truncated: {parts} (1)")


def test_what_is_at_the_caps_is_stored_as_sent() -> None:
    sent = span(attributes={"text": "x" * LONGEST_VALUE_BYTES})
    sent.events.extend([Span.Event()] * MOST_PARTS)
    sent.links.extend([Span.Link()] * MOST_PARTS)
    sent.attributes.extend([KeyValue(key="k")] * (MOST_PARTS - 1))
    body = traces_request(sent).SerializeToString()
    assert validate(Signal.TRACES, body).body is body


def test_a_long_text_is_cut_between_two_characters() -> None:
    payload = validated(span(attributes={"note": "x" + TOO_LONG}))
    kept = stored_span(payload)
    text = kept.attributes[0].value.string_value
    assert LONGEST_VALUE_BYTES - 2 < len(text.encode()) <= LONGEST_VALUE_BYTES
    assert text == "x" + "é" * (len(text) - 1)
    assert truncated(kept) == ["attributes[note]"]


def test_long_bytes_arrays_and_maps_are_cut_too() -> None:
    long = {"bytes": b"x" * 3_000_000, "array": ["x" * 1000] * 2000, "map": {"deep": TOO_LONG}}
    kept = stored_span(validated(span(attributes=long)))
    values = {attribute.key: attribute.value for attribute in kept.attributes}
    assert len(values["bytes"].bytes_value) == LONGEST_VALUE_BYTES
    assert 1000 < len(values["array"].array_value.values) < 1050
    assert values["map"].string_value.startswith('{"deep":"éé')
    assert truncated(kept) == [f"attributes[{name}]" for name in long]


def test_values_of_events_and_links_are_cut_too() -> None:
    sent = span()
    sent.events.add(attributes=attributes({"stack": TOO_LONG}))
    sent.links.add(attributes=attributes({"why": TOO_LONG}))
    kept = stored_span(validated(sent))
    assert truncated(kept) == ["events.attributes[stack]", "links.attributes[why]"]


def test_the_note_of_a_repair_survives_the_cut() -> None:
    sent = span(end_time_unix_nano=1)
    sent.attributes.extend([KeyValue(key="k")] * (MOST_PARTS + 7))
    kept = stored_span(validated(sent))
    keys = {attribute.key for attribute in kept.attributes}
    assert {"coldlight.repaired", "coldlight.original.end_time_unix_nano", TRUNCATED} <= keys


def test_log_records_have_the_same_caps_and_their_bodies_none() -> None:
    record = log_record(TOO_LONG, attributes={"note": TOO_LONG})
    record.attributes.extend([KeyValue(key="k")] * MOST_PARTS)
    payload = validate(Signal.LOGS, logs_request(record).SerializeToString())
    [kept] = sent_form(payload.body, Signal.LOGS).resource_logs[0].scope_logs[0].log_records
    assert kept.body.string_value == TOO_LONG
    assert kept.dropped_attributes_count == 1
    assert truncated(kept) == ["attributes", "attributes[note]"]
