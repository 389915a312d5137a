"""`/cost`: what was spent, on what, and the prices it is computed with."""

from calendar import monthrange
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Query, Request, Response
from pydantic import Field

from coldlight_query.cost import models
from coldlight_query.cost.answers import read_costs, read_month
from coldlight_query.cost.price_tables import PriceTable
from coldlight_query.cost.reading import DIMENSIONS
from coldlight_query.cost.wasted import read_waste
from coldlight_query.invocations.runs import Stretch
from coldlight_query.problems import bad_parameter, described
from coldlight_query.routes.parameters import DayParameters, Parameters, TableParameters, check_given_once
from coldlight_query.routes.reading import STATUSES, ReaderDependency, answer, as_json
from coldlight_query.routes.tables import TableRoute, listed

router = APIRouter(
    prefix="/api/v1/cost", tags=["cost"], dependencies=[Depends(check_given_once)], route_class=TableRoute
)


class CostParameters(DayParameters, TableParameters):
    """What to group by."""

    by: str = Field(
        default="function",
        description="`function`, `route`, `tenant_id`, `day`, `service`, or several with commas. Calls of other services are in"
        " it unless it names `route` or `tenant_id`, which their spans do not tell",
    )

    def dimensions(self) -> tuple[str, ...]:
        """Raises `ProblemError` for one that does not exist."""
        names = tuple(dict.fromkeys(name.strip() for name in self.by.split(",")))
        for name in names:
            if name not in DIMENSIONS:
                raise bad_parameter("by", f"{name!r}: one or more of {', '.join(DIMENSIONS)}")
        return names


class WasteParameters(DayParameters, TableParameters):
    """Of the waste."""


class MonthParameters(Parameters):
    """How the month is billed."""

    free_tier: bool = Field(default=True, description="Whether this account's free tier goes off")


class PriceParameters(Parameters):
    """Each narrows the list."""

    partition: str | None = Field(default=None, description="`aws` or `aws-cn`")
    service: str | None = Field(default=None, description="For instance `lambda`")
    region: str | None = Field(default=None, description="For instance `eu-west-1`")


@router.get(
    "", response_model=models.Spendings, response_model_exclude_unset=True, responses=listed(*STATUSES)
)
async def costs(
    request: Request, store: ReaderDependency, parameters: Annotated[CostParameters, Query()]
) -> Response:
    """What invocations and their calls of AWS APIs cost, each at the marginal rate."""
    state = request.app.state
    stretch = Stretch(*parameters.range_ns(state.clock_ns()))
    return await answer(read_costs, store, state.prices, stretch, parameters.dimensions())


@router.get("/months/{month}", response_model=models.Month, responses=described(*STATUSES))
async def month(
    request: Request,
    store: ReaderDependency,
    month: Annotated[
        str, Path(description="Such as 2026-11, in UTC", pattern=r"^20[0-9]{2}-(0[1-9]|1[0-2])$")
    ],
    parameters: Annotated[MonthParameters, Query()],
) -> Response:
    """A month as AWS bills it: tiers and free tiers for each account. Rows that are not kept any more are not in it."""
    prices = request.app.state.prices
    return await answer(read_month, store, prices, month, _stretch_of(month), parameters.free_tier)


def _stretch_of(month: str) -> Stretch:
    first = datetime.strptime(month, "%Y-%m").replace(tzinfo=UTC)
    after = first + timedelta(days=monthrange(first.year, first.month)[1])
    return Stretch(int(first.timestamp()) * 10**9, int(after.timestamp()) * 10**9 - 1)


@router.get("/waste", response_model=models.Waste, responses=listed(*STATUSES))
async def waste(
    request: Request, store: ReaderDependency, parameters: Annotated[WasteParameters, Query()]
) -> Response:
    """What functions need not have cost: failures, retries, idle concurrency, memory, the layer itself."""
    state = request.app.state
    stretch = Stretch(*parameters.range_ns(state.clock_ns()))
    return await answer(read_waste, store, state.prices, stretch)


@router.get("/prices", response_model=models.Prices, responses=described(400))
async def prices(request: Request, parameters: Annotated[PriceParameters, Query()]) -> Response:
    """The price tables in force, with the source of each price and whether it could be verified."""
    tables = request.app.state.prices.values()
    wanted = [table for table in tables if parameters.partition in (None, table.partition)]
    return as_json({"tables": [_table(table, parameters) for table in wanted]})


def _table(table: PriceTable, parameters: PriceParameters) -> dict[str, Any]:
    return {
        "partition": table.partition,
        "version": table.version,
        "currency": table.currency,
        "default_region": table.default_region,
        "prices": [
            {
                "service": price.service,
                "region": price.region,
                "dimension": price.dimension,
                "unit": price.unit,
                "tiers": [
                    {"up_to": None if tier.up_to is None else f"{tier.up_to:f}", "price": f"{tier.price:f}"}
                    for tier in price.tiers
                ],
                "currency": price.currency,
                "effective_from": price.effective_from.isoformat(),
                "source": price.source,
                "verified": price.verified,
                "note": price.note,
            }
            for price in table.prices
            if parameters.service in (None, price.service) and parameters.region in (None, price.region)
        ],
        "free_tiers": [
            {
                "service": tier.service,
                "dimensions": list(tier.dimensions),
                "unit": tier.unit,
                "monthly": f"{tier.monthly:f}",
                "source": tier.source,
                "verified": tier.verified,
            }
            for tier in table.free_tiers
            if parameters.service in (None, tier.service)
        ],
    }
