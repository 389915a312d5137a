"""`/cost`: what was spent, on what, and the prices it is computed with."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from coldlight_query.cost import models
from coldlight_query.cost.price_tables import PriceTable
from coldlight_query.problems import described
from coldlight_query.routes.parameters import check_given_once
from coldlight_query.routes.reading import as_json

router = APIRouter(prefix="/api/v1/cost", tags=["cost"], dependencies=[Depends(check_given_once)])


class PriceParameters(BaseModel):
    """Each narrows the list."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    partition: str | None = Field(None, description="`aws` or `aws-cn`")
    service: str | None = Field(None, description="For instance `lambda`")
    region: str | None = Field(None, description="For instance `eu-west-1`")


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
