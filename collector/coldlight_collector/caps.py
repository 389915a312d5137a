"""How much one item may hold. What is over it is cut off, counted where OpenTelemetry counts it, and said.

The caps are far beyond what SDKs send by default (128 attributes, events and links), for what was sent is to be stored;
they keep one item from being a table of its own. A cut item says what it lost: `coldlight.truncated` names the fields,
as `attributes`, `events` or `attributes[<key>]`.
"""

from collections.abc import Iterable, Iterator
from typing import Any

from coldlight_collector.repair import ORIGINAL, REPAIRED, Records, note
from coldlight_collector.wire import largest_item
from coldlight_storage.signals import Signal

TRUNCATED = "coldlight.truncated"

MOST_PARTS = 10_000
"""Attributes of an item; also events and links of a span, and exemplars of a data point. A batch of SQS or Kinesis has up
to 10,000 records, and a span may link to each."""

LONGEST_VALUE_BYTES = 1 << 20
"""One attribute's value. 10,000 link keys of a span (DESIGN.md) are an array of about half of that."""

_LARGE_ITEM_BYTES = 2 * MOST_PARTS
"""A part takes two bytes or more, so a smaller item is within all caps."""

_TAGS: dict[Signal, bytes] = {
    Signal.TRACES: b"\x4a\x5a\x6a",
    Signal.LOGS: b"\x32",
    Signal.METRICS: b"\x0a\x2a\x3a\x42\x4a\x5a",
}
"""With these bytes begin attributes, events, links and exemplars on the wire, and others as well."""

_COUNTED = {
    "attributes": "dropped_attributes_count",
    "events": "dropped_events_count",
    "links": "dropped_links_count",
    "exemplars": "",
}
"""What there may be too much of in an item, and where what is dropped is counted, if anywhere."""
_PARTS = {"events": "attributes", "links": "attributes", "exemplars": "filtered_attributes"}
"""Where else in an item attributes are."""

_LONGEST_KEY, _MOST_NAMED = 64, 16
_MARKS = (REPAIRED, ORIGINAL)
_FRAMING_BYTES = 5
"""Of an entry in an array: its tag and its length, at most."""


def may_be_exceeded(signal: Signal, body: bytes) -> bool:
    """Whether an item of a rendered request could be over a cap: mostly two comparisons and a count at the speed of C."""
    if len(body) < _LARGE_ITEM_BYTES:
        return False
    crowded = any(body.count(tag) > MOST_PARTS for tag in _TAGS[signal])
    return (crowded or len(body) > LONGEST_VALUE_BYTES) and largest_item(signal, body) >= _LARGE_ITEM_BYTES


def cut(groups: Iterable[Records]) -> Iterator[str]:
    """Cuts items to the caps, in place, and marks them. Gives the name of every field that was cut."""
    for records in groups:
        for record in records:
            if record.ByteSize() >= _LARGE_ITEM_BYTES and (
                names := [*_drop_surplus(record), *_shorten(record)]
            ):
                note(record.attributes, TRUNCATED, dict.fromkeys(names[:_MOST_NAMED]))
                yield from names


def _drop_surplus(record: Any) -> Iterator[str]:
    known = record.DESCRIPTOR.fields_by_name
    for name, count in _COUNTED.items():
        if name in known and (surplus := len(getattr(record, name)) - MOST_PARTS) > 0:
            _drop(getattr(record, name))
            if count in known:
                setattr(record, count, min(getattr(record, count) + surplus, 2**32 - 1))
            yield name


def _drop(parts: Any) -> None:
    """All behind the cap, but for the marks of a repair, which come last."""
    marks = [part for part in parts[-_MOST_NAMED:] if getattr(part, "key", "").startswith(_MARKS)]
    del parts[MOST_PARTS:]
    parts.extend(marks)


def _shorten(record: Any) -> Iterator[str]:
    yield from _shorten_values("attributes", record.attributes)
    for field, attributes in _PARTS.items():
        for part in getattr(record, field, ()):
            yield from _shorten_values(f"{field}.attributes", getattr(part, attributes))


def _shorten_values(place: str, attributes: Any) -> Iterator[str]:
    for attribute in attributes:
        if attribute.value.ByteSize() > LONGEST_VALUE_BYTES + _FRAMING_BYTES:
            _shorten_value(attribute.value)
            yield f"{place}[{attribute.key[:_LONGEST_KEY]}]"


def _shorten_value(value: Any) -> None:
    match value.WhichOneof("value"):
        case "string_value":
            value.string_value = _beginning(value.string_value)
        case "bytes_value":
            value.bytes_value = value.bytes_value[:LONGEST_VALUE_BYTES]
        case "array_value":
            _shorten_list(value.array_value.values)
        case _:  # rendered as JSON, of which a part is a text
            value.string_value, value.text, value.types = _beginning(value.text), "", ""


def _beginning(text: str) -> str:
    return text.encode()[:LONGEST_VALUE_BYTES].decode(errors="ignore")


def _shorten_list(entries: Any) -> None:
    room = LONGEST_VALUE_BYTES
    for index, entry in enumerate(entries):
        room -= entry.ByteSize() + _FRAMING_BYTES
        if room < 0:
            del entries[index:]
            return
