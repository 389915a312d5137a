"""A stitched transaction, and everything that is told of it: computed once, shown by answers, summaries and stacks."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from coldlight_query.transactions.clocks import offsets_ns, shown_end_ns
from coldlight_query.transactions.failures import Failure, failure_of
from coldlight_query.transactions.hops import Hop, hops_of
from coldlight_query.transactions.known import Known
from coldlight_query.transactions.spans import Ref, Span
from coldlight_query.transactions.stitching import Transaction


@dataclass(frozen=True)
class Picture:
    """`offsets` are nanoseconds to add to the times of each span."""

    known: Known
    transaction: Transaction
    offsets: Mapping[Ref, int]
    hops: Sequence[Hop]
    failure: Failure

    @property
    def members(self) -> Mapping[Ref, Span]:
        return self.transaction.members

    @property
    def root(self) -> Span:
        return self.members[self.transaction.root.ref]

    @property
    def transaction_id(self) -> str:
        return f"{self.root.ref.trace_id}:{self.root.ref.span_id}"

    @property
    def duration_ns(self) -> int:
        return max(shown_end_ns(span, self.offsets) for span in self.members.values()) - self.root.start_ns

    @property
    def traces(self) -> list[str]:
        return sorted({ref.trace_id for ref in self.members})

    @property
    def invocations(self) -> list[Span]:
        return [span for span in self.members.values() if span.request_id]

    @property
    def status(self) -> str:
        return "error" if self.failure.is_final else "ok"

    def run_of(self, ref: Ref) -> Ref:
        """Where the run of a member begins; of a span that was not received, itself."""
        tree = self.known.tree(ref.trace_id)
        return tree.run_of(ref) if tree and ref in tree.spans else ref


def picture_of(known: Known, transaction: Transaction) -> Picture:
    """All that follows from the spans of a transaction, once they are known."""
    offsets = offsets_ns(transaction)
    hops = hops_of(known, transaction)
    failure = failure_of(known, transaction.root.ref, transaction.members, hops, offsets)
    return Picture(known, transaction, offsets, hops, failure)
