"""The stored form of a request: maps and nested arrays are rendered, everything else is as it was sent."""

from typing import Any

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from coldlight_storage import Signal
from coldlight_storage.nested import is_rendered, render_nested
from coldlight_storage.stored import STORED_TYPE
from coldlight_storage.testing import log_record, logs_request, span, traces_request

STORED = STORED_TYPE[Signal.TRACES]


def as_stored(request: ExportTraceServiceRequest) -> Any:
    return STORED.FromString(request.SerializeToString())


def test_a_request_without_maps_and_nested_arrays_is_stored_as_it_is() -> None:
    plain = {"a": "text", "b": 1, "c": b"\xff", "d": None, "e": ["a", 1, None], "f": []}
    request = traces_request(span(attributes=plain))
    stored = as_stored(request)
    assert is_rendered(stored)
    render_nested(stored)
    assert stored.SerializeToString(deterministic=True) == request.SerializeToString(deterministic=True)


@pytest.mark.parametrize("value", [{}, {"k": 1}, [[]], ["a", {}], {"k": [{"deep": []}]}])
def test_a_map_or_a_nested_array_must_be_rendered_first(value: Any) -> None:
    stored = as_stored(traces_request(span(1), span(2, attributes={"plain": 1, "nested": value})))
    assert not is_rendered(stored)
    render_nested(stored)
    assert is_rendered(stored)


def test_rendering_again_changes_nothing() -> None:
    stored = as_stored(traces_request(span(attributes={"nested": {"k": [1]}})))
    render_nested(stored)
    once = stored.SerializeToString()
    render_nested(stored)
    assert stored.SerializeToString() == once


def test_text_and_types_stand_in_for_the_value() -> None:
    stored = as_stored(traces_request(span(attributes={"nested": {"k": [1, "a"]}})))
    render_nested(stored)
    value = stored.resource_spans[0].scope_spans[0].spans[0].attributes[0].value
    assert (value.text, value.types) == ('{"k":[1,"a"]}', "{[is]}")
    assert value.WhichOneof("value") is None


def test_a_body_is_rendered_too() -> None:
    request = logs_request(log_record({"a": 1}))
    stored: Any = STORED_TYPE[Signal.LOGS].FromString(request.SerializeToString())
    render_nested(stored)
    assert stored.resource_logs[0].scope_logs[0].log_records[0].body.text == '{"a":1}'


def test_any_reader_of_otlp_reads_what_is_stored() -> None:
    sent = traces_request(span(attributes={"nested": {"k": 1}, "plain": "text"}))
    stored = as_stored(sent)
    render_nested(stored)
    read = ExportTraceServiceRequest.FromString(stored.SerializeToString())
    found = read.resource_spans[0].scope_spans[0].spans[0]
    assert found.name == "span 1"
    assert found.attributes[1].value.string_value == "text"
