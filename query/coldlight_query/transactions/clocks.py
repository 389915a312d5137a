"""Clocks that do not agree: nobody receives what has not been sent yet. Times are set right in what is shown, never stored.

Of each process one offset, the least that makes sense of all it received: its spans keep their distances to each other.
"""

from collections.abc import Mapping

from coldlight_query.transactions.joins import NO_HOP
from coldlight_query.transactions.spans import Ref, Span
from coldlight_query.transactions.stitching import Transaction


def process_of(span: Span) -> str:
    """Whose clock a span was recorded by; where no process is named, a service has one in each trace."""
    return span.process or f"{span.who} in {span.ref.trace_id}"


def offsets_ns(transaction: Transaction) -> dict[Ref, int]:
    """By span, what is to be added to its times; of the process that began the transaction nothing is moved."""
    members = transaction.members
    calls = [
        (
            process_of(members[edge.cause]),
            process_of(members[edge.effect]),
            members[edge.cause],
            members[edge.effect],
        )
        for edge in transaction.edges
        if edge.rule not in NO_HOP and edge.cause in members and edge.effect in members
    ]
    home = process_of(members[transaction.root.ref])
    offsets: dict[str, int] = {}
    for _ in range(len({process for caller, callee, *_ in calls for process in (caller, callee)}) + 1):
        moved = [call for call in calls if _move(offsets, home, *call)]
        if not moved:
            break
    return {ref: offsets.get(process_of(span), 0) for ref, span in members.items()}


def _move(offsets: dict[str, int], home: str, caller: str, callee: str, sent: Span, received: Span) -> bool:
    """Moves the callee to where what it received had been sent; whether that was needed."""
    early_ns = sent.start_ns + offsets.get(caller, 0) - received.start_ns - offsets.get(callee, 0)
    if early_ns <= 0 or callee in (caller, home):
        return False
    offsets[callee] = offsets.get(callee, 0) + early_ns
    return True


def shown_start_ns(span: Span, offsets: Mapping[Ref, int]) -> int:
    return span.start_ns + offsets.get(span.ref, 0)


def shown_end_ns(span: Span, offsets: Mapping[Ref, int]) -> int:
    return span.end_ns + offsets.get(span.ref, 0)
