"""The engine over spans in memory: what `loading.py` asks the store, this answers from a list."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from coldlight_query.transactions.answers import transaction_answer
from coldlight_query.transactions.costs import Costs
from coldlight_query.transactions.finding import seeds
from coldlight_query.transactions.known import Known
from coldlight_query.transactions.picture import picture_of
from coldlight_query.transactions.spans import KeyRow, Span
from coldlight_query.transactions.stitching import find_roots, follow

T = TypeVar("T")


def key_rows(span: Span) -> list[KeyRow]:
    """The rows that the view makes of a span."""
    keys = [(key, "produced") for key in span.produced] + [(key, "consumed") for key in span.consumed]
    keys += [(f"trace:{link.trace_id}", "linked") for link in span.links]
    keys += [(span.own_key, "invoked")] if span.request_id else []
    return [KeyRow(key, role, span.ref, span.start_ns, span.account, span.region) for key, role in keys]


@dataclass
class Memory:
    """Holds spans in the order in which they arrived."""

    spans: Sequence[Span]
    known: Known = field(default_factory=Known)

    def settle(self, stitch: Callable[[Known], T]) -> T:
        rows = [row for span in self.spans for row in key_rows(span)]
        while True:
            result = stitch(self.known)
            wanted = self.known.take_wanted()
            if not wanted:
                return result
            keys = {key for key, _ in wanted.keys}
            self.known.add_keys(wanted.keys, [row for row in rows if row.key in keys])
            of_traces = [span for span in self.spans if span.ref.trace_id in wanted.traces]
            self.known.add_traces(wanted.traces, of_traces)

    def transactions(self, known_id: str) -> list[dict[str, Any]]:
        """Around an id, as the API answers them."""
        roots = self.settle(lambda known: find_roots(known, seeds(known, known_id)))
        followed = self.settle(lambda known: [follow(known, root) for root in roots])
        return [transaction_answer(picture_of(self.known, each), Costs()) for each in followed]
