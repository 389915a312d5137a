"""Requests that came before: a sender that lost the answer sends the same bytes again, and they are not stored twice.

What is remembered is a digest of each request that was made durable, for half an hour to an hour, and of the last
250,000 to 500,000 requests at most: senders repeat within minutes. It is kept in two files beside the segments, so that
a restart forgets nothing.
"""

import os
from collections.abc import Callable, Sequence
from hashlib import blake2b
from pathlib import Path

from coldlight_collector.intake import Payload
from coldlight_collector.journal.frames import DIGEST_BYTES
from coldlight_storage.signals import Signal

_HALF_AN_HOUR_NS = 30 * 60 * 10**9


def digest(signal: Signal, payload: Payload) -> bytes:
    """What tells a request from every other: the name that its sender gave it or, without one, its content."""
    return blake2b(payload.name or payload.body, digest_size=DIGEST_BYTES, person=signal.encode()).digest()


class Repeats:
    """The digests of the last hour, in two generations of which the older one is dropped as a whole."""

    def __init__(self, folder: Path, clock_ns: Callable[[], int], most: int = 250_000) -> None:
        """Reads what an earlier process remembered. Raises OSError."""
        self._clock_ns = clock_ns
        self._most = most
        self._newer_file, self._older_file = folder / "repeats.newer", folder / "repeats.older"
        self._older = self._read(self._older_file)
        self._newer = self._read(self._newer_file)
        self._since_ns = self._clock_ns()

    def __contains__(self, digest: bytes) -> bool:
        return digest in self._newer or digest in self._older

    def add(self, digests: Sequence[bytes]) -> None:
        """Remembers requests that are durable. Raises OSError; they are remembered in this process all the same."""
        self._newer.update(digests)
        with self._newer_file.open("ab") as file:
            file.write(b"".join(digests))
        if len(self._newer) >= self._most or self._clock_ns() - self._since_ns >= _HALF_AN_HOUR_NS:
            self._turn()

    def _turn(self) -> None:
        self._newer_file.replace(self._older_file)
        self._older, self._newer = self._newer, set()
        self._since_ns = self._clock_ns()

    def _read(self, file: Path) -> set[bytes]:
        """The digests of a file that was written to in the last hour; a torn last one was never acknowledged."""
        if not file.exists() or self._clock_ns() - file.stat().st_mtime_ns > 2 * _HALF_AN_HOUR_NS:
            file.unlink(missing_ok=True)
            return set()
        data = file.read_bytes()
        whole = len(data) - len(data) % DIGEST_BYTES
        if whole < len(data):
            os.truncate(file, whole)
        return {data[start : start + DIGEST_BYTES] for start in range(0, whole, DIGEST_BYTES)}
