"""What a reader should know before trusting the picture: what is missing, and why it probably is."""

from collections.abc import Iterator, Mapping, Sequence

from coldlight_query.times import NS_PER_MS
from coldlight_query.transactions.clocks import process_of
from coldlight_query.transactions.joins import NO_HOP
from coldlight_query.transactions.known import Known
from coldlight_query.transactions.messages import Message
from coldlight_query.transactions.spans import Ref, Span
from coldlight_query.transactions.stitching import Transaction

_EXAMPLES = 5


def warnings_of(
    known: Known, transaction: Transaction, messages: Sequence[Message], offsets: Mapping[Ref, int]
) -> Iterator[str]:
    """In words, with the spans they are about."""
    root = transaction.members[transaction.root.ref]
    yield from _of_root(known, transaction, root)
    yield from _of_parents(known, transaction)
    yield from _of_producers(transaction)
    if lost := [message.key for message in messages if message.status == "never_seen"]:
        yield (
            f"{len(lost)} message(s) were sent and no receiver has been seen: still waiting, filtered out, or received "
            f"by something that is not instrumented ({_some(lost)})"
        )
    yield from _of_clocks(transaction, offsets)


def _of_root(known: Known, transaction: Transaction, root: Span) -> Iterator[str]:
    if transaction.root.is_circle:
        yield "the causes of this request form a circle: the earliest span stands for its root"
    elif root.parent_span_id:
        yield (
            f"the root names a parent that has not been received ({root.parent_span_id}): a caller that is not instrumented, "
            "unsampled, lost, or still on its way"
        )
    elif root.links or (transaction.root.records and root.entries):
        unknown = [link.trace_id for link in root.links if known.trees.get(link.trace_id, root) is None]
        what = (
            f"of trace {_some(unknown)}" if unknown else f"of {_some(sorted(transaction.root.records or ()))}"
        )
        yield f"the sender {what} has not been received: unsampled, lost, or not instrumented"


def _of_parents(known: Known, transaction: Transaction) -> Iterator[str]:
    missing: dict[str, Span] = {}
    for span in transaction.members.values():
        tree = known.tree(span.ref.trace_id)
        if tree and tree.is_orphan(span.ref) and span.ref != transaction.root.ref:
            missing[span.parent_span_id] = span
    if not missing:
        return
    cause = "their process ended before it could send them, they were not sampled, or they are on their way"
    if any("aws.xray" in span.name for span in missing.values()):
        cause = "AWS keeps them to itself"
    yield f"{len(missing)} parent span(s) have not been received: {cause} ({_some(list(missing))})"


def _of_producers(transaction: Transaction) -> Iterator[str]:
    lost = [
        edge.cause.span_id for edge in transaction.edges if not edge.cause.kind and edge.rule not in NO_HOP
    ]
    if lost:
        yield f"{len(set(lost))} sending span(s) have not been received: unsampled, lost, or on their way ({_some(lost)})"


def _of_clocks(transaction: Transaction, offsets: Mapping[Ref, int]) -> Iterator[str]:
    moved = {
        process_of(span): offsets.get(ref, 0) for ref, span in transaction.members.items() if offsets.get(ref)
    }
    for process, offset_ns in sorted(moved.items()):
        yield (
            f"the clock of {process} is behind by {offset_ns / NS_PER_MS:g} ms or more, for it received before it was sent; "
            "its spans are shown later by that"
        )


def _some(names: Sequence[str]) -> str:
    distinct = list(dict.fromkeys(names))
    return ", ".join(distinct[:_EXAMPLES]) + (", ..." if len(distinct) > _EXAMPLES else "")
