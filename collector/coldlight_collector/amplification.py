"""What a request grows to: in memory once it is parsed, and in ClickHouse, where every row carries its resource.

Both are known before they are spent. 20,000 spans under one resource of 30,000 bytes are a request of 1.3 MB, and took
1.4 GB in ClickHouse; 4 MiB of empty spans took 265 MiB of parsed messages.
"""

import asyncio
import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from operator import attrgetter
from statistics import fmean
from typing import Any, NamedTuple, cast

from google.protobuf.descriptor import Descriptor
from google.protobuf.message import Message

from coldlight_collector.http.messages import Budget
from coldlight_collector.intake import Accepted, Intake, Payload, TooLarge
from coldlight_collector.wire import WAY_TO_ITEMS, fields_of
from coldlight_storage.signals import Signal
from coldlight_storage.stored import STORED_TYPE

ROW_BYTES = 512
"""What a row takes beside what was sent for it; parsed, a span takes no more."""

MOST_PARTS = 4_000_000
"""Messages inside a request, such as attributes and events: parsed, an empty one takes 60 to 130 bytes in place of two."""
_FEW_PARTS = 1_000_000
_PART_BYTES = 8
"""What a part has on the average at least, where there are more than a few: an ordinary one has 20."""
_MOST_PARTS_OF_PIECE = 50_000
_SMALL_BYTES = 64 * 1024
_SAMPLES, _MOST_COUNTED = 64, 100_000

_LENGTH_DELIMITED = 2


class _Group(NamedTuple):
    """Items, and the bytes that each of their rows gets a copy of: of a resource, its scope and, if need be, its metric.

    A tuple, because some are made for every request.
    """

    resource: int
    shared_bytes: int
    items: int


def expanded_bytes(signal: Signal, message: Message, size: int, items: int) -> int:
    """What a request of `size` bytes comes to in ClickHouse, before compression; of a small one, the most it could come to.

    An INSERT takes 230 MB of memory and up to three times as much as this (measured with ClickHouse 26.9: twice for copies of
    large values, 3.1 times for spans of 20 short attributes; ADR 13).
    """
    at_most = size + items * (size + ROW_BYTES)
    if at_most <= _SMALL_BYTES:  # a closer look would cost as much as the rest of its validation
        return at_most
    return size + sum(
        [items * (shared_bytes + ROW_BYTES) for _, shared_bytes, items in _GROUPS[signal](message)]
    )


def bounded(intake: Intake, most_bytes: int, budget: Budget) -> Intake:
    """The same intake, but that it raises `TooLarge` for a request that expands to more than `most_bytes`, and charges the
    budget, which holds its body, for what it expands by."""

    async def take(signal: Signal, payload: Payload) -> Accepted:
        if payload.expanded_bytes > most_bytes:
            raise TooLarge(await asyncio.to_thread(_explained, signal, payload, most_bytes))
        with budget.holding(max(0, payload.expanded_bytes - len(payload.body))):
            return await intake(signal, payload)

    return take


def _explained(signal: Signal, payload: Payload, most_bytes: int) -> str:
    message = STORED_TYPE[signal].FromString(payload.body)
    largest = max(_GROUPS[signal](message), key=lambda group: group.items * group.shared_bytes)
    return (
        f"{_RESOURCES[signal]}[{largest.resource}].resource: with what else its items share it has "
        f"{largest.shared_bytes:,} bytes, which are stored with each of {largest.items:,} items. That "
        f"makes {payload.expanded_bytes:,} bytes of a request of {len(payload.body):,}; at most {most_bytes:,} are "
        "taken: send fewer items at a time, or put less into the resource"
    )


def _span_groups(request: Any) -> Iterator[_Group]:
    for index, copied, scope in _scopes(request.resource_spans, attrgetter("scope_spans")):
        yield _Group(index, copied, len(scope.spans))


def _log_groups(request: Any) -> Iterator[_Group]:
    for index, copied, scope in _scopes(request.resource_logs, attrgetter("scope_logs")):
        yield _Group(index, copied, len(scope.log_records))


def _metric_groups(request: Any) -> Iterator[_Group]:
    for index, copied, scope in _scopes(request.resource_metrics, attrgetter("scope_metrics")):
        for metric in scope.metrics:
            if data := metric.WhichOneof("data"):
                points = getattr(metric, data).data_points
                yield _Group(index, copied + _text_bytes(metric), len(points))


def _scopes(resources: Any, scopes: Callable[[Any], Any]) -> Iterator[tuple[int, int, Any]]:
    """Each scope with the index of its resource, and the bytes that the two have."""
    for index, group in enumerate(resources):
        shared_bytes = _shared_bytes(group, group.resource)
        for scope in scopes(group):
            yield index, shared_bytes + _shared_bytes(scope, scope.scope), scope


def _shared_bytes(group: Any, described: Any) -> int:
    own: int = described.ByteSize()
    return own + len(group.schema_url)


def _text_bytes(metric: Any) -> int:
    metadata: int = sum([attribute.ByteSize() for attribute in metric.metadata])
    return len(metric.name) + len(metric.description) + len(metric.unit) + metadata


_RESOURCES = {
    Signal.TRACES: "resource_spans",
    Signal.LOGS: "resource_logs",
    Signal.METRICS: "resource_metrics",
}
_GROUPS: dict[Signal, Callable[[Any], Iterator[_Group]]] = {
    Signal.TRACES: _span_groups,
    Signal.LOGS: _log_groups,
    Signal.METRICS: _metric_groups,
}


def refuse_bomb(signal: Signal, body: bytes) -> None:
    """Raises `TooLarge` for a request of more than about `MOST_PARTS` messages, or of very many small ones, without parsing it.

    A sample tells, taken at random by size, so that no place of a body is safe from being looked at.
    """
    way = WAY_TO_ITEMS[signal][:-1]
    kind = cast(Descriptor, STORED_TYPE[signal].DESCRIPTOR)
    pieces = list(_pieces(body, 0, len(body), kind, way))
    sizes = [piece.size for piece in pieces]
    if not any(sizes):
        return
    estimate = round(sum(sizes) * _density(body, random.choices(pieces, sizes, k=_SAMPLES)))
    most = min(MOST_PARTS, max(_FEW_PARTS, len(body) // _PART_BYTES))
    if estimate > most:
        raise TooLarge(
            f"about {estimate:,} attributes, values, events and links in one request of {len(body):,} bytes, and at most "
            f"{most:,} are taken: send fewer items at a time"
        )


def _density(body: bytes, sample: Sequence["_Piece"]) -> float:
    """Messages a byte, on the average of a sample drawn by size."""
    counts: dict[_Piece, int] = {}
    densities = []
    for piece in sample:
        if piece not in counts:
            counts[piece] = sum(1 for _ in _parts(body, piece))
        densities.append(counts[piece] / piece.size)
        if sum(counts.values()) > _MOST_COUNTED:
            break
    return fmean(densities)


@dataclass(frozen=True, slots=True)
class _Piece:
    """A message in a body: an item, or what stands beside items, as their resource does."""

    start: int
    end: int
    type: Descriptor

    @property
    def size(self) -> int:
        return self.end - self.start


def _pieces(
    body: bytes, start: int, end: int, kind: Descriptor, way: tuple[frozenset[int], ...]
) -> Iterator[_Piece]:
    messages = _messages(kind)
    for tag, inner, after in fields_of(body, start, end):
        if tag & 7 != _LENGTH_DELIMITED or tag >> 3 not in messages:
            continue
        if way and tag >> 3 in way[0]:
            yield from _pieces(body, inner, after, messages[tag >> 3], way[1:])
        else:
            yield _Piece(inner, after, messages[tag >> 3])


def _parts(body: bytes, piece: _Piece) -> Iterator[_Piece]:
    """Every message inside a message. Raises `TooLarge` for absurdly many."""
    waiting, found = [piece], 0
    while waiting:
        outer = waiting.pop()
        for inner in _pieces(body, outer.start, outer.end, outer.type, ()):
            waiting.append(inner)
            yield inner
            found += 1
            if found > _MOST_PARTS_OF_PIECE:
                raise TooLarge(
                    f"more than {_MOST_PARTS_OF_PIECE:,} attributes, values, events and links in one item or resource"
                )


@cache
def _messages(kind: Descriptor) -> Mapping[int, Descriptor]:
    """The fields of a message that are messages themselves."""
    return {field.number: field.message_type for field in kind.fields if field.message_type}
