"""What must hold of a payload, whoever decoded it from whatever bytes."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from google.protobuf.unknown_fields import UnknownFieldSet

from coldlight_collector.intake import Payload
from coldlight_collector.repair import MAX_TIME_UNIX_NANO
from coldlight_collector.validate import validate
from coldlight_collector.wire import RESERVED_FIELDS
from coldlight_storage.nested import is_rendered
from coldlight_storage.signals import REQUEST_TYPE, Signal
from coldlight_storage.stored import STORED_TYPE

_MESSAGE_CHARACTERS = 2048
_GROWTH, _FEW_BYTES = 100, 20_000
"""How much larger than what was sent may be what is stored."""


def check_payload(signal: Signal, payload: Payload, sent: bytes) -> Any:
    """The request in a payload, which is OTLP, has sound identities and is what its counts say."""
    request = STORED_TYPE[signal].FromString(payload.body)
    REQUEST_TYPE[signal].FromString(payload.body)
    assert is_rendered(request)
    unknown: Any = UnknownFieldSet(request)
    assert not any(field.field_number in RESERVED_FIELDS for field in unknown)
    assert len(payload.body) <= _GROWTH * len(sent) + _FEW_BYTES
    assert min(payload.outcome.rejected, payload.outcome.repaired) >= 0
    assert len(payload.outcome.message) <= _MESSAGE_CHARACTERS
    _check_records(signal, request, payload.items)
    if signal is not Signal.LOGS:  # the platform's lines would be read once more
        again = validate(signal, payload.body)
        assert (again.body, again.outcome.rejected, again.outcome.repaired) == (payload.body, 0, 0)
    return request


def _check_records(signal: Signal, request: Any, items: int) -> None:
    found = list(records(signal, request))
    assert len(found) == items
    for record in found:
        for field, lengths in _IDS[signal].items():
            value = getattr(record, field)
            assert len(value) in lengths
            assert any(value) or not value
        assert all(getattr(record, field) <= MAX_TIME_UNIX_NANO for field in _TIMES[signal])


_IDS: Mapping[Signal, Mapping[str, tuple[int, ...]]] = {
    Signal.TRACES: {"trace_id": (16,), "span_id": (8,), "parent_span_id": (0, 8)},
    Signal.LOGS: {"trace_id": (0, 16), "span_id": (0, 8)},
    Signal.METRICS: {},
}
_TIMES = {
    Signal.TRACES: ("start_time_unix_nano", "end_time_unix_nano"),
    Signal.LOGS: ("time_unix_nano", "observed_time_unix_nano"),
    Signal.METRICS: ("start_time_unix_nano", "time_unix_nano"),
}


def records(signal: Signal, request: Any) -> Iterator[Any]:
    """Every span, log record or data point."""
    return _RECORDS[signal](request)


def _spans(request: Any) -> Iterator[Any]:
    for group in request.resource_spans:
        yield from (span for scope in group.scope_spans for span in scope.spans)


def _log_records(request: Any) -> Iterator[Any]:
    for group in request.resource_logs:
        yield from (record for scope in group.scope_logs for record in scope.log_records)


def _points(request: Any) -> Iterator[Any]:
    for group in request.resource_metrics:
        for metric in (metric for scope in group.scope_metrics for metric in scope.metrics):
            if data := metric.WhichOneof("data"):
                yield from getattr(metric, data).data_points


_RECORDS: Mapping[Signal, Callable[[Any], Iterator[Any]]] = {
    Signal.TRACES: _spans,
    Signal.LOGS: _log_records,
    Signal.METRICS: _points,
}
