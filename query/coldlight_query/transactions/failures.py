"""What failed in a transaction, what began it, and whether a later attempt made it good."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from coldlight_query.transactions.hops import Hop
from coldlight_query.transactions.known import Known
from coldlight_query.transactions.spans import Ref, Span


@dataclass(frozen=True)
class Failure:
    """`first` is the span in which it began; `is_final` if nothing made it good."""

    first: Span | None
    is_final: bool


def failure_of(
    known: Known, root: Ref, members: Mapping[Ref, Span], hops: Sequence[Hop], offsets: Mapping[Ref, int]
) -> Failure:
    """Of spans that failed with all that they called having gone well, the one that ended first."""
    failed = [span for span in members.values() if span.is_error]
    passed_on = _callers(known, failed, hops)
    origins = [span for span in failed if span.ref not in passed_on]
    first = min(origins, key=lambda span: (span.end_ns + offsets.get(span.ref, 0), span.ref), default=None)
    units = {unit.ref: unit for span in failed if (unit := _unit(known, span))}
    is_final = any(unit.ref == root or not _made_good(unit, units, members, hops) for unit in units.values())
    return Failure(first, is_final)


def _callers(known: Known, failed: Sequence[Span], hops: Sequence[Hop]) -> set[Ref]:
    """The spans above those that failed, in their run and in those that called them."""
    passed_on: set[Ref] = set()
    refs = {span.ref for span in failed}
    waiting = [ref for span in failed if (ref := _parent(known, span.ref))]
    waiting += [hop.producer for hop in hops if hop.consumer in refs]
    while waiting:
        ref = waiting.pop()
        if ref not in passed_on:
            passed_on.add(ref)
            waiting.extend(filter(None, [_parent(known, ref)]))
    return passed_on


def _parent(known: Known, ref: Ref) -> Ref | None:
    tree = known.tree(ref.trace_id)
    return tree.parents.get(ref) if tree else None


def _unit(known: Known, span: Span) -> Span | None:
    """What is done again when the span failed: its run, or what its run did for one record; None if the error was handled."""
    tree = known.tree(span.ref.trace_id)
    for above in tree.way_up(span.ref) if tree else ():
        if not above.is_error:
            return None
        if above.entries or tree is None or tree.run_of(above.ref) == above.ref:
            return above
    return None


def _made_good(
    unit: Span, failed: Mapping[Ref, Span], members: Mapping[Ref, Span], hops: Iterable[Hop]
) -> bool:
    """Whether a later attempt at the same went well."""
    mine = [hop for hop in hops if hop.consumer == unit.ref or not unit.entries.isdisjoint(hop.keys)]
    tries = [members[hop.consumer] for hop in mine] + [
        span for span in members.values() if span.request_id and span.request_id == unit.request_id
    ]
    return any(
        span.who == unit.who and span.start_ns > unit.start_ns and not _failed_there(unit, span, failed)
        for span in tries
    )


def _failed_there(unit: Span, attempt: Span, failed: Mapping[Ref, Span]) -> bool:
    """Whether an attempt failed, or what it did for the same records."""
    return attempt.ref in failed or any(
        other.ref.trace_id == attempt.ref.trace_id
        and not other.entries.isdisjoint(unit.entries)
        and attempt.start_ns <= other.start_ns <= attempt.end_ns
        for other in failed.values()
    )
