"""OTLP messages in protobuf, written by hand: the SDK's way costs 75 ms of every cold start.

Field numbers are those of opentelemetry/proto (common, resource, trace, logs; v1).
"""

from __future__ import annotations

from coldlight_lambda.protobuf import data, double, fixed32, fixed64, number, repeated, text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from coldlight_lambda.spans import Attributes, Context, Event, Link, Span, Value

SCHEMA_URL = "https://opentelemetry.io/schemas/1.37.0"
_INT64 = range(-(2**63), 2**63)
_DEEPEST = 16


def any_value(value: Value, depth: int = 0) -> bytes:
    """An `AnyValue`. An integer beyond 64 bits becomes a double, what no AnyValue can hold its `str`."""
    if isinstance(value, str):
        return text(1, value)
    if isinstance(value, bool):
        return number(2, value)
    if isinstance(value, int):
        return number(3, value) if value in _INT64 else _large(value)
    if isinstance(value, float):
        return double(4, value)
    if value is None:
        return b""
    if isinstance(value, (bytes, bytearray)):
        return data(7, bytes(value))
    return _nested(value, depth + 1)


def _large(value: int) -> bytes:
    try:
        return double(4, float(value))
    except OverflowError:
        return text(1, str(value))


def _nested(value: object, depth: int) -> bytes:
    if depth > _DEEPEST:
        return text(1, "...")
    if isinstance(value, dict):
        return data(6, repeated(1, [_key_value(str(key), item, depth) for key, item in value.items()]))
    if isinstance(value, (list, tuple, set, frozenset)):
        return data(5, repeated(1, [any_value(item, depth) for item in value]))
    return text(1, str(value))


def _key_value(key: str, value: Value, depth: int) -> bytes:
    return text(1, key) + data(2, any_value(value, depth))


def attributes(field: int, values: Attributes) -> bytes:
    """Repeated `KeyValue`, as the field with this number of whatever has them."""
    return repeated(field, [_key_value(key, value, 0) for key, value in values.items()])


def span(recorded: Span) -> bytes:
    """A `Span`; one that has not ended has no end time. Completed later by appending fields (`ending`)."""
    context = recorded.context
    parts = [
        data(1, context.trace_id),
        data(2, context.span_id),
        text(5, recorded.name),
        number(6, recorded.kind),
        fixed64(7, recorded.start_ns),
        attributes(9, recorded.attributes),
    ]
    if context.trace_state:
        parts.append(text(3, context.trace_state))
    if recorded.parent_span_id:
        parts.append(data(4, recorded.parent_span_id))
    if recorded.end_ns:
        parts.append(fixed64(8, recorded.end_ns))
    parts += [data(11, _event(event)) for event in recorded.events]
    parts += [data(13, _link(link)) for link in recorded.links]
    parts.append(_counts(recorded))
    if recorded.status:
        parts.append(status(recorded.status, recorded.status_message))
    parts.append(fixed32(16, context.flags))
    return b"".join(parts)


def _counts(recorded: Span) -> bytes:
    counts = ((10, recorded.dropped_attributes), (12, recorded.dropped_events), (14, recorded.dropped_links))
    return b"".join([number(field, count) for field, count in counts if count])


def ending(end_ns: int, code: int, message: str, more: Attributes) -> bytes:
    """What completes a span that was encoded before it ended, by standing behind it."""
    return fixed64(8, end_ns) + status(code, message) + attributes(9, more)


def status(code: int, message: str) -> bytes:
    """A span's `Status`, as its field."""
    return data(15, (text(2, message) if message else b"") + number(3, code))


def _event(event: Event) -> bytes:
    return fixed64(1, event.time_ns) + text(2, event.name) + attributes(3, event.attributes)


def _link(link: Link) -> bytes:
    context = link.context
    state = text(3, context.trace_state) if context.trace_state else b""
    ids = data(1, context.trace_id) + data(2, context.span_id)
    return ids + state + attributes(4, link.attributes) + fixed32(6, context.flags)


def log_record(
    time_ns: int,
    observed_ns: int,
    body: Value,
    own: Attributes,
    severity: tuple[int, str] = (0, ""),
    context: Context | None = None,
    event_name: str = "",
) -> bytes:
    """A `LogRecord`; `severity` is its number and its text."""
    parts = [fixed64(1, time_ns)] if time_ns else []
    if severity[0]:
        parts.append(number(2, severity[0]))
    if severity[1]:
        parts.append(text(3, severity[1]))
    parts += [data(5, any_value(body)), attributes(6, own)]
    if context:
        parts += [fixed32(8, context.flags), data(9, context.trace_id), data(10, context.span_id)]
    parts.append(fixed64(11, observed_ns))
    if event_name:
        parts.append(text(12, event_name))
    return b"".join(parts)


def scope(name: str, version: str) -> bytes:
    """An `InstrumentationScope`."""
    return text(1, name) + text(2, version)


def request(resource: Attributes, named_scope: bytes, records: Iterable[bytes]) -> bytes:
    """An `ExportTraceServiceRequest` or an `ExportLogsServiceRequest`, which have the same shape.

    `records` are spans, or log records, of one resource and one scope.
    """
    of_scope = data(1, named_scope) + repeated(2, records) + text(3, SCHEMA_URL)
    of_resource = data(1, attributes(1, resource)) + data(2, of_scope) + text(3, SCHEMA_URL)
    return data(1, of_resource)
