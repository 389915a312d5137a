"""`/traces`: search, one trace, its log records."""

import asyncio
from collections.abc import Callable
from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Depends, Path, Query, Request, Response

from coldlight_query import models, traces
from coldlight_query.metrics import TimedReader
from coldlight_query.problems import described
from coldlight_query.routes.parameters import PageParameters, SearchParameters, check_given_once
from coldlight_query.rows import RENDER
from coldlight_query.search import search_traces
from coldlight_storage import Reader, Stores

router = APIRouter(prefix="/api/v1/traces", tags=["traces"], dependencies=[Depends(check_given_once)])

_STATUSES = (400, 503, 504, 507)

TraceIdParameter = Annotated[
    str,
    Path(description="32 hex digits; 64-bit ids may be given with 16", pattern="^(?:[0-9a-fA-F]{16}){1,2}$"),
]


def _reader(request: Request) -> Reader:
    """The store of the reader's tenant, and of nobody else's."""
    stores: Stores = request.app.state.stores
    return TimedReader(stores.ready(request.state.tenant), request.app.state.metrics)


ReaderDependency = Annotated[Reader, Depends(_reader)]


@router.get("", response_model=models.Traces, responses=described(*_STATUSES))
async def search(
    request: Request, store: ReaderDependency, parameters: Annotated[SearchParameters, Query()]
) -> Response:
    """Traces in which one span meets all conditions, newest first by the start of the trace. None is required."""
    return await _answer(search_traces, store, parameters.search(), request.app.state.clock_ns)


@router.get("/{trace_id}", response_model=models.Trace, responses=described(*_STATUSES, 404))
async def trace(
    store: ReaderDependency, trace_id: TraceIdParameter, page: Annotated[PageParameters, Query()]
) -> Response:
    """One trace with all its spans, or a page of a larger one."""
    return await _answer(traces.read_trace, *_arguments(store, trace_id, page))


@router.get("/{trace_id}/logs", response_model=models.Logs, responses=described(*_STATUSES))
async def trace_logs(
    store: ReaderDependency, trace_id: TraceIdParameter, page: Annotated[PageParameters, Query()]
) -> Response:
    """The log records of a trace in order of time; an empty list when it has none."""
    return await _answer(traces.read_trace_logs, *_arguments(store, trace_id, page))


def _arguments(store: Reader, trace_id: str, page: PageParameters) -> tuple[Any, ...]:
    return store, trace_id.lower().rjust(32, "0"), RENDER[page.attributes], page.limit, page.cursor


async def _answer(read: Callable[..., dict[str, Any]], *arguments: Any) -> Response:
    """Reads and writes JSON off the event loop: neither a query nor a large trace may hold up other requests."""
    return await asyncio.to_thread(lambda: _json(read(*arguments)))


def _json(body: dict[str, Any]) -> Response:
    return Response(orjson.dumps(body), media_type="application/json")
