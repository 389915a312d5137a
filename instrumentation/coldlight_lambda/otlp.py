"""OTLP messages in protobuf, written by hand: the SDK's way costs 75 ms of every cold start.

Field numbers are those of opentelemetry/proto (common, resource, trace, logs; v1).
"""

from __future__ import annotations

import struct

from coldlight_lambda.any_values import any_value, attributes
from coldlight_lambda.protobuf import data, fixed32, fixed64, number, repeated, text
from coldlight_lambda.spans import Event

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from coldlight_lambda.spans import Attributes, Context, Link, Span, Value

__all__ = (
    "any_value",
    "attributes",
    "ending",
    "extended",
    "log_record",
    "request",
    "scope",
    "span",
    "status",
)

SCHEMA_URL = "https://opentelemetry.io/schemas/1.37.0"
_UINT64 = (1 << 64) - 1
_kind_and_start = struct.Struct("<BBBQ").pack
"""Two fields of every span at once: their tags are one byte each, and so is a kind."""
_LONGEST_SPAN = 2 << 20
_LONGEST_TEXT, _LONGEST_VALUE = 4096, 512 << 10
"""Characters of a string, and encoded bytes of another value, in a span that is too long."""


def span(recorded: Span) -> bytes:
    """A `Span`; one that has not ended has no end time. Completed later by appending fields (`ending`).

    One that would be too long for a frame is cut, and says so as the collector would (`coldlight.truncated`).
    """
    encoded = _span(recorded)
    return encoded if len(encoded) <= _LONGEST_SPAN else _span(_shortened(recorded))


def extended(begun: bytes, before: Attributes, recorded: Span) -> bytes:
    """A span that was encoded when it began (`begun`, with the attributes `before`), and has ended: what is new stands behind it.

    What was said then and is not true any more, or said with events or links, would stand there twice: then it is encoded anew.
    """
    now = recorded.attributes
    if any(now.get(key) is not value for key, value in before.items()):
        return span(recorded)
    more = {key: value for key, value in now.items() if key not in before}
    encoded = b"".join([begun, text(5, recorded.name), attributes(9, more), *_outcome(recorded)])
    return encoded if len(encoded) <= _LONGEST_SPAN else span(recorded)


def _span(recorded: Span) -> bytes:
    context = recorded.context
    parts = [
        data(1, context.trace_id),
        data(2, context.span_id),
        text(5, recorded.name),
        _kind_and_start(6 << 3, recorded.kind, 7 << 3 | 1, recorded.start_ns & _UINT64),
        attributes(9, recorded.attributes),
        fixed32(16, context.flags),
    ]
    if context.trace_state:
        parts.append(text(3, context.trace_state))
    if recorded.parent_span_id:
        parts.append(data(4, recorded.parent_span_id))
    return b"".join(parts + _outcome(recorded))


def _outcome(recorded: Span) -> list[bytes]:
    """What a call has none of while it is under way."""
    parts = []
    if recorded.end_ns:
        parts.append(fixed64(8, recorded.end_ns))
    if recorded.events:
        parts += [data(11, _event(event)) for event in recorded.events]
    if recorded.links:
        parts += [data(13, _link(link)) for link in recorded.links]
    if recorded.dropped_attributes or recorded.dropped_events or recorded.dropped_links:
        parts.append(_counts(recorded))
    if recorded.status:
        parts.append(status(recorded.status, recorded.status_message))
    return parts


def _shortened(recorded: Span) -> Span:
    short = recorded.copy()
    short.attributes = {**_cut(recorded.attributes), "coldlight.truncated": ["attributes"]}
    short.events = [Event(event.time_ns, event.name, _cut(event.attributes)) for event in recorded.events]
    return short


def _cut(values: Attributes) -> dict[str, Value]:
    return {key: _cut_value(value) for key, value in values.items()}


def _cut_value(value: Value) -> Value:
    if type(value) is str:
        return value[:_LONGEST_TEXT]
    return value if len(any_value(value)) <= _LONGEST_VALUE else "..."


def _counts(recorded: Span) -> bytes:
    counts = ((10, recorded.dropped_attributes), (12, recorded.dropped_events), (14, recorded.dropped_links))
    return b"".join([number(field, count) for field, count in counts if count])


def ending(end_ns: int, code: int, message: str, more: Attributes) -> bytes:
    """What completes a span that was encoded before it ended, by standing behind it."""
    return fixed64(8, end_ns) + status(code, message) + attributes(9, more)


def status(code: int, message: str) -> bytes:
    """A span's `Status`, as its field. An empty message is written, too: it takes the place of one before it."""
    return data(15, text(2, message) + number(3, code))


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
