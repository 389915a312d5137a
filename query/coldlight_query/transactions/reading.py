"""The transactions around an id: finds where it belongs, goes back to the roots, and follows those of one page."""

from typing import Any

from coldlight_query import cursors
from coldlight_query.problems import ProblemError
from coldlight_query.statements import statement
from coldlight_query.transactions.answers import Billed, transaction_answer
from coldlight_query.transactions.finding import seeds
from coldlight_query.transactions.known import Known
from coldlight_query.transactions.loading import Loader
from coldlight_query.transactions.stitching import Root, Transaction, find_roots, follow
from coldlight_storage import Reader


def read_transactions(
    store: Reader, identifier: str, limit: int, cursor: str | None = None
) -> dict[str, Any]:
    """`models.Transactions`: up to `limit` of them, the earliest root first.

    Raises `ProblemError`: 404 where no span of it is known, 400 for the cursor.
    """
    route = f"transactions of {identifier}"
    after = tuple(cursors.decode(cursor, route, int, str, str)) if cursor is not None else None
    loader = Loader(store)
    roots = roots_of(loader, identifier)
    left = [root for root in roots if after is None or _place(loader.known, root) > after]
    page, more = left[:limit], len(left) > limit
    transactions = loader.settle(lambda known: [follow(known, root) for root in page])
    billed = read_billed(store, transactions)
    return {
        "transactions": [transaction_answer(loader.known, each, billed) for each in transactions],
        "warnings": list(loader.reached.warnings(loader.limits)),
        "next_cursor": cursors.encode(route, *_place(loader.known, page[-1])) if more else None,
    }


def roots_of(loader: Loader, identifier: str) -> list[Root]:
    """The roots of all transactions that an id belongs to; of a root's own id that one. Raises `ProblemError` (404)."""
    roots = loader.settle(lambda known: find_roots(known, seeds(known, identifier)))
    if not roots:
        detail = f"no span with {identifier} has been received (yet, or any more)"
        raise ProblemError(404, "Unknown transaction", detail)
    exactly = [root for root in roots if identifier.lower() == f"{root.ref.trace_id}:{root.ref.span_id}"]
    return exactly or roots


def _place(known: Known, root: Root) -> tuple[int, str, str]:
    span = known.span(root.ref)
    return (span.start_ns if span else 0, root.ref.trace_id, root.ref.span_id)


def read_billed(store: Reader, transactions: list[Transaction]) -> Billed:
    """What was billed for the invocations of some transactions, as far as reports of it came with their traces."""
    spans = [span for each in transactions for span in each.members.values() if span.request_id]
    if not spans:
        return {}
    asked = {
        "trace_ids": sorted({span.ref.trace_id for span in spans}),
        "request_ids": sorted({span.request_id for span in spans}),
    }
    rows = store.select(statement("transactions/reports"), asked)
    return {
        (row["request_id"], row["sandbox"]): row["billed_ms"] for row in rows if row["billed_ms"] is not None
    }
