"""Reads of the store what stitching asks for, round by round, until it asks for nothing more."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

from coldlight_query.statements import statement
from coldlight_query.transactions.known import MOST_ROWS, WINDOW_NS, Known
from coldlight_query.transactions.limits import Limits, Reached
from coldlight_query.transactions.rows import NAMES, key_row_from, span_from, without_guesses
from coldlight_query.transactions.spans import KeyRow
from coldlight_storage import Reader

_LAST_NS = 2**63 - 1
_PARAMETER_BYTES = 50_000
"""Of keys in one query: a server reads parameters from the URL."""
_TRACES_A_QUERY = 500

T = TypeVar("T")


@dataclass
class Loader:
    """What is known grows with every answer; `reached` says what was left out."""

    store: Reader
    limits: Limits = field(default_factory=Limits)
    known: Known = field(default_factory=Known)
    reached: Reached = field(default_factory=Reached)
    _spans: int = 0

    def settle(self, stitch: Callable[[Known], T]) -> T:
        """What `stitch` makes of all that it asks for. Raises what `Reader.select` raises."""
        for _ in range(self.limits.rounds):
            result = stitch(self.known)
            wanted = self.known.take_wanted()
            if not wanted:
                return result
            self._read_keys(wanted.keys)
            self._read_traces(sorted(wanted.traces))
        self.reached = replace(self.reached, rounds=True)
        return stitch(self.known)

    def _read_keys(self, asked: Iterable[tuple[str, int]]) -> None:
        for part in _parts(sorted(question for question in asked if not question[1])):
            self._read_part(part, 0, _LAST_NS)
        around = sorted((question for question in asked if question[1]), key=lambda question: question[1])
        for part in _parts(around):
            times = [time_ns for _, time_ns in part]
            self._read_part(part, max(min(times) - WINDOW_NS, 0), min(max(times) + WINDOW_NS, _LAST_NS))

    def _read_part(self, part: Sequence[tuple[str, int]], after_ns: int, before_ns: int) -> None:
        keys = list(dict.fromkeys(key for key, _ in part))
        bounds = {"after_ns": after_ns, "before_ns": before_ns, "of_each": MOST_ROWS + 1}
        self.known.add_keys(part, self._key_rows({"keys": keys, **bounds}))

    def _key_rows(self, parameters: dict[str, Any]) -> list[KeyRow]:
        rows = [key_row_from(row) for row in self.store.select(statement("transactions/keys"), parameters)]
        self._note_crowded(rows)
        return rows

    def _note_crowded(self, rows: Sequence[KeyRow]) -> None:
        counts: dict[tuple[str, str], int] = {}
        for row in rows:
            counts[row.key, row.role] = counts.get((row.key, row.role), 0) + 1
        crowded = {key for (key, _), count in counts.items() if count > MOST_ROWS}
        if crowded - self.known.crowded:
            self.known.crowded |= crowded
            self.reached = replace(self.reached, crowded=tuple(sorted(self.known.crowded)))

    def _read_traces(self, trace_ids: Sequence[str]) -> None:
        room = max(self.limits.traces - len(self.known.trees), 0)
        if len(trace_ids) > room:
            self.reached = replace(self.reached, traces=True)
            self.known.add_traces(trace_ids[room:], ())
        for start in range(0, len(trace_ids[:room]), _TRACES_A_QUERY):
            self._read_some(trace_ids[:room][start : start + _TRACES_A_QUERY])

    def _read_some(self, trace_ids: Sequence[str]) -> None:
        left = self.limits.spans - self._spans
        rows = []
        if left > 0:
            bounds = {"trace_ids": trace_ids, "limit": left + 1, **NAMES}
            rows = self.store.select(statement("transactions/spans"), bounds)
        if left <= 0 or len(rows) > left:
            self.reached = replace(self.reached, spans=True)
        self._spans += len(rows[:left])
        self.known.add_traces(trace_ids, without_guesses([span_from(row) for row in rows[:left]]))


def _parts(asked: Sequence[tuple[str, int]]) -> Iterator[list[tuple[str, int]]]:
    """In parts that fit into the parameters of a query."""
    part: list[tuple[str, int]] = []
    size = 0
    for question in asked:
        part.append(question)
        size += 3 * len(question[0].encode())  # as a URL may have to write it
        if size > _PARAMETER_BYTES:
            yield part
            part, size = [], 0
    if part:
        yield part
