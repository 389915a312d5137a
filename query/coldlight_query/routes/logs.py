"""`/logs`: the search for log records, and what stands around one."""

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query, Request, Response

from coldlight_query import models
from coldlight_query.logs.context import read_context
from coldlight_query.logs.search import search_logs
from coldlight_query.problems import described
from coldlight_query.routes.log_parameters import LogContextParameters, LogSearchParameters
from coldlight_query.routes.parameters import check_given_once
from coldlight_query.routes.reading import STATUSES, ReaderDependency, answer
from coldlight_query.routes.tables import TableRoute, listed
from coldlight_query.rows import RENDER

router = APIRouter(
    prefix="/api/v1/logs", tags=["logs"], dependencies=[Depends(check_given_once)], route_class=TableRoute
)

LogIdParameter = Annotated[str, Path(description="The `id` of a record in any answer")]


@router.get("", response_model=models.FoundLogs, responses=listed(*STATUSES))
async def search(
    request: Request, store: ReaderDependency, parameters: Annotated[LogSearchParameters, Query()]
) -> Response:
    """Log records that meet all conditions, newest first. None is required."""
    render = RENDER[parameters.attributes]
    return await answer(search_logs, store, parameters.search(), render, request.app.state.clock_ns)


@router.get("/{log_id}/context", response_model=models.LogContext, responses=described(*STATUSES, 404))
async def context(
    store: ReaderDependency, log_id: LogIdParameter, parameters: Annotated[LogContextParameters, Query()]
) -> Response:
    """What the same sandbox or process wrote before and after a record, within an hour."""
    render = RENDER[parameters.attributes]
    return await answer(read_context, store, log_id, parameters.before, parameters.after, render)
