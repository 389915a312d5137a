"""The critical path of a transaction: what it waited for at every moment, over all processes, queues included.

Told from the end: the span that ended last waited for what it called, and before that for what led to it. What was called
and waited for lies inside of its caller's time; what was sent waited in a queue from the end of the sending on.
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

from coldlight_query.critical_path import walk
from coldlight_query.transactions.clocks import shown_end_ns, shown_start_ns
from coldlight_query.transactions.joins import Edge
from coldlight_query.transactions.known import Known
from coldlight_query.transactions.spans import Ref, Span
from coldlight_query.transactions.stitching import Transaction


@dataclass(frozen=True)
class Timed:
    """A span at the time that is shown."""

    ref: Ref
    start_ns: int
    end_ns: int


@dataclass(frozen=True)
class Step:
    """`kind` is `work`, `queue`, or `idle` between a span's end and a later one of the same run."""

    kind: str
    ref: Ref
    start_ns: int
    end_ns: int


def critical_steps(known: Known, transaction: Transaction, offsets: Mapping[Ref, int]) -> list[Step]:
    """From the start of the root to the end of the last member, without gaps."""
    timed = {ref: _timed(span, offsets) for ref, span in transaction.members.items()}
    causes = first_causes(known, transaction, offsets)
    last = max(timed.values(), key=lambda each: (each.end_ns, each.ref))
    sent = {edge.effect for edge in transaction.edges}
    return list(reversed(list(_back(last, timed, causes, sent))))


def _timed(span: Span, offsets: Mapping[Ref, int]) -> Timed:
    return Timed(span.ref, shown_start_ns(span, offsets), shown_end_ns(span, offsets))


def first_causes(known: Known, transaction: Transaction, offsets: Mapping[Ref, int]) -> dict[Ref, Ref]:
    """By member, its parent or, where another process led to it, what did so first. The root has none."""
    members, causes = transaction.members, dict[Ref, Ref]()
    for edge in sorted(transaction.edges, key=lambda edge: _sent(edge, members, offsets)):
        if edge.cause in members and edge.effect in members:
            causes.setdefault(edge.effect, edge.cause)
    for ref in members:
        tree = known.tree(ref.trace_id)
        parent = tree.parents.get(ref) if tree else None
        if parent is not None and parent in members:
            causes.setdefault(ref, parent)
    causes.pop(transaction.root.ref, None)
    return causes


def _sent(edge: Edge, members: Mapping[Ref, Span], offsets: Mapping[Ref, int]) -> tuple[int, Ref, Ref]:
    cause = members.get(edge.cause)
    return (shown_start_ns(cause, offsets) if cause else 0, edge.cause, edge.effect)


def _back(
    last: Timed, timed: Mapping[Ref, Timed], causes: Mapping[Ref, Ref], sent: Collection[Ref]
) -> Iterator[Step]:
    """Steps from the last to the first."""
    children = _waited_for(timed, causes)
    at, moment_ns = last, last.end_ns
    seen: set[Ref] = set()
    while at.ref not in seen:
        seen.add(at.ref)
        for node, start_ns, end_ns in walk(at, children, moment_ns):
            yield Step("work", node.ref, start_ns, end_ns)
        cause = timed.get(causes[at.ref]) if at.ref in causes else None
        if cause is None:
            return
        moment_ns = min(moment_ns, at.start_ns)
        if cause.end_ns < moment_ns:
            yield Step("queue" if at.ref in sent else "idle", at.ref, cause.end_ns, moment_ns)
            moment_ns = cause.end_ns
        at = cause


def _waited_for(timed: Mapping[Ref, Timed], causes: Mapping[Ref, Ref]) -> dict[Timed, list[Timed]]:
    """By span, what it led to within its own time, in the order of their end."""
    children: dict[Timed, list[Timed]] = {}
    for each in sorted(timed.values(), key=lambda each: (each.end_ns, -each.start_ns, each.ref)):
        cause = timed.get(causes[each.ref]) if each.ref in causes else None
        if cause is not None and each.start_ns < cause.end_ns:
            children.setdefault(cause, []).append(each)
    return children
