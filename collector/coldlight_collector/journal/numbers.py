"""Segment numbers that no restart, crash or turned-back clock can hand out twice.

ClickHouse takes a repeated deduplication token for a repeated batch and drops it without a word, so a number used
twice would lose data. The file `next` holds the first number that was never reserved; numbers are reserved many
at a time, before the first of them is used.
"""

from pathlib import Path

from coldlight_collector.journal.segment import write_durably

_RESERVED_AT_ONCE = 100_000


class SegmentNumbers:
    """Hands out numbers from 1, ever rising."""

    def __init__(self, folder: Path) -> None:
        """Raises OSError, or ValueError when the file holds no number."""
        self._file = folder / "next"
        self._next = self._limit = int(self._file.read_text()) if self._file.exists() else 1

    def take(self) -> int:
        """The next number. Raises OSError when it cannot be reserved."""
        if self._next == self._limit:
            self._reserve(self._limit + _RESERVED_AT_ONCE)
        number, self._next = self._next, self._next + 1
        return number

    def _reserve(self, limit: int) -> None:
        write_durably(self._file, [f"{limit}\n".encode()])
        self._limit = limit
