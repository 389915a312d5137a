"""The transactions around an id: finds where it belongs, goes back to the roots, and follows those of one page."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from coldlight_query import cursors
from coldlight_query.cost.call_usage import Call
from coldlight_query.cost.reading import call_from
from coldlight_query.cost.single import day_of
from coldlight_query.cost.spending import Tables
from coldlight_query.invocations.run import Run
from coldlight_query.invocations.runs import read_runs
from coldlight_query.problems import ProblemError
from coldlight_query.statements import statement
from coldlight_query.transactions.answers import transaction_answer
from coldlight_query.transactions.costs import Costs, costs_of
from coldlight_query.transactions.finding import seeds
from coldlight_query.transactions.known import Known
from coldlight_query.transactions.loading import Loader
from coldlight_query.transactions.picture import Picture, picture_of
from coldlight_query.transactions.spans import Ref
from coldlight_query.transactions.stack import read_details, stack_answer
from coldlight_query.transactions.stitching import Root, find_roots, follow
from coldlight_storage import Reader, Row

_A_QUERY = 500


@dataclass(frozen=True)
class Page:
    """Some of the transactions around an id, the earliest root first."""

    pictures: Sequence[Picture]
    warnings: Sequence[str]
    next_cursor: str | None

    def answer(self, name: str, items: list[dict[str, Any]]) -> dict[str, Any]:
        return {name: items, "warnings": list(self.warnings), "next_cursor": self.next_cursor}


def read_transactions(
    store: Reader, identifier: str, limit: int, cursor: str | None, prices: Tables
) -> dict[str, Any]:
    """`models.Transactions`. Raises as `_read_page` does."""
    page = _read_page(store, identifier, limit, cursor)
    costs = _read_costs(store, page.pictures, prices)
    return page.answer("transactions", list(map(transaction_answer, page.pictures, costs)))


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


def _read_costs(store: Reader, pictures: Sequence[Picture], prices: Tables) -> list[Costs]:
    """What the transactions of a page cost, read together."""
    invocations = [span for picture in pictures for span in picture.invocations]
    runs: dict[str, list[Run]] = {}
    for some in _slices({span.request_id for span in invocations}):
        for run in read_runs(store, some):
            runs.setdefault(run.request_id, []).append(run)
    calls: dict[Ref, tuple[Call, date]] = {}
    for some in _slices({ref.trace_id for picture in pictures for ref in picture.members}):
        rows = store.select(
            statement("transactions/calls").replace("$among", statement("traces/of_traces")),
            {"trace_ids": some},
        )
        calls.update(_call_of(row) for row in rows)
    return [costs_of(picture, runs, calls, prices) for picture in pictures]


def _call_of(row: Row) -> tuple[Ref, tuple[Call, date]]:
    ref = Ref(row["trace_id"], row["span_id"], row["kind"].lower())
    return ref, (call_from(row), day_of(row["start_ns"]))


def _slices(values: Collection[str]) -> Iterator[list[str]]:
    """So many that a query's parameters fit into a URL."""
    every = sorted(values)
    yield from (every[start : start + _A_QUERY] for start in range(0, len(every), _A_QUERY))
