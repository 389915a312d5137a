"""`/tail`: new log records or spans as server-sent events (WHATWG HTML, "Server-sent events")."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Header, Query, Request
from fastapi.sse import EventSourceResponse, ServerSentEvent
from pydantic import Field

from coldlight_query import filters, tail
from coldlight_query.filters import (
    And,
    Comparison,
    Condition,
    Expression,
    Operator,
    compile_filter,
    parse_filter,
)
from coldlight_query.logs.words import words_condition
from coldlight_query.problems import bad_parameter, described
from coldlight_query.routes.parameters import Parameters, check_given_once
from coldlight_query.routes.reading import STATUSES, ReaderDependency
from coldlight_query.times import parse_duration_ns

router = APIRouter(prefix="/api/v1/tail", tags=["logs"], dependencies=[Depends(check_given_once)])

_LOOK_EVERY_S = 1.0
_LONGEST_NS = 3600 * 10**9


class TailParameters(Parameters):
    """What is followed."""

    signal: Literal["logs", "traces"] = Field("logs", description="Log records, or spans")
    query: str = Field("", max_length=4096, description="Of log records: words that are all in the body")
    filter: str = Field(
        "", description="Filter language, for instance `severity >= warn` or `status = error`"
    )
    service: str | None = Field(None, description="Name of a service")
    follow: str = Field(
        "10m", description="For so long, at most `1h`; then the answer ends, and browsers go on by themselves"
    )

    def source(self) -> tail.Source:
        return tail.SOURCES[self.signal]

    def condition(self) -> Condition:
        """Raises `ProblemError` or `FilterError` for a value that cannot be understood."""
        dialect = self.source().dialect
        parts: list[Expression] = [parse_filter(self.filter, dialect)]
        if self.service is not None:
            parts.append(Comparison(filters.Field.SERVICE, Operator.EQUAL, self.service))
        compiled = compile_filter(And(tuple(parts)), dialect=dialect)
        if compiled.trace is not None:
            raise bad_parameter("filter", "trace_duration is known when a trace is over: leave it out here")
        return _both(compiled.row, self._words()) if self.query else compiled.row

    def _words(self) -> Condition:
        if self.signal != "logs":
            raise bad_parameter("query", "searches log records; for spans use filter")
        return words_condition(self.query)

    def follow_s(self) -> float:
        """Raises `ProblemError` for what is no duration, or too long."""
        follow_ns = parse_duration_ns("follow", self.follow)
        if follow_ns > _LONGEST_NS:
            raise bad_parameter("follow", "at most 1h; pass the last event's id as Last-Event-ID to go on")
        return follow_ns / 10**9


def _both(one: Condition, other: Condition) -> Condition:
    return Condition(f"({one.sql} AND {other.sql})", {**one.parameters, **other.parameters})


class Following:
    """What a request asked for, understood before the answer begins: afterwards there is no status to say no with."""

    def __init__(
        self,
        store: ReaderDependency,
        parameters: Annotated[TailParameters, Query()],
        last_event_id: Annotated[str | None, Header(description="Go on after this event")] = None,
    ) -> None:
        self.source, self.condition = parameters.source(), parameters.condition()
        self.follow_s = parameters.follow_s()
        known = None if last_event_id is None else tail.place_of(self.source, last_event_id)
        self.place = known or tail.place_now(store, self.source)


@router.get("", response_class=EventSourceResponse, responses=described(*STATUSES))
async def follow(
    request: Request, store: ReaderDependency, wanted: Annotated[Following, Depends()]
) -> AsyncIterator[ServerSentEvent]:
    """Events `log` (a log record) or `span`, and `skipped` where more came at once than is told."""
    ends_s, place, stopping = time.monotonic() + wanted.follow_s, wanted.place, request.app.state.stopping
    yield ServerSentEvent(event="began", id=place.encoded(wanted.source), data={})
    while True:
        found = await asyncio.to_thread(tail.look, store, wanted.source, wanted.condition, place)
        for event in _events(wanted.source, found):
            yield event
        place = found.place
        if stopping.is_set() or time.monotonic() >= ends_s:
            return
        await _pause(stopping)


def _events(source: tail.Source, found: tail.Look) -> list[ServerSentEvent]:
    """The last one of a look bears the place after it: who comes back with an earlier one misses nothing."""
    name = "log" if source.name == "logs" else "span"
    events = [ServerSentEvent(event=name, data=row) for row in found.rows]
    if found.skipped:
        events.insert(0, ServerSentEvent(event="skipped", data={"count": found.skipped}))
    return [
        *events[:-1],
        *(last.model_copy(update={"id": found.place.encoded(source)}) for last in events[-1:]),
    ]


async def _pause(stopping: asyncio.Event) -> None:
    """A second, or until the service stops."""
    with suppress(TimeoutError):
        await asyncio.wait_for(stopping.wait(), _LOOK_EVERY_S)
