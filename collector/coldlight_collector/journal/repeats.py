"""Requests that came before: a sender that lost the answer sends the same bytes again, and they are not stored twice.

What is remembered is a digest of each request that was made durable, for half an hour to an hour, and of the last
250,000 to 500,000 requests at most: senders repeat within minutes. It is kept in files beside the segments, so that
neither a restart nor a loss of power makes it forget: a segment has its requests' digests in it, and by the time that
it is sealed they are in the files, too.
"""

import logging
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path

from coldlight_collector.intake import Payload
from coldlight_collector.journal.frames import DIGEST_BYTES
from coldlight_collector.journal.segment import sync_folder, write_whole
from coldlight_storage.signals import Signal

log = logging.getLogger(__name__)

_HALF_AN_HOUR_NS = 30 * 60 * 10**9
_SIGNALS = {Signal.TRACES: b"t", Signal.LOGS: b"l", Signal.METRICS: b"m"}


def digest(signal: Signal, payload: Payload) -> bytes:
    """What tells a request from every other: its signal, and a hash of its name or, without one, of its content.

    SHA-256, because processors have instructions for it: half the time of BLAKE2b as Python brings it.
    """
    return _SIGNALS[signal] + sha256(payload.name or payload.body).digest()[: DIGEST_BYTES - 1]


@dataclass
class _Generation:
    """What came since a Unix time, in nanoseconds, which is the name of its file."""

    since_ns: int
    file: Path
    digests: set[bytes] = field(default_factory=set)
    unsaved: list[bytes] = field(default_factory=list)

    def add(self, digests: Sequence[bytes]) -> None:
        self.digests.update(digests)
        self.unsaved += digests

    def save(self) -> None:
        """Raises OSError; then all that is unsaved is written anew the next time, in another place."""
        is_new = not self.file.exists()
        with self.file.open("ab", buffering=0) as file:
            if torn := file.tell() % DIGEST_BYTES:  # a full disk took only half of one
                os.ftruncate(file.fileno(), file.tell() - torn)
            write_whole(file.fileno(), b"".join(self.unsaved))
            os.fsync(file.fileno())
        if is_new:
            sync_folder(self.file.parent)
        self.unsaved = []


class Repeats:
    """The digests of the last hour, in two generations of which the older one is dropped as a whole."""

    def __init__(
        self, folder: Path, clock_ns: Callable[[], int], most: Callable[[], int] = lambda: 250_000
    ) -> None:
        """`most` says how many requests a generation may have. Reads what an earlier process remembered. Raises OSError."""
        self._folder = folder
        self._clock_ns = clock_ns
        self._most = most
        self._generations = list(_read(folder))
        self._turn()

    def __contains__(self, digest: bytes) -> bool:
        self._turn()
        return digest in self._generations[-1].digests or digest in self._generations[0].digests

    def add(self, digests: Sequence[bytes]) -> None:
        """Remembers requests that are durable, until this process ends."""
        self._turn()
        self._generations[-1].add(digests)

    def save(self) -> None:
        """Remembers them from now on whatever happens. Raises OSError."""
        for generation in list(self._generations):
            if generation.unsaved:
                generation.save()

    def _turn(self) -> None:
        """Begins a new generation if it is time to, and drops the oldest."""
        now_ns = self._clock_ns()
        newest = self._generations[-1] if self._generations else None
        if (
            newest is None
            or now_ns - newest.since_ns >= _HALF_AN_HOUR_NS
            or len(newest.digests) >= self._most()
        ):
            self._generations.append(_Generation(now_ns, self._folder / f"repeats-{now_ns}"))
        while len(self._generations) > 2 or now_ns - self._generations[0].since_ns >= 2 * _HALF_AN_HOUR_NS:
            _remove(self._generations.pop(0).file)


def _remove(file: Path) -> None:
    try:
        file.unlink(missing_ok=True)
    except OSError as error:  # the next start reads it, and tries again
        log.warning("%s is no longer needed and cannot be removed: %s", file, error)


def _read(folder: Path) -> Iterator[_Generation]:
    """The generations of an earlier process, the oldest first; a digest that is torn was never acknowledged."""
    for file in sorted(folder.glob("repeats-*"), key=lambda file: int(file.name.partition("-")[2])):
        data = file.read_bytes()
        starts = range(0, len(data) - len(data) % DIGEST_BYTES, DIGEST_BYTES)
        known = {data[start : start + DIGEST_BYTES] for start in starts}
        yield _Generation(int(file.name.partition("-")[2]), file, known)
