"""`/metrics`: which OTLP metrics there are; and what `/metrics/query` takes of them."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import Field

from coldlight_query.filters import (
    METRICS,
    Condition,
    compile_filter,
    compile_subject,
    parse_filter,
    parse_subject,
)
from coldlight_query.otlp_metrics import models
from coldlight_query.otlp_metrics.kinds import Aggregation
from coldlight_query.otlp_metrics.names import NameSearch, read_names
from coldlight_query.otlp_metrics.series import MetricQuery
from coldlight_query.problems import bad_parameter
from coldlight_query.red.series import Steps
from coldlight_query.routes.parameters import (
    DayParameters,
    PagedParameters,
    Parameters,
    TableParameters,
    check_given_once,
)
from coldlight_query.routes.reading import STATUSES, ReaderDependency, answer
from coldlight_query.routes.tables import TableRoute, listed

router = APIRouter(
    prefix="/api/v1/metrics",
    tags=["metrics"],
    dependencies=[Depends(check_given_once)],
    route_class=TableRoute,
)


class MetricNameParameters(DayParameters, PagedParameters, TableParameters):
    """Which metrics."""

    file_limit = 1000

    name: str = Field(default="", description="Part of the name")
    filter: str = Field(default="", description='Filter language, for instance `service = "orders"`')
    limit: int = Field(default=1000, ge=1, le=10_000, description="Metrics on a page")

    def search(self, now_ns: int) -> NameSearch:
        """Raises `ProblemError` or `FilterError` for a value that cannot be understood."""
        start_ns, end_ns = self.range_ns(now_ns)
        return NameSearch(
            start_ns,
            end_ns,
            _condition(self.filter),
            part=self.name,
            limit=self.limit,
            cursor=self.cursor,
        )


class OtlpParameters(Parameters):
    """Of series of an OTLP metric."""

    metric: str | None = Field(
        default=None,
        description="Name of an OTLP metric, as `/metrics` lists them; without it, spans are measured",
    )
    aggregation: list[Aggregation] = Field(
        default=[], description="Of a metric; what it has depends on its kind. May be repeated"
    )


def metric_query(
    asked: OtlpParameters, name: str, filter_text: str, group_by: list[str], steps: Steps, limit: int
) -> MetricQuery:
    """Raises `ProblemError` or `FilterError` for a value that cannot be understood."""
    if "measure" in asked.model_fields_set:
        raise bad_parameter("measure", "is of spans; what is told of a metric is its aggregation")
    subjects = (parse_subject(text, METRICS) for text in group_by)
    groups = (compile_subject(subject, f"g{at}", METRICS) for at, subject in enumerate(subjects))
    return MetricQuery(name, tuple(asked.aggregation), _condition(filter_text), tuple(groups), steps, limit)


def _condition(filter_text: str) -> Condition:
    return compile_filter(parse_filter(filter_text, METRICS), dialect=METRICS).row


@router.get("", response_model=models.Metrics, responses=listed(*STATUSES))
async def metrics(
    request: Request, store: ReaderDependency, parameters: Annotated[MetricNameParameters, Query()]
) -> Response:
    """OTLP metrics of which there are points, with their units and descriptions, by name."""
    return await answer(read_names, store, parameters.search(request.app.state.clock_ns()))
