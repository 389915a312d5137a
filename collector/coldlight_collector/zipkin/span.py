"""A Zipkin span, in whichever format it came."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from coldlight_collector.validate import MAX_ITEMS

CLIENT, SERVER, PRODUCER, CONSUMER = "CLIENT", "SERVER", "PRODUCER", "CONSUMER"

MAX_PARTS = 10 * MAX_ITEMS
"""What the spans of one request may hold in all: few bytes on the wire, many in memory. In JSON these are objects
and arrays, in protobuf annotations and tags."""

Value: TypeAlias = "str | bool | int | float | bytes | list[Value] | None"
"""Of a tag. Zipkin's own are strings; others are kept as what they are, null as an empty value."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One side of a call. What is unknown is "" or 0."""

    service_name: str = ""
    ipv4: str = ""
    ipv6: str = ""
    port: int = 0


NOWHERE = Endpoint()


@dataclass(frozen=True, slots=True)
class Annotation:
    """Something that happened, in microseconds of the Unix epoch."""

    timestamp_us: int | None
    value: str


@dataclass(frozen=True, slots=True)
class Span:
    """One host's view of an operation, named as zipkin.proto names it.

    `trace_id` has 16 bytes, `id` has 8, `parent_id` 8 or none. `kind` is one of the four above, or "".
    Times are microseconds; None where the sender gave none. `repaired` holds what the sender had in OTLP fields
    that had to be changed already, None if that is not kept.
    """

    trace_id: bytes
    id: bytes
    parent_id: bytes = b""
    kind: str = ""
    name: str = ""
    timestamp_us: int | None = None
    duration_us: int | None = None
    local: Endpoint = NOWHERE
    remote: Endpoint = NOWHERE
    annotations: tuple[Annotation, ...] = ()
    tags: Mapping[str, Value] = field(default_factory=dict)
    debug: bool = False
    shared: bool = False
    repaired: Mapping[str, str | None] = field(default_factory=dict)


class Misfit(Exception):
    """A record that is no span: the field at fault, and what it should hold. Never quotes what was sent."""


@dataclass(frozen=True, slots=True)
class Decoded:
    """What a request holds: its spans, and a reason for each record that is none."""

    spans: list[Span]
    rejected: list[str]


PARENT = "parent_span_id"
KIND = "kind"
