"""What may have led to what, by nothing better than time: shown as possible, and never a hop or a reason to merge."""

from collections.abc import Iterator
from dataclasses import dataclass

from coldlight_query.transactions.joins import ADOPTED
from coldlight_query.transactions.picture import Picture
from coldlight_query.transactions.spans import Span


@dataclass(frozen=True)
class Guess:
    """A run whose caller was not received, and the call of the same trace during which it began."""

    caller: Span
    called: Span


def guesses(picture: Picture) -> Iterator[Guess]:
    """For each run that only its trace id brought here, the latest call in progress that has nobody else at its end."""
    taken = {hop.producer for hop in picture.hops}
    for edge in picture.transaction.edges:
        if edge.rule == ADOPTED and edge.effect in picture.members:
            called = picture.members[edge.effect]
            calls = [span for span in picture.members.values() if _may_have_called(span, called)]
            free = [span for span in calls if span.ref not in taken]
            if free:
                yield Guess(max(free, key=lambda span: (span.start_ns, span.ref)), called)


def _may_have_called(caller: Span, called: Span) -> bool:
    return (
        caller.ref.kind in ("client", "producer")
        and caller.ref.trace_id == called.ref.trace_id
        and caller.process != called.process
        and caller.start_ns <= called.start_ns <= caller.end_ns
    )
