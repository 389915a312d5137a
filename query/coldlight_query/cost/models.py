"""The answers about cost, as the API's description shows them."""

from typing import Literal

from pydantic import BaseModel, Field

Amount = float | None


class CostBasis(BaseModel):
    """What a figure rests on."""

    kind: Literal["exact", "estimated"] = Field(
        description="`exact`: all quantities as AWS reported them, at the list price of the first tier"
    )
    prices: str = Field(
        description="Version of the price table, and of what lies over it", examples=["2026-11-23"]
    )
    currency: str = Field(examples=["USD"])
    amount: Amount = Field(description="In that currency; null where nothing of it has a price")
    why_estimated: list[str] = Field(description="What was assumed, in words")


class Tier(BaseModel):
    """`price` is text: prices have more decimals than numbers in JSON keep."""

    up_to: str | None = Field(description="Quantity of a month that it reaches to; null for the rest")
    price: str


class Price(BaseModel):
    """What a unit costs, from a day on."""

    service: str
    region: str
    dimension: str
    unit: str
    tiers: list[Tier]
    currency: str
    effective_from: str = Field(examples=["2024-11-01"])
    source: str
    verified: bool = Field(description="Read in AWS's own pages or price list, or in a file made of them")
    note: str | None


class FreeTier(BaseModel):
    """What an account need not pay in a month, of all its dimensions and regions together."""

    service: str
    dimensions: list[str]
    unit: str
    monthly: str
    source: str
    verified: bool


class PriceTable(BaseModel):
    """The prices of a partition of AWS."""

    partition: str
    version: str
    currency: str
    default_region: str = Field(description="As which a region without own prices is priced, and flagged")
    prices: list[Price]
    free_tiers: list[FreeTier]


class Prices(BaseModel):
    """The price tables in force."""

    tables: list[PriceTable]
