"""What the recorder records: spans, their events and links, as OpenTelemetry has them."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Union

    from coldlight_lambda.invocations import Invocation

    Value = Union[str, bool, int, float, bytes, Sequence["Value"], Mapping[str, "Value"], None]
    Attributes = Mapping[str, Value]

INTERNAL, SERVER, CLIENT, PRODUCER, CONSUMER = 1, 2, 3, 4, 5
"""`SpanKind` of opentelemetry/proto/trace/v1/trace.proto."""

HTTP_METHODS = frozenset(
    ("CONNECT", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "QUERY", "TRACE")
)
"""Those that spans name; any other is `_OTHER` (semantic conventions, `http.request.method`)."""

UNSET, OK, ERROR = 0, 1, 2
"""`Status.StatusCode`."""

MOST_ATTRIBUTES, MOST_EVENTS, MOST_LINKS = 256, 256, 10_000
"""A span holds no more of each, and counts what it drops. A batch may have 10,000 records, each with a link."""

SAMPLED = 0x01


class Context:
    """Where a span is: of this process, or of another one that told us. Ids are 16 and 8 bytes."""

    __slots__ = ("flags", "span_id", "trace_id", "trace_state")

    def __init__(self, trace_id: bytes, span_id: bytes, trace_state: str = "", flags: int = SAMPLED) -> None:
        self.trace_id = trace_id
        self.span_id = span_id
        self.trace_state = trace_state
        self.flags = flags

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Context) and self._key() == other._key()

    def __hash__(self) -> int:
        return hash(self._key())

    def __repr__(self) -> str:
        return f"Context({self.trace_id.hex()}, {self.span_id.hex()}, {self.trace_state!r}, {self.flags})"

    def _key(self) -> tuple[bytes, bytes, str, int]:
        return self.trace_id, self.span_id, self.trace_state, self.flags


class Event:
    """Something that happened in a span at a Unix time in nanoseconds."""

    __slots__ = ("attributes", "name", "time_ns")

    def __init__(self, time_ns: int, name: str, attributes: Attributes) -> None:
        self.time_ns = time_ns
        self.name = name
        self.attributes = attributes


class Link:
    """Another span that this one follows from."""

    __slots__ = ("attributes", "context")

    def __init__(self, context: Context, attributes: Attributes | None = None) -> None:
        self.context = context
        self.attributes = attributes or {}


class Span:
    """One span while it lasts. Times are Unix times in nanoseconds; `end_ns` is 0 until it has ended.

    A plain class with slots: dataclasses would cost a function that never used them 5 ms of its start.
    """

    __slots__ = (
        "attributes",
        "context",
        "dropped_attributes",
        "dropped_events",
        "dropped_links",
        "end_ns",
        "events",
        "invocation",
        "kind",
        "links",
        "name",
        "parent_span_id",
        "start_ns",
        "status",
        "status_message",
    )

    def __init__(
        self,
        context: Context,
        parent_span_id: bytes,
        name: str,
        kind: int,
        start_ns: int,
        attributes: Attributes | None = None,
        invocation: Invocation | None = None,
    ) -> None:
        self.context = context
        self.parent_span_id = parent_span_id
        self.name = name
        self.kind = kind
        self.start_ns = start_ns
        self.end_ns = 0
        self.attributes: dict[str, Value] = {}
        self.events: list[Event] = []
        self.links: list[Link] = []
        self.status = UNSET
        self.status_message = ""
        self.dropped_attributes = 0
        self.dropped_events = 0
        self.dropped_links = 0
        self.invocation = invocation
        if attributes:
            self.set(attributes)

    def set(self, attributes: Attributes) -> None:
        """Adds attributes; one that is None says that nothing is known, and is left out."""
        own = self.attributes
        for key, value in attributes.items():
            if value is None:
                continue
            if len(own) >= MOST_ATTRIBUTES and key not in own:
                self.dropped_attributes += 1
            else:
                own[key] = value

    def add_event(self, time_ns: int, name: str, attributes: Attributes) -> None:
        """Adds what happened at a Unix time; beyond the most that a span holds, it is counted only."""
        if len(self.events) < MOST_EVENTS:
            self.events.append(Event(time_ns, name, attributes))
        else:
            self.dropped_events += 1

    def add_link(self, link: Link) -> None:
        if len(self.links) < MOST_LINKS:
            self.links.append(link)
        else:
            self.dropped_links += 1

    def copy(self) -> Span:
        """The span as it stands, for another thread to read while this one goes on."""
        copied = Span(
            self.context, self.parent_span_id, self.name, self.kind, self.start_ns, None, self.invocation
        )
        copied.attributes = self.attributes.copy()
        copied.end_ns = self.end_ns
        copied.events, copied.links = self.events.copy(), self.links.copy()
        copied.status, copied.status_message = self.status, self.status_message
        copied.dropped_attributes = self.dropped_attributes
        copied.dropped_events, copied.dropped_links = self.dropped_events, self.dropped_links
        return copied

    def fail(self, message: str) -> None:
        """Marks the span as failed; the first reason stays."""
        if self.status != ERROR:
            self.status = ERROR
            self.status_message = message
