"""The answer of `/service-map`."""

from pydantic import BaseModel, Field

from coldlight_query.cost.models import CostBasis
from coldlight_query.models import UnixNano


class Quantiles(BaseModel):
    """In milliseconds."""

    p50: float
    p95: float
    p99: float


class MapNode(BaseModel):
    """A function or service, or what they call or wait on."""

    id: str = Field(examples=["queue:orders"])
    kind: str = Field(
        description="`function`, `service`, `queue`, `topic`, `stream`, `bus`, `table`, `bucket`, `schedule`, `api`, "
        "`state machine`, `log group`, `database`, `aws service` or `host`"
    )
    name: str
    calls: int = Field(description="What it was asked to do")
    errors: int
    duration_ms: Quantiles | None = Field(
        description="Null where several callers tell of it, each for itself"
    )
    cost_usd: float | None = Field(
        description="What Lambda bills of a function; null for others, and without `cost=true`"
    )
    cost_basis: CostBasis | None


class MapEdge(BaseModel):
    """Who called what, or what set whom off."""

    source: str
    target: str
    calls: int
    errors: int
    duration_ms: Quantiles = Field(description="Of the call; of what was set off, how long that took")
    queue_wait_ms: Quantiles | None = Field(
        description="From the end of the sending call to the start of what it set off; null where that is not known"
    )
    bytes: int | None = Field(
        description="That were sent, as far as spans tell (`messaging.message.envelope.size`, `messaging.message.body.size`, "
        "`http.request.body.size`); null where none does"
    )
    cost_usd: float | None = Field(
        description="Of its calls of an AWS API; null for what has no price, and without `cost=true`"
    )
    cost_basis: CostBasis | None


class ServiceMap(BaseModel):
    """The services of a stretch of time and how they hang together."""

    start_time_unix_nano: UnixNano
    end_time_unix_nano: UnixNano
    nodes: list[MapNode]
    edges: list[MapEdge]
