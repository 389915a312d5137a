"""A look at protobuf bytes before memory is spent on them (protobuf guide, "Encoding")."""

from collections.abc import Iterator

from coldlight_collector.intake import Malformed, TooLarge
from coldlight_storage.signals import Signal

RESERVED_FIELDS = range(1000, 1011)
"""Top-level fields of a stored request that belong to the journal."""

_VARINT, _FIXED64, _LENGTH_DELIMITED, _FIXED32 = 0, 1, 2, 5
_FIXED_BYTES = {_FIXED64: 8, _FIXED32: 4}
_LONGEST_VARINT_BITS = 70
_FIELDS_PER_ITEM = 10

_Path = tuple[frozenset[int], ...]
_GROUPS: _Path = (frozenset({1}), frozenset({2}))
WAY_TO_ITEMS: dict[Signal, _Path] = {
    Signal.TRACES: (*_GROUPS, frozenset({2})),
    Signal.LOGS: (*_GROUPS, frozenset({2})),
    Signal.METRICS: (*_GROUPS, frozenset({2}), frozenset({5, 7, 9, 10, 11}), frozenset({1})),
}
"""The field numbers on the way from a request to its spans, log records or data points."""


def without_reserved(body: bytes, max_groups: int) -> tuple[bytes, list[int]]:
    """A request without what only the journal may append, and the numbers of the fields removed.

    Gives the very same bytes if there is nothing to remove. Raises `TooLarge` for more than `max_groups`
    top-level fields (resources), `Malformed` where the bytes cannot be followed.
    """
    kept, removed, start = [], [], 0
    for index, (tag, _, end) in enumerate(fields_of(body, 0, len(body))):
        if index == max_groups:
            raise TooLarge(f"more than {max_groups} resources in one request: send fewer at a time")
        if tag >> 3 in RESERVED_FIELDS:
            removed.append(tag >> 3)
        else:
            kept.append(slice(start, end))
        start = end
    return (b"".join(body[field] for field in kept) if removed else body), removed


def refuse_crowd(signal: Signal, body: bytes, max_items: int) -> None:
    """Raises `TooLarge` for a request of more than `max_items` items, or of absurdly many fields around
    them, without parsing it: two bytes make an empty span, and a parsed span takes two hundred.

    Raises `Malformed` where the bytes cannot be followed.
    """
    items = 0
    for fields, size in enumerate(_walk(body, 0, len(body), WAY_TO_ITEMS[signal])):
        items += size is not None
        if items > max_items or fields > max_items * _FIELDS_PER_ITEM:
            raise TooLarge(f"more than {max_items} items in one request: send fewer at a time")


def largest_item(signal: Signal, body: bytes) -> int:
    """The bytes of the largest span, log record or data point. Raises `Malformed` where the bytes cannot be followed."""
    return max((size or 0 for size in _walk(body, 0, len(body), WAY_TO_ITEMS[signal])), default=0)


def _walk(body: bytes, start: int, end: int, path: _Path) -> Iterator[int | None]:
    """The size of every item of the message in `body[start:end]`, None for every other field on the way."""
    numbers, below = path[0], path[1:]
    for tag, inner, after in fields_of(body, start, end):
        found = tag & 7 == _LENGTH_DELIMITED and tag >> 3 in numbers
        yield after - inner if found and not below else None
        if found and below:
            yield from _walk(body, inner, after, below)


def fields_of(body: bytes, start: int, end: int) -> Iterator[tuple[int, int, int]]:
    """The tag of every field of a message, where its value starts (behind its length), and where it ends."""
    try:
        while start < end:
            tag, start = _varint(body, start)
            size, start = _extent(body, start, tag & 7)
            yield tag, start, start + size
            start += size
    except IndexError:
        raise Malformed("the protobuf body is cut short") from None


def _extent(body: bytes, start: int, kind: int) -> tuple[int, int]:
    if kind == _LENGTH_DELIMITED:
        return _varint(body, start)
    if kind == _VARINT:
        return 0, _varint(body, start)[1]
    if kind in _FIXED_BYTES:
        return _FIXED_BYTES[kind], start
    raise Malformed(f"the body has a protobuf field of wire type {kind}, which no message has")


def _varint(body: bytes, start: int) -> tuple[int, int]:
    """The number at `start`, and where it ends."""
    value = body[start]
    if value < 128:
        return value, start + 1
    value &= 127
    for shift in range(7, _LONGEST_VARINT_BITS, 7):
        start += 1
        byte = body[start]
        value |= (byte & 127) << shift
        if byte < 128:
            return value, start + 1
    raise Malformed("a protobuf number of more than ten bytes")
