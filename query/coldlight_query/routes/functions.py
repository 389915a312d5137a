"""`/functions`, `/invocations` and `/deployments`: how functions are doing, run by run and version by version."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Response

from coldlight_query.invocations import answers, models
from coldlight_query.invocations.runs import read_runs
from coldlight_query.problems import ProblemError, described
from coldlight_query.routes.parameters import check_given_once
from coldlight_query.routes.reading import STATUSES, ReaderDependency, answer
from coldlight_storage import Reader

router = APIRouter(prefix="/api/v1", tags=["functions"], dependencies=[Depends(check_given_once)])


@router.get(
    "/invocations/{request_id}", response_model=models.RunsOfRequest, responses=described(*STATUSES, 404)
)
async def invocation(
    store: ReaderDependency, request_id: Annotated[str, Path(description="Of Lambda")]
) -> Response:
    """All runs of a request, of which an asynchronous one that failed has several. Whoever told of them: a span, the platform,
    its log."""
    return await answer(_read_request, store, request_id)


def _read_request(store: Reader, request_id: str) -> dict[str, Any]:
    runs = read_runs(store, [request_id])
    if not runs:
        raise ProblemError(
            404, "Unknown invocation", f"nobody has told of a run with request id {request_id!r} (yet)"
        )
    return answers.runs_of_request(request_id, runs)
