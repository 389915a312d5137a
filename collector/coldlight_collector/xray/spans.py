"""One segment or subsegment as an OTLP span, in the form that protobuf's constructors take."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from coldlight_collector.repair import ORIGINAL, REPAIRED
from coldlight_collector.xray.attributes import PREFIX, Attributes, of_document
from coldlight_collector.xray.causes import Cause, read_cause
from coldlight_collector.xray.codecs import read_span_id, read_time, read_trace_id
from coldlight_collector.xray.values import attributes

PARTIAL = "coldlight.partial"
"""Attribute of a span that is still in progress: it counts until a complete one of the same identity is there."""

_FAILURES = ("error", "fault", "throttle")
_LINK = frozenset(("trace_id", "id", "attributes"))


class Invalid(Exception):
    """A segment that cannot be stored: X-Ray's code for it, and why."""

    def __init__(self, code: str, reason: str) -> None:
        super().__init__(reason)
        self.code = code


@dataclass(frozen=True)
class Place:
    """Where a segment stands: in which trace, and inside which other span of its document, how deep."""

    trace_id: bytes
    enclosing: bytes = b""
    depth: int = 0


def trace_id_of(document: Mapping[str, Any]) -> bytes:
    """Raises `Invalid`."""
    if document.get("trace_id") is None:
        raise Invalid("MissingTraceId", "trace_id: send the id of the trace")
    try:
        return read_trace_id(document["trace_id"])
    except ValueError as error:
        raise Invalid("InvalidTraceId", f"trace_id: {error}") from None


def to_span(segment: Mapping[str, Any], place: Place) -> tuple[dict[str, Any], Attributes]:
    """The span, and the attributes of its resource. Raises `Invalid`, and `TooDeep` for its values."""
    name, span_id = _name(segment), _span_id(segment)
    start, end, is_partial = _times(segment)
    is_segment = not place.depth and segment.get("type") != "subsegment"
    resource, gathered = of_document(segment, is_segment)
    if is_segment:
        resource.put("service.name", name, f"{PREFIX}.name")
    links, odd_links = _links(segment.get("links"))
    cause = read_cause(segment.get("cause"), end)
    parent = _parent(segment, place)
    for key, value in (*cause.rest, *odd_links, *_oddities(segment, place), *_repairs(segment, place)):
        gathered.put(key, value, key)
    if is_partial:
        gathered.put(PARTIAL, True, PARTIAL)
    span = {
        "trace_id": place.trace_id,
        "span_id": span_id,
        "parent_span_id": parent or b"",
        "name": name,
        "kind": _kind(segment, is_segment),
        "start_time_unix_nano": start,
        "end_time_unix_nano": end,
        "status": _status(segment, cause),
        "attributes": attributes(gathered.values),
        "events": cause.events,
        "links": links,
    }
    return span, resource


def _name(segment: Mapping[str, Any]) -> str:
    name = segment.get("name")
    if name is None or name == "":
        raise Invalid("MissingName", "name: send the name of the service or of the call")
    if not isinstance(name, str):
        raise Invalid("InvalidName", "name: expected a string")
    return name


def _span_id(segment: Mapping[str, Any]) -> bytes:
    if segment.get("id") is None:
        raise Invalid("MissingId", "id: send 16 hexadecimal digits")
    try:
        return read_span_id(segment["id"])
    except ValueError as error:
        raise Invalid("InvalidId", f"id: {error}") from None


def _times(segment: Mapping[str, Any]) -> tuple[int, int, bool]:
    """Start and end, and whether the segment is in progress; one without an end ends where it starts."""
    is_partial = segment.get("in_progress") is True
    start = _time(segment, "start_time", "StartTime")
    if is_partial and segment.get("end_time") is None:
        return start, start, True
    return start, _time(segment, "end_time", "EndTime"), is_partial


def _time(segment: Mapping[str, Any], field: str, code: str) -> int:
    if segment.get(field) is None:
        hint = ", or in_progress: true" if field == "end_time" else ""
        raise Invalid(f"Missing{code}", f"{field}: send seconds since 1970{hint}")
    try:
        return read_time(segment[field])
    except ValueError as error:
        raise Invalid(f"Invalid{code}", f"{field}: {error}") from None


def _kind(segment: Mapping[str, Any], is_segment: bool) -> int:
    """A call to something else has a namespace; `local`, which the Python SDK sends, says that it is none."""
    if segment.get("namespace") in ("aws", "remote"):
        return Span.SPAN_KIND_CLIENT
    return Span.SPAN_KIND_SERVER if is_segment else Span.SPAN_KIND_INTERNAL


def _status(segment: Mapping[str, Any], cause: Cause) -> dict[str, Any]:
    has_failed = segment.get("cause") or any(segment.get(flag) is True for flag in _FAILURES)
    return {"code": Status.STATUS_CODE_ERROR, "message": cause.message} if has_failed else {}


def _parent(segment: Mapping[str, Any], place: Place) -> bytes | None:
    """The id of the parent, empty for a root; None if what was sent is no id."""
    if place.depth or segment.get("parent_id") is None:
        return place.enclosing
    try:
        return read_span_id(segment["parent_id"])
    except ValueError:
        return None


def _repairs(segment: Mapping[str, Any], place: Place) -> Iterator[tuple[str, Any]]:
    """What to note of a segment that could not be taken as it was sent."""
    if _parent(segment, place) is None:
        yield f"{ORIGINAL}parent_span_id", segment["parent_id"]
        yield REPAIRED, ["parent_span_id"]


def _oddities(segment: Mapping[str, Any], place: Place) -> Iterator[tuple[str, Any]]:
    """Fields that say something else than where the segment was found, or are nothing that they should be."""
    parent = segment.get("parent_id")
    if place.depth and parent is not None and parent != place.enclosing.hex():
        yield f"{PREFIX}.parent_id", parent
    if not isinstance(segment.get("in_progress"), bool | None):
        yield f"{PREFIX}.in_progress", segment["in_progress"]
    if not isinstance(segment.get("subsegments"), list | None):
        yield f"{PREFIX}.subsegments", segment["subsegments"]


def _links(links: Any) -> tuple[list[dict[str, Any]], list[tuple[str, Any]]]:
    """Links to other spans; those that name none are kept as they are."""
    if links is None:
        return [], []
    if not isinstance(links, list):
        return [], [(f"{PREFIX}.links", links)]
    read, odd = [], []
    for link in links:
        try:
            read.append(_link(link))
        except ValueError:
            odd.append(link)
    return read, [(f"{PREFIX}.links", odd)] if odd else []


def _link(link: Any) -> dict[str, Any]:
    """Raises ValueError for what is no link."""
    if not (isinstance(link, dict) and isinstance(told := link.get("attributes", {}), dict)):
        raise ValueError("expected an object")  # noqa: TRY004 as for an id that is none
    told = told | {f"{PREFIX}.link.{key}": value for key, value in link.items() if key not in _LINK}
    return {
        "trace_id": read_trace_id(link.get("trace_id")),
        "span_id": read_span_id(link.get("id")),
        "attributes": attributes(told),
    }
