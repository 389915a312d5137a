"""`/metrics/query`: series of RED over time."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import Field

from coldlight_query import models
from coldlight_query.filters import compile_filter, compile_subject, parse_filter, parse_subject
from coldlight_query.otlp_metrics.series import MetricQuery, read_metric
from coldlight_query.problems import bad_parameter
from coldlight_query.red.measures import Measure
from coldlight_query.red.series import MOST_STEPS, RedQuery, Steps, read_series, steps_of
from coldlight_query.routes.otlp_metrics import OtlpParameters, metric_query
from coldlight_query.routes.parameters import RangeParameters, TableParameters, check_given_once
from coldlight_query.routes.reading import STATUSES, ReaderDependency, answer
from coldlight_query.routes.tables import TableRoute, listed
from coldlight_query.times import parse_duration_ns

router = APIRouter(
    prefix="/api/v1/metrics",
    tags=["metrics"],
    dependencies=[Depends(check_given_once)],
    route_class=TableRoute,
)


class MetricParameters(RangeParameters, TableParameters, OtlpParameters):
    """What is measured, of which spans, and by what they are grouped."""

    measure: list[Measure] = Field(default=[Measure.CALLS], description="May be repeated")
    group_by: list[str] = Field(
        default=[],
        max_length=5,
        description='Such as `service`, `name`, `resource["faas.version"]`; may be repeated',
    )
    filter: str = Field(default="", description="Filter language, for instance `kind in (server, consumer)`")
    step: str | None = Field(
        default=None, description="Length of a step, such as `1m`; if not given, a round one"
    )
    limit: int = Field(default=50, ge=1, le=1000, description="Groups, those with the most calls")

    def query(self, now_ns: int) -> RedQuery:
        """What to measure. Raises `ProblemError` or `FilterError` for a value that cannot be understood."""
        if self.aggregation:
            raise bad_parameter("aggregation", "is of a metric: name it, or use measure for spans")
        condition = compile_filter(parse_filter(self.filter))
        if condition.trace is not None:
            raise bad_parameter(
                "filter", "trace_duration is not known of single spans: use duration, or root"
            )
        groups = (compile_subject(parse_subject(text), f"g{at}") for at, text in enumerate(self.group_by))
        return RedQuery(tuple(self.measure), condition, tuple(groups), self._steps(now_ns), self.limit)

    def metric_query(self, metric: str, now_ns: int) -> MetricQuery:
        """What to tell of an OTLP metric. Raises as `query` does."""
        return metric_query(self, metric, self.filter, self.group_by, self._steps(now_ns), self.limit)

    def _steps(self, now_ns: int) -> Steps:
        step_ns = None if self.step is None else parse_duration_ns("step", self.step)
        if step_ns == 0:
            raise bad_parameter("step", "must be longer than nothing")
        steps = steps_of(*self.range_ns(now_ns), step_ns)
        if len(steps.starts_ns) > MOST_STEPS:
            raise bad_parameter(
                "step", f"makes {len(steps.starts_ns)} steps; at most {MOST_STEPS} are told at once"
            )
        return steps


@router.get("/query", response_model=models.MetricSeries, responses=listed(*STATUSES))
async def query(
    request: Request, store: ReaderDependency, parameters: Annotated[MetricParameters, Query()]
) -> Response:
    """Calls, errors and durations of spans over time, by group, every figure with a span that explains it; or an OTLP metric."""
    now_ns = request.app.state.clock_ns()
    if parameters.metric is not None:
        return await answer(read_metric, store, parameters.metric_query(parameters.metric, now_ns))
    return await answer(read_series, store, parameters.query(now_ns))
