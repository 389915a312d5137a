"""What a span, log record or data point must satisfy to be stored, and how it is repaired if it does not.

A repaired record says so: attribute `coldlight.repaired` names the fields, `coldlight.original.<field>`
keeps what was sent (decimal or lower-case hex).
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

MAX_TIME_UNIX_NANO = 2**63 - 1
"""The last time that ClickHouse's DateTime64(9) could hold: int64 nanoseconds, in the year 2262."""

REPAIRED = "coldlight.repaired"
ORIGINAL = "coldlight.original."

_TRACE_ID_BYTES, _SPAN_ID_BYTES = 16, 8
_NO_TRACE_ID, _NO_SPAN_ID = bytes(_TRACE_ID_BYTES), bytes(_SPAN_ID_BYTES)

Records = Sequence[Any]
"""Spans, log records, data points, events or exemplars of one protobuf message."""


@dataclass(frozen=True)
class Kind:
    """One kind of record. `is_sound` tells in one quick pass whether none of many needs a repair."""

    is_sound: Callable[[Records], bool]
    times: tuple[str, ...]
    id_bytes: tuple[tuple[str, int], ...] = ()
    """Ids that may be absent, and their length."""
    ends: tuple[str, str] | None = None
    """Fields of the start and of the end, which must not lie before it."""
    parts: "tuple[str, Kind] | None" = None
    """Field of the records inside, with times of their own."""
    attributes: str = "attributes"
    rejection: Callable[[Any], str] = lambda _record: ""
    """Why a record cannot be stored at all, or nothing."""


def repair(record: Any, kind: Kind) -> tuple[list[str], bool]:
    """Makes a record fit and marks it. Gives the fields repaired, and whether anything changed: an id of
    zeros means no id (OpenTelemetry specification, "SpanContext"), so clearing it is no repair."""
    cleared, originals = _repair_ids(record, kind)
    originals |= _repair_times(record, kind)
    repaired = list(originals)
    if kind.parts and _repair_parts(record, *kind.parts):
        repaired.append(kind.parts[0])
    if repaired:
        mark(getattr(record, kind.attributes), repaired, originals)
    return repaired, cleared or bool(repaired)


def mark(attributes: Any, repaired: Iterable[str], originals: dict[str, str]) -> None:
    """Notes the names of repaired fields, and what was sent in them, in a record's attributes."""
    note(attributes, REPAIRED, repaired)
    for field, original in originals.items():
        _value(attributes, ORIGINAL + field).string_value = original


def note(attributes: Any, mark: str, fields: Iterable[str]) -> None:
    """Adds the names of fields to a list in a record's attributes, each once."""
    names = _value(attributes, mark).array_value.values
    noted = {name.string_value for name in names}
    for field in fields:
        if field not in noted:
            names.add(string_value=field)


def _value(attributes: Any, key: str) -> Any:
    for attribute in attributes:
        if attribute.key == key:
            return attribute.value
    return attributes.add(key=key).value


def _repair_ids(record: Any, kind: Kind) -> tuple[bool, dict[str, str]]:
    cleared, originals = False, {}
    for field, length in kind.id_bytes:
        sent = getattr(record, field)
        if not sent or (len(sent) == length and any(sent)):
            continue
        record.ClearField(field)
        cleared = True
        if len(sent) != length:
            originals[field] = sent.hex()
    return cleared, originals


def _repair_times(record: Any, kind: Kind) -> dict[str, str]:
    originals = {}
    for field in kind.times:
        sent = getattr(record, field)
        if sent > MAX_TIME_UNIX_NANO:
            setattr(record, field, MAX_TIME_UNIX_NANO)
            originals[field] = str(sent)
    if kind.ends:
        start, end = (getattr(record, field) for field in kind.ends)
        if 0 < end < start:
            setattr(record, kind.ends[1], start)
            originals[kind.ends[1]] = str(end)
    return originals


def _repair_parts(record: Any, field: str, kind: Kind) -> bool:
    return bool([part for part in getattr(record, field) if repair(part, kind)[0]])


def _span_rejection(span: Any) -> str:
    """OpenTelemetry protocol, trace.proto: both ids are required, and zeros are no id."""
    if len(span.trace_id) != _TRACE_ID_BYTES or span.trace_id == _NO_TRACE_ID:
        return "trace_id must be 16 bytes, not all zero"
    if len(span.span_id) != _SPAN_ID_BYTES or span.span_id == _NO_SPAN_ID:
        return "span_id must be 8 bytes, not all zero"
    return ""


def _are_sound_spans(spans: Records) -> bool:
    """The collector's hottest loop: every field is read once, the likeliest outcome tested first."""
    for span in spans:
        trace_id, span_id, parent_span_id = span.trace_id, span.span_id, span.parent_span_id
        if len(trace_id) != _TRACE_ID_BYTES or len(span_id) != _SPAN_ID_BYTES:
            return False
        if trace_id == _NO_TRACE_ID or span_id == _NO_SPAN_ID:
            return False
        if parent_span_id and (len(parent_span_id) != _SPAN_ID_BYTES or parent_span_id == _NO_SPAN_ID):
            return False
        if not span.start_time_unix_nano <= span.end_time_unix_nano <= MAX_TIME_UNIX_NANO:
            return False
        events = span.events
        if events and not _are_sound_parts(events):
            return False
    return True


def _are_sound_logs(records: Records) -> bool:
    for record in records:
        if record.time_unix_nano > MAX_TIME_UNIX_NANO or record.observed_time_unix_nano > MAX_TIME_UNIX_NANO:
            return False
        trace_id, span_id = record.trace_id, record.span_id
        if trace_id and (len(trace_id) != _TRACE_ID_BYTES or trace_id == _NO_TRACE_ID):
            return False
        if span_id and (len(span_id) != _SPAN_ID_BYTES or span_id == _NO_SPAN_ID):
            return False
    return True


def _are_sound_points(points: Records) -> bool:
    for point in points:
        if point.start_time_unix_nano > MAX_TIME_UNIX_NANO or point.time_unix_nano > MAX_TIME_UNIX_NANO:
            return False
    return True


def _are_sound_sampled_points(points: Records) -> bool:
    if not _are_sound_points(points):
        return False
    for point in points:
        exemplars = point.exemplars
        if exemplars and not _are_sound_parts(exemplars):
            return False
    return True


def _are_sound_parts(parts: Records) -> bool:
    """Events or exemplars, at least one."""
    last: int = max([part.time_unix_nano for part in parts])
    return last <= MAX_TIME_UNIX_NANO


_POINT_TIMES = ("start_time_unix_nano", "time_unix_nano")
_SPAN_TIMES = ("start_time_unix_nano", "end_time_unix_nano")
_EVENT = Kind(_are_sound_parts, ("time_unix_nano",))
_EXEMPLAR = Kind(_are_sound_parts, ("time_unix_nano",), attributes="filtered_attributes")

SPAN = Kind(
    _are_sound_spans,
    _SPAN_TIMES,
    id_bytes=(("parent_span_id", _SPAN_ID_BYTES),),
    ends=_SPAN_TIMES,
    parts=("events", _EVENT),
    rejection=_span_rejection,
)
LOG_RECORD = Kind(
    _are_sound_logs,
    ("time_unix_nano", "observed_time_unix_nano"),
    id_bytes=(("trace_id", _TRACE_ID_BYTES), ("span_id", _SPAN_ID_BYTES)),
)
POINT = Kind(_are_sound_sampled_points, _POINT_TIMES, parts=("exemplars", _EXEMPLAR))
SUMMARY_POINT = Kind(_are_sound_points, _POINT_TIMES)
