"""`/service-map`: who calls what, and how that goes."""

from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import Field

from coldlight_query.routes.parameters import RangeParameters, TableParameters, check_given_once
from coldlight_query.routes.reading import STATUSES, ReaderDependency, answer
from coldlight_query.routes.tables import TableRoute, listed
from coldlight_query.service_map import models
from coldlight_query.service_map.reading import Range, read_map

router = APIRouter(
    prefix="/api/v1/service-map",
    tags=["service map"],
    dependencies=[Depends(check_given_once)],
    route_class=TableRoute,
)


class MapParameters(RangeParameters, TableParameters):
    """Of the map."""

    cost: bool = Field(default=False, description="Whether to tell what it costs, which takes longer")
    table: Literal["nodes", "edges"] = Field(default="nodes", description="Which of the two a file has")


@router.get("", response_model=models.ServiceMap, responses=listed(*STATUSES))
async def service_map(
    request: Request, store: ReaderDependency, parameters: Annotated[MapParameters, Query()]
) -> Response:
    """Functions, services and what lies between them, with calls, errors, durations and waits on queues."""
    state = request.app.state
    of = Range(*parameters.range_ns(state.clock_ns()))
    return await answer(read_map, store, of, state.prices if parameters.cost else None)
