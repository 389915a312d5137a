"""Segment documents as one payload: a span for each segment, and for each subsegment inside it.

A document that cannot be read costs itself alone; so does a subsegment, and what is inside it is kept.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from google.protobuf.message import Message

from coldlight_collector.intake import Payload
from coldlight_collector.stand_ins import decode_json
from coldlight_collector.validate import validate_message
from coldlight_collector.xray.attributes import Attributes
from coldlight_collector.xray.codecs import read_span_id
from coldlight_collector.xray.spans import Invalid, Place, to_span, trace_id_of
from coldlight_collector.xray.values import TooDeep, attributes, read_json
from coldlight_storage.signals import Signal
from coldlight_storage.stored import STORED_TYPE

MAX_DOCUMENT_BYTES = 2**20
"""AWS takes 64 KB, and so does a datagram. Over HTTP there is no reason to be that strict."""

MAX_NESTED = 100
"""How deep subsegments may be inside one another."""

_LISTED = 10


@dataclass(frozen=True)
class Rejection:
    """A segment or subsegment that is not stored: its id, if it has one, X-Ray's code, and why."""

    segment_id: str | None
    code: str
    reason: str
    what: str = "segment"

    def __str__(self) -> str:
        """In AWS's words."""
        return f"Invalid {self.what}. ErrorCode: {self.code}, Cause: {self.reason}"


@dataclass(frozen=True)
class Translation:
    """Documents as one payload, whose outcome counts the rejections, too."""

    payload: Payload
    rejections: list[Rejection]


@dataclass
class _Document:
    """One segment document on its way to spans."""

    rejections: list[Rejection]
    spans: list[dict[str, Any]] = field(default_factory=list)
    resource: Attributes = field(default_factory=Attributes)

    def translate(self, document: Any) -> None:
        if not isinstance(document, dict):
            self.rejections.append(Rejection(None, "ParseError", "expected an object"))
            return
        try:
            place = Place(trace_id_of(document))
        except Invalid as invalid:
            self._reject(document, Place(b""), invalid.code, str(invalid))
            return
        waiting = [(document, place)]  # a stack of its own: documents may be deep
        while waiting:
            segment, place = waiting.pop()
            waiting.extend(self._add(segment, place))

    def _add(self, segment: Any, place: Place) -> list[tuple[Any, Place]]:
        """Adds one span; gives the subsegments inside it, the last one first."""
        if not isinstance(segment, dict):
            self.rejections.append(Rejection(None, "ParseError", "expected an object", "subsegment"))
            return []
        try:
            span, resource = to_span(segment, place)
            self.spans.append(span)
            if not place.depth:
                self.resource = resource
        except Invalid as invalid:
            self._reject(segment, place, invalid.code, str(invalid))
        except TooDeep as error:
            self._reject(segment, place, "NestedTooDeep", str(error))
        return self._inside(segment, place)

    def _inside(self, segment: dict[str, Any], place: Place) -> list[tuple[Any, Place]]:
        subsegments = segment.get("subsegments")
        if not isinstance(subsegments, list) or not subsegments:
            return []
        if place.depth >= MAX_NESTED:
            reason = f"subsegments: nested too deep: at most {MAX_NESTED} levels"
            self._reject(segment, place, "NestedTooDeep", reason)
            return []
        try:
            enclosing = read_span_id(segment.get("id"))
        except ValueError:
            enclosing = place.enclosing
        inside = Place(place.trace_id, enclosing, place.depth + 1)
        return [(subsegment, inside) for subsegment in reversed(subsegments)]

    def _reject(self, segment: dict[str, Any], place: Place, code: str, reason: str) -> None:
        sent = segment.get("id")
        is_subsegment = place.depth or segment.get("type") == "subsegment"
        what = "subsegment" if is_subsegment else "segment"
        self.rejections.append(Rejection(sent if isinstance(sent, str) else None, code, reason, what))


def translate(documents: Iterable[str | bytes], rejections: Iterable[Rejection] = ()) -> Translation:
    """The payload of some segment documents, each one a JSON text; earlier rejections are taken along.

    Raises `TooLarge` for too many segments.
    """
    rejected = list(rejections)
    resource_spans = [group for document in documents for group in _groups(document, rejected)]
    build: Callable[..., Message] = STORED_TYPE[Signal.TRACES]
    payload = validate_message(Signal.TRACES, build(resource_spans=resource_spans))
    return Translation(_counted(payload, rejected), rejected)


def _groups(document: str | bytes, rejections: list[Rejection]) -> Iterator[dict[str, Any]]:
    """The `ResourceSpans` of a document: of one segment, or of each subsegment of an array."""
    if len(document) > MAX_DOCUMENT_BYTES:
        reason = f"the document has {len(document)} bytes: at most {MAX_DOCUMENT_BYTES}"
        rejections.append(Rejection(None, "DocumentTooLarge", reason))
        return
    try:
        sent = read_json(document if isinstance(document, str) else decode_json(document))
    except ValueError as error:
        rejections.append(Rejection(None, "ParseError", f"the document is not JSON: {error}"))
        return
    for segment in sent if isinstance(sent, list) else [sent]:
        translated = _Document(rejections)
        translated.translate(segment)
        if translated.spans:
            yield {
                "resource": {"attributes": attributes(translated.resource.values)},
                "scope_spans": [{"spans": translated.spans}],
            }


def _counted(payload: Payload, rejections: list[Rejection]) -> Payload:
    if not rejections:
        return payload
    outcome = payload.outcome
    message = "; ".join(filter(None, (outcome.message, *map(str, rejections[:_LISTED]))))
    unreadable, rejected = len(rejections), outcome.rejected + len(rejections)
    counted = replace(outcome, rejected=rejected, message=message, unreadable=unreadable)
    return replace(payload, outcome=counted)
