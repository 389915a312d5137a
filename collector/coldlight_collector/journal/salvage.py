"""Makes of a segment that ClickHouse refuses one that it takes: requests are rewritten, and at last left out.

Protobuf has several spellings for one message, and ClickHouse's reader is stricter than others: a known field of a
wrong wire type, for instance, is an unknown field to them and an error to it, and fails the whole batch. Every
request is therefore read and written anew; what no reader of OTLP would have understood is left out. If that does not
help, halving finds the requests that are refused each by itself.
"""

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import count
from pathlib import Path

from google.protobuf.message import DecodeError

from coldlight_collector.journal.frames import Frame, encode, scan, trim
from coldlight_collector.journal.segment import write_durably
from coldlight_storage import Signal
from coldlight_storage.stored import STORED_TYPE

REJECTED = ".rejected"
_MOST_CHECKS = 500
"""Each costs ClickHouse some 0.1 s. Enough for thirty refused requests among ten thousand; then what is left is refused together."""


def rewrite(path: Path, signal: Signal) -> None:
    """Rewrites every request of a sealed segment in protobuf's plainest form, in place. Raises OSError."""

    def plain(body: bytes) -> bytes:
        try:
            request = STORED_TYPE[signal].FromString(body)
        except DecodeError:
            return body
        request.DiscardUnknownFields()
        return bytes(request.SerializeToString())

    with path.open("rb") as file:
        frames = ((frame, plain(trim(message))) for frame, message in scan(file))
        write_durably(path, (piece for frame, body in frames for piece in _encode(frame, body)))


def leave_out_refused(path: Path, is_taken: Callable[[Path], bool]) -> tuple[list[Frame], list[Frame]]:
    """Moves the requests that are refused from a sealed segment to a `.rejected` file beside it.

    `is_taken` is asked about files of some of the requests. Gives the frames that stay, and those that were moved.
    Started anew after a crash, does the same. Raises OSError, and what `is_taken` raises.
    """
    with path.open("rb") as file:
        frames = [frame for frame, _ in scan(file)]
    part = path.with_suffix(".part")

    def all_taken(some: Sequence[Frame]) -> bool:
        with path.open("rb") as file, part.open("wb") as copy:
            copy.writelines(_bytes_of(file.fileno(), some))
        return is_taken(part)

    refused = _refused(frames, all_taken)
    part.unlink(missing_ok=True)
    kept = [frame for frame in frames if frame not in set(refused)]
    if refused:
        _split(path, kept, refused)
    return kept, refused


def _refused(frames: list[Frame], all_taken: Callable[[Sequence[Frame]], bool]) -> list[Frame]:
    suspects, refused, checks = [frames], list[Frame](), 0
    while suspects:
        some = suspects.pop()
        checks += 1
        if checks > _MOST_CHECKS:
            refused += some
        elif not all_taken(some):
            if len(some) == 1:
                refused += some
            else:
                middle = len(some) // 2
                suspects += [some[middle:], some[:middle]]
    return refused


def _split(path: Path, kept: Sequence[Frame], refused: Sequence[Frame]) -> None:
    """The refused ones are safe elsewhere before they are left out here."""
    with path.open("rb") as file:
        refused_bytes = b"".join(_bytes_of(file.fileno(), refused))
        write_durably(rejected_name(path, refused_bytes), [refused_bytes])
        write_durably(path, _bytes_of(file.fileno(), kept))


def rejected_name(path: Path, content: bytes | None = None) -> Path:
    """A name for what is refused of a segment: a free one, or that of a file with just this content."""
    number = path.name.partition(".")[0]
    for further in count(1):
        name = path.with_name(f"{number}{f'.{further}' if further > 1 else ''}{REJECTED}")
        if not name.exists() or name.read_bytes() == content:
            return name
    raise AssertionError("there is always a further number")


def _bytes_of(file: int, frames: Iterable[Frame]) -> Iterator[bytes]:
    return (os.pread(file, frame.end - frame.start, frame.start) for frame in frames)


def _encode(frame: Frame, body: bytes) -> tuple[bytes, bytes, bytes]:
    return encode(body, frame.sequence, frame.received_ns, frame.items, frame.digest)
