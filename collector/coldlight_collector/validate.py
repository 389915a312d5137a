"""Validation of decoded requests: what is wrong with a single record costs that record, never the others.

A span without valid ids is rejected, and the rest of the request taken (OTLP specification, "Partial
Success"). What can be stored after a repair is repaired, and says so in its own attributes.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

from google.protobuf.message import DecodeError, Message
from google.protobuf.unknown_fields import UnknownFieldSet

from coldlight_collector import caps, platform_logs
from coldlight_collector.amplification import expanded_bytes, refuse_bomb
from coldlight_collector.intake import Accepted, Malformed, Payload, TooLarge
from coldlight_collector.repair import LOG_RECORD, POINT, SPAN, SUMMARY_POINT, Kind, mark, repair
from coldlight_collector.utf8 import Mended, mend, mend_stand_ins
from coldlight_collector.wire import refuse_crowd, without_reserved
from coldlight_storage.nested import rendered
from coldlight_storage.signals import Signal
from coldlight_storage.stored import STORED_TYPE

MAX_ITEMS = 100_000
"""Spans, log records or data points of one request."""

_MAX_MESSAGE_CHARACTERS = 1024
_ALL_WELL = Accepted()
_UNCOUNTED_BYTES = 2 * 2**20
"""Up to this size a request is parsed before its items are counted: it cannot take more than 130 MiB of memory."""


@dataclass(slots=True)  # frozen, it would take three times as long to make, and one is made for every request
class _Findings:
    """A reason for every item rejected, a field for every repair and every cut, the reserved fields that were removed."""

    rejected: list[str]
    repaired: list[str]
    removed: list[int]
    truncated: list[str] = field(default_factory=list)

    def outcome(self) -> Accepted:
        if not (self.rejected or self.repaired or self.removed or self.truncated):
            return _ALL_WELL
        listed: dict[str, Sequence[str | int]] = {
            "rejected": self.rejected,
            "repaired": self.repaired,
            "removed reserved fields": self.removed,
            "truncated": self.truncated,
        }
        message = "; ".join(f"{what}: {_counted(entries)}" for what, entries in listed.items() if entries)
        message = message[:_MAX_MESSAGE_CHARACTERS]
        return Accepted(len(self.rejected), message, len(self.repaired), truncated=len(self.truncated))


def _counted(entries: Sequence[str | int]) -> str:
    return ", ".join(f"{entry} ({count})" for entry, count in Counter(entries).most_common())


def validate(signal: Signal, body: bytes, max_items: int = MAX_ITEMS) -> Payload:
    """The payload for a protobuf request; its `body` is the very same object unless something had to change.

    Raises `Malformed` for bytes that are no request of the signal, `TooLarge` for more than `max_items` or absurdly
    many parts of them.
    """
    if len(body) > _UNCOUNTED_BYTES:
        refuse_crowd(signal, body, max_items)
        refuse_bomb(signal, body)
    findings = _Findings([], [], [])
    message, mended = _parse(STORED_TYPE[signal], body, findings)
    if len(UnknownFieldSet(message)):
        body, removed = without_reserved(body, max_items)
        if removed:
            findings = _Findings([], [], removed)
            message, mended = _parse(STORED_TYPE[signal], body, findings)
    items, changed = _settle(signal, message, findings, max_items)
    events = _add_platform_events(signal, message, body)
    items, changed = items + events, changed or events > 0
    stored = _within_caps(signal, message, rendered(message), findings)
    # Of another length though nothing changed, the body spells a field twice: readers differ over what that means.
    if mended or changed or stored != body:
        body = stored
    return _payload(signal, message, body, items, findings)


def validate_message(signal: Signal, message: Message, max_items: int = MAX_ITEMS) -> Payload:
    """The payload for a decoded request of the stored type, which is repaired and rendered in place.

    Raises `TooLarge` for more than `max_items` spans, log records or data points.
    """
    findings = _Findings([], [], [])
    message, mended = mend_stand_ins(message)
    _mark(message, mended, findings)
    items, _ = _settle(signal, message, findings, max_items)
    stored = rendered(message)
    if events := _add_platform_events(signal, message, stored):
        items, stored = items + events, rendered(message)
    stored = _within_caps(signal, message, stored, findings)
    return _payload(signal, message, stored, items, findings)


def _payload(signal: Signal, message: Message, stored: bytes, items: int, findings: _Findings) -> Payload:
    expanded = expanded_bytes(signal, message, len(stored), items)
    name, data = _name(signal, message), _data(signal, message)
    return Payload(stored, items, findings.outcome(), name, data, expanded_bytes=expanded)


def _within_caps(signal: Signal, message: Message, stored: bytes, findings: _Findings) -> bytes:
    """The rendered request, rendered again if one of its items had to be cut."""
    if not caps.may_be_exceeded(signal, stored):
        return stored
    findings.truncated.extend(caps.cut(records for records, _ in _RECORDS[signal](message)))
    return rendered(message) if findings.truncated else stored


def _name(signal: Signal, message: Any) -> bytes:
    """Log records without any time may be meant each time they come: a name of their own, and nothing repeats them."""
    if signal is not Signal.LOGS:
        return b""
    timeless = (
        not (record.time_unix_nano or record.observed_time_unix_nano)
        for records, _ in _log_records(message)
        for record in records
    )
    return uuid4().bytes if any(timeless) else b""


def _add_platform_events(signal: Signal, message: Message, body: bytes) -> int:
    """What the Lambda platform says in log lines is stored as records of its own, too. Gives how many were added."""
    may_hold = signal is Signal.LOGS and platform_logs.may_hold(body)
    return platform_logs.add_events(message) if may_hold else 0


def _parse(message_type: type[Message], body: bytes, findings: _Findings) -> tuple[Message, bool]:
    """The request, and whether it had to be mended to be one."""
    try:
        return message_type.FromString(body), False
    except DecodeError:
        return _parse_mended(message_type, body, findings), True


def _parse_mended(message_type: type[Message], body: bytes, findings: _Findings) -> Message:
    """Whether the parser refused but a string, only a second one can tell for certain."""
    try:
        message, mended = mend(message_type, body)
    except DecodeError as error:
        raise Malformed(f"the body is no protobuf request: {error}") from error
    _mark(message, mended, findings)
    return message


def _mark(message: Message, mended: Sequence[Mended], findings: _Findings) -> None:
    for owner in mended:
        mark(owner.find(message).attributes, owner.fields, {})
        findings.repaired.extend(owner.fields)


def _settle(signal: Signal, message: Message, findings: _Findings, max_items: int) -> tuple[int, bool]:
    """Repairs and rejects in place. Gives the number of items that remain, and whether anything changed."""
    items, changed = 0, False
    for records, kind in _RECORDS[signal](message):
        items += len(records)
        if items > max_items:
            raise TooLarge(f"more than {max_items} items in one request: send fewer at a time")
        if not kind.is_sound(records):
            changed |= _repair_all(records, kind, findings)
    return items - len(findings.rejected), changed


def _repair_all(records: Any, kind: Kind, findings: _Findings) -> bool:
    kept, changed = [], False
    for record in records:
        if reason := kind.rejection(record):
            findings.rejected.append(reason)
            continue
        kept.append(record)
        repaired, is_changed = repair(record, kind)
        findings.repaired.extend(repaired)
        changed |= is_changed
    if len(kept) < len(records):
        # One by one would move all that follow each time.
        del records[:]
        records.extend(kept)
        changed = True
    return changed


_Kinds = Iterable[tuple[Any, Kind]]


def _spans(request: Any) -> _Kinds:
    return [(scope.spans, SPAN) for resource in request.resource_spans for scope in resource.scope_spans]


def _log_records(request: Any) -> _Kinds:
    groups = (scope for resource in request.resource_logs for scope in resource.scope_logs)
    return [(scope.log_records, LOG_RECORD) for scope in groups]


def _data(signal: Signal, request: Any) -> frozenset[str] | None:
    """The kinds of metric data inside: each has a table, and only those need an INSERT."""
    if signal is not Signal.METRICS:
        return None
    return frozenset(data for metric in _metrics(request) if (data := metric.WhichOneof("data")))


def _metrics(request: Any) -> Iterator[Any]:
    groups = (scope for resource in request.resource_metrics for scope in resource.scope_metrics)
    return (metric for scope in groups for metric in scope.metrics)


def _points(request: Any) -> _Kinds:
    for metric in _metrics(request):
        data = metric.WhichOneof("data")
        if data:
            yield getattr(metric, data).data_points, SUMMARY_POINT if data == "summary" else POINT


_RECORDS: dict[Signal, Callable[[Any], _Kinds]] = {
    Signal.TRACES: _spans,
    Signal.LOGS: _log_records,
    Signal.METRICS: _points,
}
