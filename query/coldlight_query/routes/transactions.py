"""`/transactions`: end-to-end requests."""

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query, Response
from pydantic import Field

from coldlight_query.problems import described
from coldlight_query.routes.parameters import Parameters, check_given_once
from coldlight_query.routes.reading import STATUSES, ReaderDependency, answer
from coldlight_query.transactions import models
from coldlight_query.transactions.reading import read_transactions

router = APIRouter(
    prefix="/api/v1/transactions", tags=["transactions"], dependencies=[Depends(check_given_once)]
)

IdParameter = Annotated[
    str,
    Path(
        description="A transaction id or span (`<trace id>:<span id>`), a trace id, a request id, a message id, or any link key",
        max_length=2_000,
    ),
]


class TransactionParameters(Parameters):
    """Of the transactions around an id."""

    limit: int = Field(20, ge=1, le=100, description="Transactions on a page")


@router.get("/{known_id:path}", response_model=models.Transactions, responses=described(*STATUSES, 404))
async def transactions(
    store: ReaderDependency, known_id: IdParameter, page: Annotated[TransactionParameters, Query()]
) -> Response:
    """The whole requests that something belongs to: one for a root's id, several where they met in a batch."""
    return await answer(read_transactions, store, known_id, page.limit, page.cursor)
