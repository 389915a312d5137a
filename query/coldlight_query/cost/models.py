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


class Spending(BaseModel):
    """What was spent under one key; only the members that `by` names are there, `function` with `account` and `region`."""

    function: str | None = None
    account: str | None = Field(None, description="Empty where it is unknown")
    region: str | None = None
    route: str | None = Field(
        None, description="HTTP method and route of the request; empty for other triggers"
    )
    tenant_id: str | None = Field(None, description="AWS's tenant isolation; empty for functions without it")
    day: str | None = Field(None, examples=["2026-11-23"], description="In UTC")
    service: str | None = Field(None, examples=["lambda"])
    invocations: int
    cost_usd: Amount
    cost_basis: CostBasis


class Spendings(BaseModel):
    """What was spent, the dearest first, at the marginal rate: no free tier, no higher tiers."""

    start_time_unix_nano: int
    end_time_unix_nano: int
    by: list[str]
    costs: list[Spending]
    totals: list[Spending] = Field(description="One for each currency")


class BillLine(BaseModel):
    """One dimension of a service in a region, for one account. `free` of `quantity` costs nothing."""

    account: str
    service: str
    region: str
    dimension: str
    unit: str | None
    quantity: str
    free: str
    amount: Amount = Field(description="Null where the table has no price")
    why_estimated: list[str]


class Bill(BaseModel):
    """A month from one partition of AWS, with its tiers and free tiers."""

    partition: str
    prices: str
    currency: str
    lines: list[BillLine]
    total: float
    kind: Literal["exact", "estimated"]


class Month(BaseModel):
    """A month in UTC, as far as it is known: of a running one, up to now."""

    month: str = Field(examples=["2026-11"])
    with_free_tiers: bool
    bills: list[Bill]


class RightSize(BaseModel):
    """Another memory size. Without `is_measured`, the saving is what the size saves if the duration stays."""

    memory_mb: int
    saved_usd: Amount
    is_measured: bool
    reason: str


class FunctionWaste(BaseModel):
    """What a function need not have cost in the stretch of time. Parts may overlap: a retry may have failed."""

    function: str
    account: str
    region: str
    invocations: int
    cost_usd: Amount
    failed_invocations: int
    failed_usd: Amount = Field(
        description="Of invocations that ended in an error, a timeout or out of memory"
    )
    retries: int
    retried_usd: Amount = Field(description="Of second and later attempts of one request")
    layer_ms: int | None = Field(
        description="Billed time after the runtime was done, which is that of extensions; null where nobody tells"
    )
    layer_usd: Amount
    idle_concurrency_usd: Amount = Field(
        description="Of sandboxes with provisioned concurrency, between their first and last invocation"
    )
    right_size: RightSize | None


class Waste(BaseModel):
    """What need not have been paid, the most first."""

    start_time_unix_nano: int
    end_time_unix_nano: int
    prices: str
    functions: list[FunctionWaste]


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
