"""What one signal has open in the journal, and what waits to get into it."""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from coldlight_collector.intake import Payload
from coldlight_collector.journal.frames import encode
from coldlight_collector.journal.segment import (
    OPEN,
    SEALED,
    Contents,
    SegmentWriter,
    first_received_ns,
    segment_number,
)
from coldlight_storage.signals import Signal

if TYPE_CHECKING:
    from opentelemetry.trace import SpanContext


@dataclass(frozen=True)
class Sealed:
    """A segment ready to be inserted; it stays on disk until `Journal.forget` takes it away.

    `contents` is None for what an earlier process left: that is to be read (`read_sealed`) first. `size` is what the
    journal counts it for, in bytes; the file may be rewritten meanwhile. `received_ns` is the receive time of its
    first request.
    """

    signal: Signal
    number: int
    path: Path
    size: int
    received_ns: int
    contents: Contents | None = None


@dataclass
class Waiting:
    """A request on its way to the disk, and the answer that its sender waits for."""

    payload: Payload
    digest: bytes
    received_ns: int
    answer: asyncio.Future[None]


@dataclass
class Lane:
    """What one signal has open.

    `has_overflowed` says that what comes next has no room in it. Of the first request in the segment, `opened_at` is the
    loop's time and `received_ns` the clock's.
    """

    signal: Signal
    folder: Path
    waiting: list[Waiting] = field(default_factory=list)
    writer: SegmentWriter | None = None
    requests: int = 0
    items: int = 0
    expanded_bytes: int = 0
    has_overflowed: bool = False
    opened_at: float = 0.0
    received_ns: int = 0
    data: frozenset[str] | None = frozenset()
    causes: "list[SpanContext]" = field(default_factory=list)

    def take(self, most_expanded_bytes: int) -> list[Waiting]:
        """What waits, as far as the batch has room for it: an INSERT is to take no more memory than it may."""
        is_torn = self.writer is not None and self.writer.is_torn  # then it is cut first, or they are refused
        room = most_expanded_bytes - (0 if is_torn else self.expanded_bytes)
        for index, one in enumerate(self.waiting):
            room -= one.payload.expanded_bytes
            if room < 0 and (index or self.writer):
                self.has_overflowed = True
                group, self.waiting = self.waiting[:index], self.waiting[index:]
                return group
        group, self.waiting = self.waiting, []
        return group

    def begin(self, writer: SegmentWriter, opened_at: float, received_ns: int) -> None:
        """A new segment is open."""
        self.writer = writer
        self.requests = self.items = 0
        self.data, self.causes = frozenset(), []
        self.opened_at, self.received_ns = opened_at, received_ns

    def note(self, group: list[Waiting]) -> None:
        """A group is in the segment, and durable."""
        self.requests += len(group)
        self.items += sum(one.payload.items for one in group)
        self.expanded_bytes += sum(one.payload.expanded_bytes for one in group)
        self.causes += [one.payload.cause for one in group if one.payload.cause]
        self.data = _joined(self.data, group)

    def end(self) -> Contents:
        """The segment is closed. Gives what it holds."""
        self.writer = None
        self.expanded_bytes, self.has_overflowed = 0, False
        return Contents(self.requests, self.items, self.received_ns, self.data, tuple(self.causes))


def _joined(data: frozenset[str] | None, group: list[Waiting]) -> frozenset[str] | None:
    """The kinds of metric data in a segment, with those of a group; unless one of them is not known."""
    for one in group:
        if data is None or one.payload.data is None:
            return None
        data |= one.payload.data
    return data


def write_and_sync(writer: SegmentWriter, group: list[Waiting], first: int) -> None:
    """Returns once a group is on disk. Raises OSError."""
    write_group(writer, group, first)
    writer.sync()


def write_group(writer: SegmentWriter, group: list[Waiting], first: int) -> None:
    """Appends a group, of which `first` requests are in the segment before it. Raises OSError."""
    pieces: list[bytes] = []
    for sequence, one in enumerate(group, first):
        pieces += encode(one.payload.body, sequence, one.received_ns, one.payload.items, one.digest)
    writer.write(pieces)


def open_lane(folder: Path, signal: Signal) -> Lane:
    """The lane of a signal whose segments are in `folder`. Raises OSError."""
    folder.mkdir(parents=True, exist_ok=True)
    return Lane(signal, folder)


def left_behind(lanes: Iterable[Lane]) -> list[Sealed]:
    """The segments of an earlier process, oldest first."""
    found = []
    for lane in lanes:
        for path in (*lane.folder.glob(f"*{SEALED}"), *lane.folder.glob(f"*{OPEN}")):
            size, received_ns = path.stat().st_size, first_received_ns(path)
            found.append(Sealed(lane.signal, segment_number(path), path, size, received_ns))
    return sorted(found, key=lambda segment: segment.number)
