"""Zipkin's spans as OTLP, by OpenTelemetry's own conventions (`conventions.py`).

What the conventions have no place for is kept in attributes of its own: `zipkin.debug`, `zipkin.shared`, and
`zipkin.local_endpoint.<field>` or `zipkin.remote_endpoint.<field>` for a field whose attribute is taken.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from google.protobuf.message import Message
from opentelemetry.proto.trace.v1.trace_pb2 import Span as OtlpSpan

from coldlight_collector.repair import MAX_TIME_UNIX_NANO, mark
from coldlight_collector.zipkin import conventions
from coldlight_collector.zipkin.conventions import Tags
from coldlight_collector.zipkin.span import (
    CLIENT,
    CONSUMER,
    PARENT,
    PRODUCER,
    SERVER,
    Annotation,
    Endpoint,
    Span,
    Value,
)
from coldlight_storage.signals import Signal
from coldlight_storage.stored import STORED_TYPE

_KINDS = {
    "": OtlpSpan.SPAN_KIND_INTERNAL,
    CLIENT: OtlpSpan.SPAN_KIND_CLIENT,
    SERVER: OtlpSpan.SPAN_KIND_SERVER,
    PRODUCER: OtlpSpan.SPAN_KIND_PRODUCER,
    CONSUMER: OtlpSpan.SPAN_KIND_CONSUMER,
}
_LOCAL = {"ipv4": "network.local.address", "ipv6": "network.local.address", "port": "network.local.port"}
_PEER = {
    "service_name": "peer.service",
    "ipv4": "network.peer.address",
    "ipv6": "network.peer.address",
    "port": "network.peer.port",
}
_CLIENT = {"ipv4": "client.address", "ipv6": "client.address", "port": "client.port"}
_SERVER = {"ipv4": "server.address", "ipv6": "server.address", "port": "server.port"}
_ROLE_OF_PEER = {CLIENT: _SERVER, PRODUCER: _SERVER, CONSUMER: _SERVER, SERVER: _CLIENT}
_FIELDS = ("service_name", "ipv4", "ipv6", "port")

_START, _END, _EVENTS = "start_time_unix_nano", "end_time_unix_nano", "events"
_PARTIAL = "coldlight.partial"
_NS = 1000
_INT64 = range(-(2**63), 2**63)

_Repaired = dict[str, str | None]


@dataclass(frozen=True)
class Converted:
    """A request of the stored type, how often which field had to be changed, and whether the time of receipt is in it."""

    request: Message
    repaired: Counter[str]
    tells_receipt: bool


def convert(spans: Iterable[Span], received_us: int) -> Converted:
    """The spans as one OTLP request; `received_us` stands in for a start that nothing tells."""
    request: Any = STORED_TYPE[Signal.TRACES]()
    groups = _Groups(request)
    repaired: Counter[str] = Counter()
    tells_receipt = False
    for span in spans:
        tags = dict(span.tags)
        made = groups.add_span(
            conventions.take_resource(span.local.service_name, tags), conventions.take_scope(tags)
        )
        repaired.update(_fill(made, span, tags, received_us).keys())
        tells_receipt = tells_receipt or _first_time_us(span) is None
    return Converted(request, repaired, tells_receipt)


@dataclass(frozen=True)
class _Groups:
    """The resources and scopes of a request, each of them once."""

    request: Any
    resources: dict[tuple[tuple[str, str], ...], Any] = field(default_factory=dict)
    scopes: dict[object, Any] = field(default_factory=dict)

    def add_span(self, resource: Mapping[str, str], scope: tuple[str, str]) -> Any:
        key = tuple(sorted(resource.items()))
        if key not in self.resources:
            self.resources[key] = self.request.resource_spans.add()
            _set_attributes(self.resources[key].resource.attributes, resource)
        if (key, scope) not in self.scopes:
            self.scopes[key, scope] = self.resources[key].scope_spans.add()
            self.scopes[key, scope].scope.name, self.scopes[key, scope].scope.version = scope
        return self.scopes[key, scope].spans.add()


def _fill(made: Any, span: Span, tags: Tags, received_us: int) -> _Repaired:
    """Fills an OTLP span. Gives the fields that had to be changed, with what was sent where that is known."""
    made.trace_id, made.span_id, made.name, made.kind = span.trace_id, span.id, span.name, _KINDS[span.kind]
    if not span.kind and tags.get("span.kind") == "internal":
        del tags["span.kind"]
    repaired = {**span.repaired, **_set_parent(made, span), **_set_times(made, span, received_us)}
    made.trace_state = conventions.take_text(tags, "w3c.tracestate")
    made.status.code, made.status.message = conventions.take_status(tags)
    made.dropped_attributes_count = conventions.take_count(tags, "attributes")
    made.dropped_events_count = conventions.take_count(tags, "events")
    made.dropped_links_count = conventions.take_count(tags, "links")
    for link in conventions.take_links(tags):
        _add_link(made.links.add(), link)
    for annotation in span.annotations:
        if not _add_event(made.events.add(), annotation, made.start_time_unix_nano):
            repaired[_EVENTS] = None
    _set_attributes(made.attributes, _attributes(span, tags))
    if repaired:
        sent = {name: original for name, original in repaired.items() if original is not None}
        mark(made.attributes, repaired, sent)
    return repaired


def _set_parent(made: Any, span: Span) -> _Repaired:
    if span.parent_id == span.id:  # Zipkin cuts such a knot, too
        return {PARENT: span.parent_id.hex()}
    made.parent_span_id = span.parent_id
    return {}


def _set_times(made: Any, span: Span, received_us: int) -> _Repaired:
    """Start and end. Without a start it is the first annotation's time, else that of receipt: a zero would move
    the beginning of the whole trace to 1970."""
    repaired: _Repaired = {}
    sent, first = span.timestamp_us or 0, _first_time_us(span)
    start = received_us if first is None else first
    if sent <= 0:
        repaired[_START] = str(sent * _NS) if sent else None
    end = start + max(span.duration_us or 0, 0)
    if span.duration_us is None or span.duration_us < 0:
        repaired[_END] = None if span.duration_us is None else str((start + span.duration_us) * _NS)
    for name, time_us in ((_START, start), (_END, end)):
        time_ns = time_us * _NS
        if time_ns > MAX_TIME_UNIX_NANO:
            repaired[name] = str(time_ns)
        setattr(made, name, min(time_ns, MAX_TIME_UNIX_NANO))
    return repaired


def _first_time_us(span: Span) -> int | None:
    """The start of a span as far as the span itself tells."""
    if span.timestamp_us and span.timestamp_us > 0:
        return span.timestamp_us
    happened = [one.timestamp_us for one in span.annotations if one.timestamp_us and one.timestamp_us > 0]
    return min(happened, default=None)


def _add_link(made: Any, link: conventions.Link) -> None:
    made.trace_id, made.span_id, made.trace_state = link.trace_id, link.span_id, link.trace_state
    made.dropped_attributes_count = link.dropped
    _set_attributes(made.attributes, link.attributes)


def _add_event(made: Any, annotation: Annotation, start_ns: int) -> bool:
    """Whether its time could be kept; if not, it is put to the start of its span or the end of all time."""
    event = conventions.read_event(annotation.value)
    made.name, made.dropped_attributes_count = event.name, event.dropped
    _set_attributes(made.attributes, event.attributes)
    sent_ns = (annotation.timestamp_us or 0) * _NS
    made.time_unix_nano = min(sent_ns, MAX_TIME_UNIX_NANO) if sent_ns > 0 else start_ns
    if sent_ns and made.time_unix_nano != sent_ns:
        mark(made.attributes, ["time_unix_nano"], {"time_unix_nano": str(sent_ns)})
    return bool(made.time_unix_nano == sent_ns)


def _attributes(span: Span, tags: Tags) -> Tags:
    """The tags, and what else a Zipkin span says; where a tag says something else, both are kept."""
    attributes = dict(tags)
    _describe(span.local, _LOCAL, "zipkin.local_endpoint", attributes)
    _describe(span.remote, _PEER, "zipkin.remote_endpoint", attributes)
    for name, key in _ROLE_OF_PEER.get(span.kind, {}).items():
        if value := getattr(span.remote, name):
            attributes.setdefault(key, value)
    if span.debug:
        attributes["zipkin.debug"] = True
    if span.shared:
        attributes["zipkin.shared"] = True
    if span.timestamp_us is None or span.duration_us is None:
        # Zipkin's senders may tell a span in pieces: none of them shall hide the whole.
        attributes[_PARTIAL] = True
    return attributes


def _describe(endpoint: Endpoint, keys: Mapping[str, str], own: str, attributes: Tags) -> None:
    for name in _FIELDS:
        value = getattr(endpoint, name)
        if value and name in keys and str(attributes.setdefault(keys[name], value)) != str(value):
            attributes[f"{own}.{name}"] = value


def _set_attributes(attributes: Any, values: Mapping[str, Value]) -> None:
    for key, value in values.items():
        _set_value(attributes.add(key=key).value, value)


def _set_value(made: Any, value: Value) -> None:
    """An integer of more than 64 bits becomes its digits: OTLP's are no larger."""
    match value:
        case None:
            pass
        case bool():
            made.bool_value = value
        case int() if value in _INT64:
            made.int_value = value
        case int():
            made.string_value = str(value)
        case float():
            made.double_value = value
        case bytes():
            made.bytes_value = value
        case str():
            made.string_value = value
        case _:
            made.array_value.SetInParent()
            for item in value:
                _set_value(made.array_value.values.add(), item)
