"""The transactions around an id: finds where it belongs, goes back to the roots, and follows those of one page."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from coldlight_query import cursors
from coldlight_query.problems import ProblemError
from coldlight_query.statements import statement
from coldlight_query.transactions.answers import Billed, transaction_answer
from coldlight_query.transactions.finding import seeds
from coldlight_query.transactions.known import Known
from coldlight_query.transactions.loading import Loader
from coldlight_query.transactions.picture import Picture, picture_of
from coldlight_query.transactions.stack import read_details, stack_answer
from coldlight_query.transactions.stitching import Root, find_roots, follow
from coldlight_storage import Reader


@dataclass(frozen=True)
class Page:
    """Some of the transactions around an id, the earliest root first."""

    pictures: Sequence[Picture]
    warnings: Sequence[str]
    next_cursor: str | None

    def answer(self, name: str, items: list[dict[str, Any]]) -> dict[str, Any]:
        return {name: items, "warnings": list(self.warnings), "next_cursor": self.next_cursor}


def read_transactions(store: Reader, identifier: str, limit: int, cursor: str | None) -> dict[str, Any]:
    """`models.Transactions`. Raises as `_read_page` does."""
    page = _read_page(store, identifier, limit, cursor)
    billed = read_billed(store, page.pictures)
    return page.answer("transactions", [transaction_answer(picture, billed) for picture in page.pictures])


def read_stacks(store: Reader, identifier: str, limit: int, cursor: str | None) -> dict[str, Any]:
    """`models.Stacks`. Raises as `_read_page` does."""
    page = _read_page(store, identifier, limit, cursor)
    return page.answer("stacks", [stack_answer(each, read_details(store, each)) for each in page.pictures])


def _read_page(store: Reader, identifier: str, limit: int, cursor: str | None) -> Page:
    """Raises `ProblemError`: 404 where no span of it is known, 400 for the cursor."""
    route = f"transactions of {identifier}"
    after = tuple(cursors.decode(cursor, route, int, str, str)) if cursor is not None else None
    loader = Loader(store)
    roots = roots_of(loader, identifier)
    left = [root for root in roots if after is None or _place(loader.known, root) > after]
    page, more = left[:limit], len(left) > limit
    return Page(
        pictures_of(loader, page),
        list(loader.reached.warnings(loader.limits)),
        cursors.encode(route, *_place(loader.known, page[-1])) if more else None,
    )


def roots_of(loader: Loader, identifier: str) -> list[Root]:
    """The roots of all transactions that an id belongs to; of a root's own id that one. Raises `ProblemError` (404)."""
    roots = loader.settle(lambda known: find_roots(known, seeds(known, identifier)))
    if not roots:
        detail = f"no span with {identifier} has been received (yet, or any more)"
        raise ProblemError(404, "Unknown transaction", detail)
    exactly = [root for root in roots if identifier.lower() == f"{root.ref.trace_id}:{root.ref.span_id}"]
    return exactly or roots


def pictures_of(loader: Loader, roots: Sequence[Root]) -> list[Picture]:
    """What each root led to; all are read together, round by round."""
    transactions = loader.settle(lambda known: [follow(known, root) for root in roots])
    return [picture_of(loader.known, each) for each in transactions]


def _place(known: Known, root: Root) -> tuple[int, str, str]:
    span = known.span(root.ref)
    return (span.start_ns if span else 0, root.ref.trace_id, root.ref.span_id)


def read_billed(store: Reader, pictures: Sequence[Picture]) -> Billed:
    """What was billed for the invocations of some transactions, as far as reports of it came with their traces."""
    spans = [span for picture in pictures for span in picture.invocations]
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
