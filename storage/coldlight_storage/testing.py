"""The testing kit: ids 1, 2, 3, a clock that stands still, and requests and batches made of them."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from google.protobuf.message import Message
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, ArrayValue, KeyValue, KeyValueList
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord
from opentelemetry.proto.metrics.v1.metrics_pb2 import Metric
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from coldlight_storage.access import Access
from coldlight_storage.attributes import KeyValues, decode_value
from coldlight_storage.batches import Batch
from coldlight_storage.nested import render_nested
from coldlight_storage.signals import REQUEST_TYPE, Signal
from coldlight_storage.state.tokens import DEFAULT_TENANT, UNLIMITED, Rates, Role, Token, digest_of
from coldlight_storage.store import Store
from coldlight_storage.stored import STORED_TYPE

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
"""The time at which tests take place."""

TODAY = NOON.date()

SECOND = 10**9


def clock_ns(seconds: float = 0) -> int:
    """Unix nanoseconds, `seconds` after noon."""
    return int(NOON.timestamp()) * SECOND + round(seconds * SECOND)


def trace_id(number: int) -> bytes:
    return number.to_bytes(16)


def span_id(number: int) -> bytes:
    return number.to_bytes(8)


def any_value(value: Any) -> AnyValue:
    """An OTLP value of a Python one; a dict or `KeyValues` becomes a map, None an empty value."""
    match value:
        case None:
            return AnyValue()
        case bool():
            return AnyValue(bool_value=value)
        case int():
            return AnyValue(int_value=value)
        case float():
            return AnyValue(double_value=value)
        case bytes():
            return AnyValue(bytes_value=value)
        case KeyValues() | dict():
            return AnyValue(kvlist_value=KeyValueList(values=attributes(value)))
        case list():
            return AnyValue(array_value=ArrayValue(values=[any_value(item) for item in value]))
        case _:
            return AnyValue(string_value=value)


def attributes(values: Mapping[str, Any] | KeyValues) -> list[KeyValue]:
    """OTLP attributes; `KeyValues` where a key shall come twice."""
    pairs = values.pairs if isinstance(values, KeyValues) else values.items()
    return [KeyValue(key=key, value=any_value(value)) for key, value in pairs]


def span(
    number: int = 1, *, trace: int = 1, parent: int = 0, at: float = 0, lasts: float = 1, **fields: Any
) -> Span:
    """Span `number` of trace `trace`, from `at` seconds after noon for `lasts` seconds.

    Any field of the OTLP span may be given; `attributes` as a dictionary.
    """
    made = Span(
        trace_id=trace_id(trace),
        span_id=span_id(number),
        parent_span_id=span_id(parent) if parent else b"",
        name=fields.pop("name", f"span {number}"),
        kind=fields.pop("kind", Span.SPAN_KIND_SERVER),
        start_time_unix_nano=clock_ns(at),
        end_time_unix_nano=clock_ns(at + lasts),
        attributes=attributes(fields.pop("attributes", {})),
    )
    made.MergeFrom(Span(**fields))
    return made


def log_record(
    body: Any = "hello", *, trace: int = 0, span: int = 0, at: float = 0, **fields: Any
) -> LogRecord:
    """A log record `at` seconds after noon; with trace and span 0 it belongs to none."""
    made = LogRecord(
        time_unix_nano=clock_ns(at),
        observed_time_unix_nano=clock_ns(at),
        body=any_value(body),
        trace_id=trace_id(trace) if trace else b"",
        span_id=span_id(span) if span else b"",
        attributes=attributes(fields.pop("attributes", {})),
    )
    made.MergeFrom(LogRecord(**fields))
    return made


def resource(service: str, more: Mapping[str, Any] | None = None) -> Resource:
    return Resource(attributes=attributes({"service.name": service, **(more or {})}))


def traces_request(
    *spans: Span, service: str = "orders", resource_attributes: Mapping[str, Any] | None = None
) -> ExportTraceServiceRequest:
    request = ExportTraceServiceRequest()
    group = request.resource_spans.add(resource=resource(service, resource_attributes))
    group.scope_spans.add(spans=spans).scope.name = "testing"
    return request


def logs_request(
    *records: LogRecord, service: str = "orders", resource_attributes: Mapping[str, Any] | None = None
) -> ExportLogsServiceRequest:
    request = ExportLogsServiceRequest()
    group = request.resource_logs.add(resource=resource(service, resource_attributes))
    group.scope_logs.add(log_records=records).scope.name = "testing"
    return request


def metrics_request(*metrics: Metric, service: str = "orders") -> ExportMetricsServiceRequest:
    request = ExportMetricsServiceRequest()
    group = request.resource_metrics.add(resource=resource(service))
    group.scope_metrics.add(metrics=metrics).scope.name = "testing"
    return request


def batch(
    folder: Path,
    requests: Sequence[Message] | Message,
    number: int = 1,
    *,
    signal: Signal = Signal.TRACES,
    received: date = TODAY,
) -> Batch:
    """A sealed segment `number` in `folder`, as a collector without private fields would write it."""
    every = [requests] if isinstance(requests, Message) else list(requests)
    path = folder / f"{signal}-{number}"
    path.write_bytes(b"".join(_delimited(stored_form(request, signal)) for request in every))
    items = sum(map(_count_items, every))
    return Batch(signal, path, number, received, f"test:{number}", len(every), items)


@dataclass
class Put:
    """Puts requests into a store; each call is a batch of its own, which it returns."""

    store: Store
    folder: Path
    numbers: Iterator[int]

    def __call__(self, *requests: Message, received: date = TODAY) -> Batch:
        """`requests` are OTLP requests of one signal. Raises what `Store.insert` raises."""
        signal = next(signal for signal, kind in REQUEST_TYPE.items() if isinstance(requests[0], kind))
        made = batch(self.folder, requests, next(self.numbers), signal=signal, received=received)
        self.store.insert(made)
        return made


def stored_form(request: Message, signal: Signal = Signal.TRACES) -> bytes:
    """The bytes of a request as a collector hands it to the store."""
    stored = STORED_TYPE[signal].FromString(request.SerializeToString())
    render_nested(stored)
    return stored.SerializeToString()


_ITEMS = {
    "Span",
    "LogRecord",
    "NumberDataPoint",
    "HistogramDataPoint",
    "ExponentialHistogramDataPoint",
    "SummaryDataPoint",
}


def _count_items(message: Any) -> int:
    if message.DESCRIPTOR.name in _ITEMS:
        return 1
    parts = (value for field, value in message.ListFields() if field.message_type)
    return sum(
        _count_items(part) for value in parts for part in (value if isinstance(value, Sequence) else [value])
    )


def sent_form(body: bytes, signal: Signal = Signal.TRACES) -> Any:
    """The OTLP request that a stored one was made of."""
    stored = STORED_TYPE[signal].FromString(body)
    _unrender(stored)
    return REQUEST_TYPE[signal].FromString(stored.SerializePartialToString())


def _unrender(message: Any) -> None:
    for field, value in message.ListFields():
        if field.message_type is not None:
            for part in value if field.is_repeated else (value,):
                _unrender(part)
    if message.DESCRIPTOR.name == "AnyValue" and message.types:
        message.ParseFromString(any_value(decode_value(message.text, message.types)).SerializeToString())


def _delimited(body: bytes) -> bytes:
    return bytes(_varint(len(body))) + body


def _varint(number: int) -> Iterable[int]:
    while number > 0x7F:
        yield number & 0x7F | 0x80
        number >>= 7
    yield number


def tokens_known(*tokens: Token, shared: str | None = None, is_public: bool = False) -> Access:
    """Who is let in where these are the tokens, at a time that stands still."""
    access = Access(lambda: tokens, shared, is_public, clock_s=lambda: 0.0)
    access.learn(tokens, 0.0)
    return access


def token(
    number: int = 1,
    role: Role = Role.INGEST,
    tenant: str = DEFAULT_TENANT,
    rates: Rates = UNLIMITED,
    **fields: Any,
) -> tuple[Token, str]:
    """Token `number`, and its text."""
    identifier, secret = f"{number:012x}", f"{number:064x}"
    made = Token(identifier, f"token {number}", role, tenant, 0, digest_of(secret), rates=rates, **fields)
    return made, f"cl_{identifier}_{secret}"
