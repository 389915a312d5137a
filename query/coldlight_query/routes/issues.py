"""`/issues`: errors of one kind in one function, and what people say of them."""

from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Query, Request, Response
from pydantic import Field

from coldlight_query.issues import models
from coldlight_query.issues.reading import IssueSearch, read_issue, read_issues
from coldlight_query.issues.standing import Standing
from coldlight_query.problems import bad_parameter, described
from coldlight_query.routes.parameters import RangeParameters, TableParameters, check_given_once
from coldlight_query.routes.reading import STATUSES, ReaderDependency, answer
from coldlight_query.routes.tables import TableRoute, listed
from coldlight_query.times import parse_duration_ns
from coldlight_storage import Reader
from coldlight_storage.state import State
from coldlight_storage.state.issues import Judged, Verdict, forget, judge, read_verdicts

router = APIRouter(
    prefix="/api/v1/issues", tags=["issues"], dependencies=[Depends(check_given_once)], route_class=TableRoute
)

IssueId = Annotated[str, Path(description="The `id` of an issue", pattern="^[0-9a-f]{32}$")]


class IssueParameters(RangeParameters, TableParameters):
    """Which issues."""

    file_limit = 1000

    function: str | None = Field(default=None, description="Name of a function or service")
    state: Standing | None = Field(default=None, description="How they stand")
    limit: int = Field(default=100, ge=1, le=1000, description="Issues, those seen last")


def _verdicts(request: Request) -> Mapping[str, Judged]:
    """What the people of the reader's tenant have said."""
    return read_verdicts(_state(request), request.state.tenant)


VerdictsDependency = Annotated[Mapping[str, Judged], Depends(_verdicts)]


def _state(request: Request) -> State:
    state: State = request.app.state.state
    return state


@router.get("", response_model=models.Issues, responses=listed(*STATUSES))
async def issues(
    request: Request,
    store: ReaderDependency,
    verdicts: VerdictsDependency,
    parameters: Annotated[IssueParameters, Query()],
) -> Response:
    """Issues seen in a stretch of time, the one seen last first."""
    now_ns = request.app.state.clock_ns()
    search = IssueSearch(
        *parameters.range_ns(now_ns), parameters.function, parameters.state, parameters.limit
    )
    return await answer(read_issues, store, search, verdicts, now_ns)


@router.get("/{issue_id}", response_model=models.Issue, responses=described(*STATUSES, 404))
async def issue(
    request: Request, store: ReaderDependency, verdicts: VerdictsDependency, issue_id: IssueId
) -> Response:
    """One issue: when it was seen, in which versions, and traces to look at."""
    return await answer(read_issue, store, issue_id, verdicts, request.app.state.clock_ns())


@router.put("/{issue_id}/state", response_model=models.Issue, responses=described(*STATUSES, 404))
async def set_state(
    request: Request, store: ReaderDependency, issue_id: IssueId, said: models.IssueState
) -> Response:
    """Resolves an issue, mutes it, or opens it again. One that is resolved and seen again is `regressed`."""
    now_ns = request.app.state.clock_ns()
    until_ns = _until_ns(said, now_ns)

    def change(store: Reader) -> dict[str, Any]:
        read_issue(store, issue_id, {}, now_ns)  # there must be one
        state, tenant = _state(request), request.state.tenant
        if said.state == "open":
            forget(state, tenant, issue_id)
        else:
            judge(state, tenant, Judged(issue_id, Verdict(said.state), now_ns, until_ns))
        return read_issue(store, issue_id, read_verdicts(state, tenant), now_ns)

    return await answer(change, store)


def _until_ns(said: models.IssueState, now_ns: int) -> int | None:
    if said.muted_for is None:
        return None
    if said.state != "muted":
        raise bad_parameter("muted_for", f"an issue that is {said.state} is not muted: leave it out")
    return now_ns + parse_duration_ns("muted_for", said.muted_for)
