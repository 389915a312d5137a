"""The search for transactions: that for traces, whose hits are put together.

A transaction may have many traces that match. It is listed once, where the newest of them is: so pages neither repeat nor
leave out any, however they are cut.
"""

from collections.abc import Callable, Sequence
from typing import Any

from coldlight_query.search import Search, matching_among, search_traces
from coldlight_query.transactions.answers import summary_answer
from coldlight_query.transactions.known import Known
from coldlight_query.transactions.loading import Loader
from coldlight_query.transactions.picture import Picture
from coldlight_query.transactions.reading import pictures_of
from coldlight_query.transactions.stitching import Root, find_roots
from coldlight_storage import Reader


def search_transactions(store: Reader, search: Search, clock_ns: Callable[[], int]) -> dict[str, Any]:
    """`models.TransactionList`: those of `search.limit` traces, so a page may have fewer transactions than that."""
    found = search_traces(store, search, clock_ns)
    trace_ids = [trace["trace_id"] for trace in found["traces"]]
    loader = Loader(store)
    by_trace = loader.settle(lambda known: [_roots(known, trace_id) for trace_id in trace_ids])
    pictures = pictures_of(loader, list(dict.fromkeys(root for roots in by_trace for root in roots)))
    newest = _newest(store, search, pictures)
    by_root = {picture.transaction.root: picture for picture in pictures}
    listed = {
        by_root[root].transaction_id: by_root[root]
        for trace_id, roots in zip(trace_ids, by_trace, strict=True)
        for root in roots
        if newest[root] == trace_id
    }
    return {
        "transactions": [summary_answer(picture) for picture in listed.values()],
        "warnings": list(loader.reached.warnings(loader.limits)),
        "next_cursor": found["next_cursor"],
    }


def _roots(known: Known, trace_id: str) -> list[Root]:
    tree = known.tree(trace_id)
    return find_roots(known, [Root(ref) for ref in tree.heads]) if tree else []


def _newest(store: Reader, search: Search, pictures: Sequence[Picture]) -> dict[Root, str | None]:
    """By root, the newest trace of the transaction that matches."""
    traces = sorted({trace_id for picture in pictures for trace_id in picture.traces})
    matching = matching_among(store, search, traces) if traces else []
    return {
        picture.transaction.root: next((each for each in matching if each in set(picture.traces)), None)
        for picture in pictures
    }
