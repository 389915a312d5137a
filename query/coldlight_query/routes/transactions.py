"""`/transactions`: end-to-end requests."""

from collections.abc import Iterator
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query, Request, Response
from pydantic import Field

from coldlight_query.filters import Attribute, Comparison, Expression, Operator, Scope
from coldlight_query.problems import described
from coldlight_query.routes.parameters import PagedParameters, SearchParameters, check_given_once
from coldlight_query.routes.reading import STATUSES, ReaderDependency, answer
from coldlight_query.routes.tables import TableRoute, listed
from coldlight_query.transactions import models
from coldlight_query.transactions.reading import read_stacks, read_transactions
from coldlight_query.transactions.searching import search_transactions

router = APIRouter(
    prefix="/api/v1/transactions",
    tags=["transactions"],
    dependencies=[Depends(check_given_once)],
    route_class=TableRoute,
)

IdParameter = Annotated[
    str,
    Path(
        description="A transaction id or span (`<trace id>:<span id>`), a trace id, a request id, a message id, or any link key",
        max_length=2_000,
    ),
]


class TransactionParameters(PagedParameters):
    """Of the transactions around an id."""

    limit: int = Field(default=20, ge=1, le=100, description="Transactions on a page")


class TransactionSearchParameters(SearchParameters):
    """Of the search: what a trace can be found by, and the function."""

    file_limit = 100

    function: str | None = Field(default=None, description="Name of a function (`faas.name`)")
    limit: int = Field(default=20, ge=1, le=100, description="Traces that are put together for a page")

    def _attributes(self) -> Iterator[Expression]:
        yield from super()._attributes()
        if self.function is not None:
            yield Comparison(Attribute(Scope.RESOURCE, "faas.name"), Operator.EQUAL, self.function)


@router.get("", response_model=models.TransactionList, responses=listed(*STATUSES))
async def search(
    request: Request, store: ReaderDependency, parameters: Annotated[TransactionSearchParameters, Query()]
) -> Response:
    """Transactions of which one span meets all conditions, newest first by the start of the trace of such a span."""
    return await answer(search_transactions, store, parameters.search(), request.app.state.clock_ns)


@router.get("/{known_id:path}/stack", response_model=models.Stacks, responses=described(*STATUSES, 404))
async def stack(
    store: ReaderDependency, known_id: IdParameter, page: Annotated[TransactionParameters, Query()]
) -> Response:
    """The virtual stack trace: the path of calls over all functions to the span in which the first error began."""
    return await answer(read_stacks, store, known_id, page.limit, page.cursor)


@router.get("/{known_id:path}", response_model=models.Transactions, responses=described(*STATUSES, 404))
async def transactions(
    request: Request,
    store: ReaderDependency,
    known_id: IdParameter,
    page: Annotated[TransactionParameters, Query()],
) -> Response:
    """The whole requests that something belongs to: one for a root's id, several where they met in a batch."""
    return await answer(read_transactions, store, known_id, page.limit, page.cursor, request.app.state.prices)
