"""`/traces`: search, one trace, its log records."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Query, Request, Response

from coldlight_query import models, traces
from coldlight_query.problems import described
from coldlight_query.routes.parameters import PageParameters, SearchParameters, check_given_once
from coldlight_query.routes.reading import STATUSES, ReaderDependency, answer
from coldlight_query.routes.tables import TableRoute, listed
from coldlight_query.rows import RENDER
from coldlight_query.search import search_traces
from coldlight_storage import Reader

router = APIRouter(
    prefix="/api/v1/traces", tags=["traces"], dependencies=[Depends(check_given_once)], route_class=TableRoute
)

TraceIdParameter = Annotated[
    str,
    Path(description="32 hex digits; 64-bit ids may be given with 16", pattern="^(?:[0-9a-fA-F]{16}){1,2}$"),
]


@router.get("", response_model=models.Traces, responses=listed(*STATUSES))
async def search(
    request: Request, store: ReaderDependency, parameters: Annotated[SearchParameters, Query()]
) -> Response:
    """Traces in which one span meets all conditions, newest first by the start of the trace. None is required."""
    return await answer(search_traces, store, parameters.search(), request.app.state.clock_ns)


@router.get("/{trace_id}", response_model=models.Trace, responses=described(*STATUSES, 404))
async def trace(
    store: ReaderDependency, trace_id: TraceIdParameter, page: Annotated[PageParameters, Query()]
) -> Response:
    """One trace with all its spans, or a page of a larger one."""
    return await answer(traces.read_trace, *_arguments(store, trace_id, page))


@router.get("/{trace_id}/logs", response_model=models.Logs, responses=described(*STATUSES))
async def trace_logs(
    store: ReaderDependency, trace_id: TraceIdParameter, page: Annotated[PageParameters, Query()]
) -> Response:
    """The log records of a trace in order of time; an empty list when it has none."""
    return await answer(traces.read_trace_logs, *_arguments(store, trace_id, page))


def _arguments(store: Reader, trace_id: str, page: PageParameters) -> tuple[Any, ...]:
    return store, trace_id.lower().rjust(32, "0"), RENDER[page.attributes], page.limit, page.cursor
