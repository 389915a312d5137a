"""A segment file: appended to while open, then sealed for good and handed on as one batch."""

import logging
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from coldlight_collector.journal.frames import TornFrame, scan

if TYPE_CHECKING:
    from opentelemetry.trace import SpanContext

log = logging.getLogger(__name__)

OPEN, SEALED, TAIL = ".open", ".sealed", ".tail"
_PIECES_A_WRITE = 1020  # below Linux's IOV_MAX, and a multiple of a frame's three pieces


@dataclass(frozen=True)
class Contents:
    """What a sealed segment holds. `received_ns` is that of its first request.

    `data` names the kinds of metric data inside and `causes` are the collector's own spans of the requests; both only
    the process knows that took them.
    """

    requests: int
    items: int
    received_ns: int
    data: frozenset[str] | None = None
    causes: "tuple[SpanContext, ...]" = ()


class SegmentWriter:
    """The open segment of a signal. Only what was written when `sync` returned is in it for certain."""

    def __init__(self, folder: Path, number: int) -> None:
        """Creates the file. Raises OSError."""
        self.number = number
        self.size = 0
        self._written = 0
        self.path = folder / f"{number:014d}{OPEN}"
        self._file = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND, 0o640)
        try:
            sync_folder(folder)
        except OSError:
            os.close(self._file)
            self.path.unlink(missing_ok=True)
            raise

    def write(self, pieces: Sequence[bytes]) -> None:
        """Appends the pieces. Raises OSError; then the segment is torn until it is `cut`."""
        self._written += sum(map(len, pieces))
        for start in range(0, len(pieces), _PIECES_A_WRITE):
            self._write(pieces[start : start + _PIECES_A_WRITE])

    def sync(self) -> None:
        """Returns once everything written is on disk. Raises OSError, as `write` does."""
        os.fdatasync(self._file)
        self.size = self._written

    @property
    def is_torn(self) -> bool:
        """Whether something is in the file, in part or whole, that the disk has not said it has."""
        return self._written != self.size

    def cut(self) -> None:
        """Takes out for good what the disk has not said it has. Raises OSError.

        A later sync is no help with it: the system may have let go of what it could not write, and say yes.
        """
        os.ftruncate(self._file, self.size)
        os.fsync(self._file)
        self._written = self.size

    def _write(self, pieces: Sequence[bytes]) -> None:
        written = os.writev(self._file, pieces)
        if written < (total := sum(map(len, pieces))):
            # A short write is rare (a signal, a nearly full disk): the rest goes out as one piece.
            write_whole(self._file, memoryview(b"".join(pieces))[written:total])

    def seal(self) -> Path:
        """Closes the file under its final name, which it returns. Raises OSError."""
        os.close(self._file)
        return seal(self.path)

    def left_at(self) -> Path:
        """Where the file is after `seal` has failed."""
        return self.path if self.path.exists() else self.path.with_suffix(SEALED)


def seal(path: Path) -> Path:
    """Gives an open segment its final name. Raises OSError."""
    sealed = path.with_suffix(SEALED)
    path.rename(sealed)
    sync_folder(path.parent)
    return sealed


def read_sealed(path: Path) -> Contents:
    """Counts what a segment holds and cuts off a torn end, which nobody was told is safe.

    The cut-off bytes are kept beside it as `.tail`, if the disk has room for them. Raises OSError.
    """
    contents, torn_at = count(path)
    if torn_at is not None:
        _cut(path, torn_at)
    return contents


def count(path: Path) -> tuple[Contents, int | None]:
    """What is whole in a segment, and the byte from which on it is not. Raises OSError."""
    requests = items = received_ns = 0
    try:
        with path.open("rb") as file:
            for frame, _ in scan(file):
                received_ns = received_ns or frame.received_ns
                requests, items = requests + 1, items + frame.items
    except TornFrame as torn:
        return Contents(requests, items, received_ns), torn.offset
    return Contents(requests, items, received_ns), None


def digests(path: Path) -> list[bytes]:
    """What the requests of a segment are known by, up to a torn end. Raises OSError."""
    found: list[bytes] = []
    try:
        with path.open("rb") as file:
            found.extend(frame.digest for frame, _ in scan(file))
    except TornFrame:
        pass  # `read_sealed` deals with it
    return found


def first_received_ns(path: Path) -> int:
    """The receive time of a segment's first request; 0 when none is whole. Raises OSError."""
    try:
        with path.open("rb") as file:
            return next((frame.received_ns for frame, _ in scan(file)), 0)
    except TornFrame:
        return 0


def _cut(path: Path, offset: int) -> None:
    with path.open("r+b") as file:
        file.seek(offset)
        try:
            path.with_suffix(TAIL).write_bytes(file.read())
        except OSError as error:  # a disk that is full must not keep the rest from leaving it
            log.warning("the torn end of %s is cut off and not kept: %s", path, error)
        os.ftruncate(file.fileno(), offset)
        os.fsync(file.fileno())
    sync_folder(path.parent)


def segment_number(path: Path) -> int:
    """The number in a segment's file name."""
    return int(path.name.partition(".")[0])


def write_durably(path: Path, pieces: Iterable[bytes]) -> None:
    """Replaces a file so that even a crash leaves the old content or the new, whole. Raises OSError."""
    new = path.with_suffix(".new")
    with new.open("wb") as file:
        file.writelines(pieces)
        file.flush()
        os.fsync(file.fileno())
    new.rename(path)
    sync_folder(path.parent)


def write_whole(file: int, data: bytes | memoryview) -> None:
    """Writes to a descriptor, however often that takes. Raises OSError."""
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(file, rest) :]


def sync_file(path: Path) -> None:
    """Makes durable what any process has written to a file. Raises OSError."""
    with path.open("rb") as file:
        os.fsync(file.fileno())


def sync_folder(folder: Path) -> None:
    """Makes new, renamed and removed names of a folder durable."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
