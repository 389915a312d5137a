"""`/traces`: search, one trace, its log records."""

import asyncio
from collections.abc import Callable, Mapping
from typing import Annotated, Any, Literal

import orjson
from fastapi import APIRouter, Depends, Path, Query, Request, Response

from coldlight_query import models, traces
from coldlight_query.filters import (
    And,
    Attribute,
    Comparison,
    Duration,
    Exists,
    Expression,
    Field,
    Operator,
    Scope,
    compile_filter,
    parse_filter,
)
from coldlight_query.problems import Problem, bad_parameter
from coldlight_query.rows import RENDER
from coldlight_query.search import Search, search_traces
from coldlight_query.times import LATEST_NS, parse_duration_ns, parse_time_ns
from coldlight_storage import Store

router = APIRouter(prefix="/api/v1/traces", tags=["traces"])

_PROBLEMS: dict[int | str, dict[str, Any]] = {
    status: {"model": Problem, "description": description}
    for status, description in {
        400: "A parameter or the filter is wrong; `detail` names the place",
        503: "ClickHouse does not answer",
        504: "The query took too long",
    }.items()
}
_NOT_FOUND: dict[int | str, dict[str, Any]] = {
    404: {"model": Problem, "description": "No span of it was received"}
}

AttributeForm = Annotated[
    Literal["plain", "otlp"],
    Query(description="How attribute values are written: plain JSON, or lossless OTLP/JSON"),
]
CursorParameter = Annotated[str | None, Query(description="`next_cursor` of the page before")]
TraceIdParameter = Annotated[
    str,
    Path(description="32 hex digits; 64-bit ids may be given with 16", pattern="^(?:[0-9a-fA-F]{16}){1,2}$"),
]
_ATTRIBUTE_DESCRIPTION = "`key=value`, or `key` alone for any value; may be repeated"


def _store(request: Request) -> Store:
    store: Store = request.app.state.store
    return store


StoreDependency = Annotated[Store, Depends(_store)]


@router.get("", response_model=models.Traces, responses=_PROBLEMS)
async def search(
    store: StoreDependency,
    filter: Annotated[  # noqa: A002 (the name of the parameter)
        str, Query(description='Filter language, for instance `service = "orders" and duration > 1s`')
    ] = "",
    service: str | None = None,
    name: Annotated[str | None, Query(description="Name of a span")] = None,
    status: Literal["ok", "error", "unset"] | None = None,
    kind: Literal["internal", "server", "client", "producer", "consumer", "unspecified"] | None = None,
    attribute: Annotated[list[str] | None, Query(description=f"Of a span: {_ATTRIBUTE_DESCRIPTION}")] = None,
    resource: Annotated[
        list[str] | None, Query(description=f"Of its resource: {_ATTRIBUTE_DESCRIPTION}")
    ] = None,
    event: Annotated[
        list[str] | None, Query(description=f"Of one of its events: {_ATTRIBUTE_DESCRIPTION}")
    ] = None,
    link: Annotated[
        list[str] | None, Query(description=f"Of one of its links: {_ATTRIBUTE_DESCRIPTION}")
    ] = None,
    min_duration: Annotated[str | None, Query(description="Of a span, for instance `250ms`")] = None,
    max_duration: Annotated[str | None, Query(description="Of a span")] = None,
    min_trace_duration: Annotated[str | None, Query(description="Of the whole trace")] = None,
    max_trace_duration: Annotated[str | None, Query(description="Of the whole trace")] = None,
    start: Annotated[
        str | None, Query(description="The span starts then or later: RFC 3339 or epoch ns")
    ] = None,
    end: Annotated[
        str | None, Query(description="The span starts then or earlier: RFC 3339 or epoch ns")
    ] = None,
    limit: Annotated[int, Query(ge=1, le=1000)] = 20,
    cursor: CursorParameter = None,
) -> Response:
    """Traces in which one span meets all conditions, newest first by the start of the trace. None is required."""
    fields: Mapping[Field, str | None] = {
        Field.SERVICE: service,
        Field.NAME: name,
        Field.STATUS: status,
        Field.KIND: kind,
    }
    scoped = {Scope.SPAN: attribute, Scope.RESOURCE: resource, Scope.EVENT: event, Scope.LINK: link}
    conditions = [
        *(Comparison(field, Operator.EQUAL, value) for field, value in fields.items() if value is not None),
        *(_attribute(scope, text) for scope, texts in scoped.items() for text in texts or ()),
        *_duration("min_duration", Field.DURATION, Operator.AT_LEAST, min_duration),
        *_duration("max_duration", Field.DURATION, Operator.AT_MOST, max_duration),
        *_duration("min_trace_duration", Field.TRACE_DURATION, Operator.AT_LEAST, min_trace_duration),
        *_duration("max_trace_duration", Field.TRACE_DURATION, Operator.AT_MOST, max_trace_duration),
        parse_filter(filter),
    ]
    wanted = Search(
        condition=compile_filter(And(tuple(conditions))),
        start_ns=parse_time_ns("start", start) if start else 0,
        end_ns=parse_time_ns("end", end) if end else LATEST_NS,
        limit=limit,
        cursor=cursor,
    )
    return await _answer(search_traces, store, wanted)


@router.get("/{trace_id}", response_model=models.Trace, responses=_PROBLEMS | _NOT_FOUND)
async def trace(
    store: StoreDependency,
    trace_id: TraceIdParameter,
    attributes: AttributeForm = "plain",
    limit: Annotated[int, Query(ge=1, le=100_000, description="Spans on a page")] = 10_000,
    cursor: CursorParameter = None,
) -> Response:
    """One trace with all its spans, or a page of a larger one."""
    return await _answer(traces.read_trace, store, _full_id(trace_id), RENDER[attributes], limit, cursor)


@router.get("/{trace_id}/logs", response_model=models.Logs, responses=_PROBLEMS)
async def trace_logs(
    store: StoreDependency,
    trace_id: TraceIdParameter,
    attributes: AttributeForm = "plain",
    limit: Annotated[int, Query(ge=1, le=100_000, description="Log records on a page")] = 10_000,
    cursor: CursorParameter = None,
) -> Response:
    """The log records of a trace in order of time; an empty list when it has none."""
    return await _answer(traces.read_trace_logs, store, _full_id(trace_id), RENDER[attributes], limit, cursor)


async def _answer(read: Callable[..., dict[str, Any]], *arguments: Any) -> Response:
    """Reads and writes JSON off the event loop: neither a query nor a large trace may hold up other requests."""
    return await asyncio.to_thread(lambda: _json(read(*arguments)))


def _json(body: dict[str, Any]) -> Response:
    return Response(orjson.dumps(body), media_type="application/json")


def _full_id(trace_id: str) -> str:
    return trace_id.lower().rjust(32, "0")


def _attribute(scope: Scope, text: str) -> Expression:
    key, equals, value = text.partition("=")
    if not key:
        raise bad_parameter(scope, f"{text!r} has no key; write key=value, or key alone for any value")
    return (
        Comparison(Attribute(scope, key), Operator.EQUAL, value) if equals else Exists(Attribute(scope, key))
    )


def _duration(name: str, field: Field, operator: Operator, text: str | None) -> list[Expression]:
    if text is None:
        return []
    return [Comparison(field, operator, Duration(parse_duration_ns(name, text)))]
