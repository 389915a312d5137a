"""Back from any span to the first causes, and from a first cause forward to everything it led to."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from coldlight_query.transactions.joins import Edge, also_received, causes, effects, strongest
from coldlight_query.transactions.known import Known
from coldlight_query.transactions.spans import Ref, Span

Records = frozenset[str] | None
"""Some of the records of a batch, by their entries; None for all."""


@dataclass(frozen=True)
class Root:
    """Where a transaction begins; of a batch, with those of its records that nobody is known to have sent."""

    ref: Ref
    records: Records = None
    is_circle: bool = False
    """Whether its causes lead back to it, so that any of them could stand here."""


@dataclass(frozen=True)
class Transaction:
    """A root and all it led to: `edges` by what they lead to, one for each pair of spans."""

    root: Root
    members: Mapping[Ref, Span]
    edges: Sequence[Edge]


def find_roots(known: Known, seeds: Iterable[Root]) -> list[Root]:
    """The first causes of some spans; each with the records that matter there, the earliest first."""
    waiting, seen, found = list(seeds), set[tuple[Ref, Records]](), list[Root]()
    while waiting:
        at = waiting.pop()
        if (at.ref, at.records) in seen or known.span(at.ref) is None:
            continue
        seen.add((at.ref, at.records))
        for step in _step_back(known, at):
            (found if isinstance(step, Root) else waiting).append(_as_root(step))
    return _in_order(known, _merged(found) or _circle(known, seen))


def _as_root(step: Root | Edge) -> Root:
    return step if isinstance(step, Root) else Root(step.cause)


def _step_back(known: Known, at: Root) -> Iterator[Root | Edge]:
    """Edges to what led to a span; a `Root` where nothing is known to have."""
    tree = known.trees[at.ref.trace_id]
    assert tree is not None
    way = list(tree.way_up(at.ref))
    narrowed: dict[Ref, frozenset[str]] = {}
    unexplained: Records = at.records
    has_cause = False
    for place, span in enumerate(way):
        only = at.records if span.ref == at.ref else narrowed.get(span.ref)
        edges = list(_received(known, causes(known, span, only)))
        has_cause = bool(edges)  # of the last one, where the run begins
        yield from edges
        if place + 1 < len(way) and span.entries:
            _narrow(narrowed, way[place + 1 :], span.entries if only is None else span.entries & only)
        unexplained = only
    first = way[-1]
    if not has_cause:
        yield Root(first.ref, unexplained)
    elif unknown := _unknown_senders(known, first, unexplained):
        yield Root(first.ref, unknown)


def _received(known: Known, edges: Iterable[Edge]) -> Iterator[Edge]:
    """Those that lead to traces of which something was received: for a span that was not, where its trace begins stands."""
    for edge in edges:
        tree = known.tree(edge.cause.trace_id)
        if tree is None and edge.cause.trace_id in known.trees:
            continue
        yield replace(edge, cause=tree.main) if tree and edge.cause not in tree.spans else edge


def _narrow(narrowed: dict[Ref, frozenset[str]], above: Sequence[Span], entries: frozenset[str]) -> None:
    """What a span carries, narrows what spans above it mean to it; the innermost counts."""
    for span in above:
        if not span.entries.isdisjoint(entries):
            narrowed.setdefault(span.ref, span.entries & entries)


def _unknown_senders(known: Known, span: Span, only: Records) -> Records:
    """The records of a batch that nobody is known to have sent, where others are known."""
    edges = list(_received(known, causes(known, span, only)))
    if any(edge.records is None for edge in edges):
        return None
    explained = frozenset[str]().union(*(edge.records or () for edge in edges))
    left = [
        record.entries
        for record in known.records(span.ref)
        if not record.stands_alone
        and record.entries.isdisjoint(explained)
        and (only is None or not record.entries.isdisjoint(only))
    ]
    return frozenset[str]().union(*left) or None


def _merged(roots: Sequence[Root]) -> list[Root]:
    """One for each span; all of it counts more than some of its records."""
    by_ref: dict[Ref, Root] = {}
    for root in roots:
        known = by_ref.get(root.ref)
        both = root.records if known is None else together(known.records, root.records)
        by_ref[root.ref] = Root(root.ref, both)
    return list(by_ref.values())


def together(one: Records, other: Records) -> Records:
    """Those of both; all, if either is all."""
    return None if one is None or other is None else one | other


def _circle(known: Known, seen: Iterable[tuple[Ref, Records]]) -> list[Root]:
    """Where all causes lead back to each other, the earliest run stands for the root."""
    trees = [(tree, ref) for ref, _ in seen if (tree := known.tree(ref.trace_id))]
    spans = [tree.spans[tree.run_of(ref)] for tree, ref in trees if ref in tree.spans]
    first = min(spans, key=lambda span: (span.start_ns, span.ref), default=None)
    return [Root(first.ref, is_circle=True)] if first else []


def _in_order(known: Known, roots: Sequence[Root]) -> list[Root]:
    spans = {root.ref: span for root in roots if (span := known.span(root.ref))}
    return sorted(roots, key=lambda root: (spans[root.ref].start_ns, root.ref))


def follow(known: Known, root: Root) -> Transaction:
    """Everything a root led to. Where a batch is reached by some of its records, only what it did for these counts."""
    entered: dict[Ref, Records] = {}
    members: dict[Ref, Span] = {}
    edges: dict[tuple[Ref, Ref], list[Edge]] = {}
    waiting: list[tuple[Ref, Records]] = [(root.ref, root.records)]
    while waiting:
        ref, records = waiting.pop()
        wider = together(entered[ref], records) if ref in entered else records
        tree = known.tree(ref.trace_id)
        if tree is None or ref not in tree.spans or (ref in entered and wider == entered[ref]):
            continue
        entered[ref] = wider
        for span in tree.for_records(ref, wider):
            for edge in _onward(known, span, span.ref not in members, wider if span.ref == ref else None):
                edges.setdefault((edge.cause, edge.effect), []).append(edge)
                waiting.append((edge.effect, edge.records))
            members[span.ref] = span
    return Transaction(root, _by_time(members), _each_once(edges))


def _onward(known: Known, span: Span, is_new: bool, records: Records) -> Iterator[Edge]:
    """What a member led to, and what received after it what nobody here has sent: that may be more with more records."""
    if is_new:
        yield from effects(known, span)
    yield from also_received(known, span, records)


def _by_time(members: Mapping[Ref, Span]) -> dict[Ref, Span]:
    spans = sorted(members.values(), key=lambda span: (span.start_ns, span.ref))
    return {span.ref: span for span in spans}


def _each_once(edges: Mapping[tuple[Ref, Ref], Sequence[Edge]]) -> list[Edge]:
    merged = [strongest(of_pair) for of_pair in edges.values()]
    return sorted(merged, key=lambda edge: (edge.effect, edge.cause))
