"""`/functions`, `/invocations` and `/deployments`: how functions are doing, run by run and version by version."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Path, Query, Request, Response
from pydantic import Field

from coldlight_query.cost.spending import Tables
from coldlight_query.invocations import answers, models
from coldlight_query.invocations.deployments import Asked, read_deployments
from coldlight_query.invocations.functions import read_function, read_functions
from coldlight_query.invocations.listing import Wanted, list_runs
from coldlight_query.invocations.names import Identity, named
from coldlight_query.invocations.runs import Stretch, read_runs
from coldlight_query.problems import ProblemError, described
from coldlight_query.routes.parameters import (
    TIME,
    DayParameters,
    PagedParameters,
    TableParameters,
    check_given_once,
)
from coldlight_query.routes.reading import STATUSES, ReaderDependency, answer
from coldlight_query.routes.tables import TableRoute, listed
from coldlight_query.times import LATEST_NS, NS_PER_MS, parse_duration_ns, parse_time_ns
from coldlight_storage import Reader

router = APIRouter(
    prefix="/api/v1", tags=["functions"], dependencies=[Depends(check_given_once)], route_class=TableRoute
)

NameParameter = Annotated[
    str, Path(description="Its name, where it is the name of one function, or its ARN without a version")
]


class FunctionsParameters(DayParameters, PagedParameters, TableParameters):
    """Of the list of functions."""

    limit: int = Field(default=1000, ge=1, le=10_000, description="Functions on a page")


class FunctionParameters(DayParameters):
    """Of one function."""

    version: str = Field(default="", description="Runs of one version only")


class RunsParameters(PagedParameters, TableParameters):
    """Of a function's runs; each narrows them, and none is required."""

    file_limit = 1000

    status: Literal["success", "error", "out_of_memory", "timeout"] | None = Field(
        default=None, description="How the run ended"
    )
    cold: bool | None = Field(default=None, description="Whether the run was a cold start")
    version: str = Field(default="", description="The version that ran")
    min_duration: str | None = Field(default=None, description="For instance `250ms`")
    start: str | None = Field(default=None, description=f"The run starts then or later: {TIME}")
    end: str | None = Field(default=None, description=f"The run starts then or earlier: {TIME}")
    limit: int = Field(default=100, ge=1, le=1000, description="Runs on a page")

    def wanted(self, function: Identity) -> Wanted:
        """What to list. Raises `ProblemError` for a value that cannot be understood."""
        shortest_ns = 0 if self.min_duration is None else parse_duration_ns("min_duration", self.min_duration)
        return Wanted(
            function,
            start_ns=0 if self.start is None else parse_time_ns("start", self.start),
            end_ns=LATEST_NS if self.end is None else parse_time_ns("end", self.end),
            status=self.status or "",
            cold=self.cold,
            version=self.version,
            min_duration_ms=shortest_ns / NS_PER_MS,
            limit=self.limit,
            cursor=self.cursor,
        )


class DeploymentsParameters(PagedParameters, TableParameters):
    """Of the list of deployments."""

    file_limit = 100

    function: str | None = Field(default=None, description="Name or ARN of a function")
    start: str | None = Field(default=None, description=f"First seen then or later: {TIME}")
    end: str | None = Field(default=None, description=f"First seen then or earlier: {TIME}")
    window: str = Field(default="1h", description="How long before and after is compared")
    limit: int = Field(default=20, ge=1, le=100, description="Deployments on a page")

    def asked(self) -> Asked:
        """Raises `ProblemError` for a value that cannot be understood."""
        return Asked(
            start_ns=0 if self.start is None else parse_time_ns("start", self.start),
            end_ns=LATEST_NS if self.end is None else parse_time_ns("end", self.end),
            window_ns=parse_duration_ns("window", self.window),
            function=None if self.function is None else named(self.function),
            limit=self.limit,
            cursor=self.cursor,
        )


@router.get("/functions", response_model=models.Functions, responses=listed(*STATUSES))
async def functions(
    request: Request, store: ReaderDependency, parameters: Annotated[FunctionsParameters, Query()]
) -> Response:
    """All functions that ran in a stretch of time, the last day if none is given: how often, how well, how long."""
    stretch = Stretch(*parameters.range_ns(request.app.state.clock_ns()))
    return await answer(
        read_functions, store, stretch, parameters.limit, parameters.cursor, request.app.state.prices
    )


@router.get(
    "/functions/{name}", response_model=models.FunctionOfStretch, responses=described(*STATUSES, 404, 409)
)
async def function(
    request: Request,
    store: ReaderDependency,
    name: NameParameter,
    parameters: Annotated[FunctionParameters, Query()],
) -> Response:
    """One function in a stretch of time."""
    asked = named(name)
    stretch = Stretch(*parameters.range_ns(request.app.state.clock_ns()), asked.name)
    return await answer(read_function, store, asked, stretch, request.app.state.prices, parameters.version)


@router.get(
    "/functions/{name}/invocations", response_model=models.Invocations, responses=listed(*STATUSES, 409)
)
async def runs(
    request: Request,
    store: ReaderDependency,
    name: NameParameter,
    parameters: Annotated[RunsParameters, Query()],
) -> Response:
    """A function's runs, newest first."""
    state = request.app.state
    return await answer(list_runs, store, parameters.wanted(named(name)), state.clock_ns(), state.prices)


@router.get(
    "/invocations/{request_id}", response_model=models.RunsOfRequest, responses=described(*STATUSES, 404)
)
async def invocation(
    request: Request, store: ReaderDependency, request_id: Annotated[str, Path(description="Of Lambda")]
) -> Response:
    """All runs of a request, of which an asynchronous one that failed has several. Whoever told of them: a span, the platform,
    its log."""
    return await answer(_read_request, store, request_id, request.app.state.prices)


@router.get("/deployments", response_model=models.Deployments, responses=listed(*STATUSES))
async def deployments(
    request: Request, store: ReaderDependency, parameters: Annotated[DeploymentsParameters, Query()]
) -> Response:
    """Versions of functions by when they were first seen, newest first, each compared with the versions before it."""
    return await answer(read_deployments, store, parameters.asked(), request.app.state.prices)


def _read_request(store: Reader, request_id: str, prices: Tables) -> dict[str, Any]:
    found = read_runs(store, [request_id])
    if not found:
        detail = f"nobody has told of a run with request id {request_id!r} (yet, or any more)"
        raise ProblemError(404, "Unknown invocation", detail)
    return answers.runs_of_request(request_id, found, prices)
