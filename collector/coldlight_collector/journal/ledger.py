"""What lies in a journal's folder, for a person to look at: a collector may be at work on it meanwhile."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from google.protobuf.message import DecodeError, Message
from google.protobuf.text_format import MessageToString

from coldlight_collector.journal.folders import journal_folders
from coldlight_collector.journal.frames import Frame, TornFrame, scan, trim
from coldlight_collector.journal.numbers import SegmentNumbers
from coldlight_collector.journal.salvage import REJECTED
from coldlight_collector.journal.segment import OPEN, SEALED, TAIL, Contents, count, sync_folder
from coldlight_storage import Signal
from coldlight_storage.folder_lock import lock_folder
from coldlight_storage.stored import STORED_TYPE

STATES = {
    OPEN: "open: requests are being added",
    SEALED: "waiting for ClickHouse",
    REJECTED: "quarantined: ClickHouse refuses it",
    TAIL: "cut off: the torn end of a segment, never acknowledged",
}
"""By the ending of a file's name."""


@dataclass(frozen=True)
class Entry:
    """A file of the journal, and what is whole in it."""

    path: Path
    signal: Signal
    size: int
    contents: Contents
    is_torn: bool

    @property
    def state(self) -> str:
        return STATES[self.path.suffix]


@dataclass(frozen=True)
class StoredRequest:
    """A request in a segment; `text` is protobuf's text form, or why there is none."""

    frame: Frame
    text: str
    is_readable: bool


def entries(folder: Path) -> list[Entry]:
    """The files of the journals in a folder, oldest first: the default tenant's and those of others. Raises OSError."""
    lanes = (journal / signal for journal in journal_folders(folder).values() for signal in Signal)
    found = (path for lane in lanes for path in lane.glob("*") if path.suffix in STATES)
    return [entry(path) for path in sorted(found, key=lambda path: (path.name, str(path.parent)))]


def entry(path: Path) -> Entry:
    """What is in a file of the journal. Raises OSError, or ValueError for a file of anything else."""
    contents, torn_at = count(path)
    return Entry(path, _signal(path), path.stat().st_size, contents, torn_at is not None)


def requests(path: Path) -> Iterator[StoredRequest]:
    """Every whole request of a file, in order. Raises OSError and ValueError as `entry` does."""
    message_type = STORED_TYPE[_signal(path)]
    with path.open("rb") as file:
        try:
            for frame, message in scan(file):
                yield _read(message_type, frame, trim(message))
        except TornFrame:
            return


def replay(path: Path) -> Path:
    """Puts a quarantined segment back into the queue, under a number of its own; the next start inserts it.

    Raises `DataFolderInUse` while a collector runs on the journal, ValueError for what is not quarantined, or OSError.
    """
    if path.suffix != REJECTED:
        raise ValueError(f"{path} is not quarantined: only files that end in {REJECTED} can be replayed")
    journal = path.resolve().parent.parent
    with lock_folder(journal):
        # Its own number is known to ClickHouse, which would take it for a repetition.
        queued = path.with_name(f"{SegmentNumbers(journal).take():014d}{SEALED}")
        path.rename(queued)
        sync_folder(path.parent)
    return queued


def _signal(path: Path) -> Signal:
    """Raises ValueError."""
    try:
        return Signal(path.resolve().parent.name)
    except ValueError:
        raise ValueError(
            f"{path} is no file of a journal: those lie in folders traces, logs and metrics"
        ) from None


def _read(message_type: type[Message], frame: Frame, body: bytes) -> StoredRequest:
    try:
        text = MessageToString(message_type.FromString(body), as_utf8=True)
    except DecodeError as error:
        return StoredRequest(frame, f"no protobuf request: {error}", is_readable=False)
    return StoredRequest(frame, text, is_readable=True)
