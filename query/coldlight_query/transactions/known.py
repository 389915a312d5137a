"""What has been read of the store so far. What stitching asks for and is not there yet, it notes as wanted."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from coldlight_query.transactions.records import Record
from coldlight_query.transactions.spans import COMPOSITE, KeyRow, Ref, Span, kind_of
from coldlight_query.transactions.trees import Tree, grow

NS_PER_S = 10**9
WINDOW_NS = 3600 * NS_PER_S
"""A key made of names joins what lies at most so far apart."""

MOST_ROWS = 2_000
"""Of one key and role: what has more is not followed, and said so."""


@dataclass(frozen=True)
class Wanted:
    """`keys` with the times around which they matter, `traces` by id."""

    keys: frozenset[tuple[str, int]] = frozenset()
    traces: frozenset[str] = frozenset()

    def __bool__(self) -> bool:
        return bool(self.keys or self.traces)


@dataclass
class Known:
    """Spans by trace and rows by key. Whatever is added, in any order, makes the same answers."""

    trees: dict[str, Tree | None] = field(default_factory=dict)
    """None for a trace of which no span is there."""
    rows: dict[str, dict[tuple[str, Ref], KeyRow]] = field(default_factory=dict)
    asked: set[tuple[str, int]] = field(default_factory=set)
    crowded: set[str] = field(default_factory=set)
    """Keys with more rows than are followed."""
    _keys_wanted: set[tuple[str, int]] = field(default_factory=set)
    _traces_wanted: set[str] = field(default_factory=set)
    _records: dict[Ref, list[Record]] = field(default_factory=dict)

    def add_traces(self, trace_ids: Iterable[str], spans: Iterable[Span]) -> None:
        """All spans of these traces."""
        by_trace: dict[str, list[Span]] = {trace_id: [] for trace_id in trace_ids}
        for span in spans:
            by_trace[span.ref.trace_id].append(span)
        for trace_id, of_trace in by_trace.items():
            self.trees[trace_id] = grow(of_trace) if of_trace else None

    def add_keys(self, asked: Iterable[tuple[str, int]], rows: Iterable[KeyRow]) -> None:
        """All rows of these keys, of composite ones those around these times."""
        self.asked.update(asked)
        for row in rows:
            self.rows.setdefault(row.key, {})[row.role, row.ref] = row

    def take_wanted(self) -> Wanted:
        """What was asked for since the last time and was not there."""
        wanted = Wanted(frozenset(self._keys_wanted), frozenset(self._traces_wanted))
        self._keys_wanted, self._traces_wanted = set(), set()
        return wanted

    def having(self, key: str, around_ns: int, *roles: str) -> list[KeyRow]:
        """Who has a key, in one of these roles, by time. `around_ns` matters for composite keys; 0 is any time."""
        question = (key, around_ns if kind_of(key) in COMPOSITE else 0)
        if question not in self.asked:
            self._keys_wanted.add(question)
        found = [row for row in self.rows.get(key, {}).values() if row.role in roles]
        return sorted(found, key=lambda row: (row.time_ns, row.ref))

    def tree(self, trace_id: str) -> Tree | None:
        """A trace, if any of its spans is known."""
        if trace_id not in self.trees:
            self._traces_wanted.add(trace_id)
        return self.trees.get(trace_id)

    def span(self, ref: Ref) -> Span | None:
        tree = self.tree(ref.trace_id)
        return tree.spans.get(ref) if tree else None

    def find(self, trace_id: str, span_id: str) -> Ref | None:
        """The span of an id; of the two sides of a call the caller's."""
        tree = self.tree(trace_id)
        return next(iter(tree.by_id.get(span_id, ())), None) if tree else None

    def spans(self) -> Iterator[Span]:
        for tree in self.trees.values():
            yield from tree.spans.values() if tree else ()

    def records(self, ref: Ref) -> Sequence[Record]:
        """The records with which a known span came in."""
        if ref not in self._records:
            tree = self.tree(ref.trace_id)
            self._records[ref] = tree.records(ref) if tree else []
        return self._records[ref]
