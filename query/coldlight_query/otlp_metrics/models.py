"""The answer of `/metrics`."""

from pydantic import BaseModel, Field

from coldlight_query.models import Cursor, UnixNano
from coldlight_query.otlp_metrics.kinds import Aggregation, Kind


class Metric(BaseModel):
    """A metric as senders describe it; by one name there may be several, of different kinds."""

    name: str = Field(examples=["http.server.request.duration"])
    kind: Kind
    unit: str = Field(
        description="As UCUM has it; empty where nobody told", examples=["s", "By", "{request}"]
    )
    description: str
    temporalities: list[str] = Field(description="`delta`, `cumulative`; empty for gauges and summaries")
    services: list[str] = Field(description="Who sends it: 100 at most")
    aggregations: list[Aggregation] = Field(description="What `/metrics/query` can tell of it")
    points: int = Field(description="In the stretch of time")
    first_time_unix_nano: UnixNano
    last_time_unix_nano: UnixNano


class Metrics(BaseModel):
    """Metrics by name."""

    start_time_unix_nano: UnixNano
    end_time_unix_nano: UnixNano
    metrics: list[Metric]
    next_cursor: Cursor
