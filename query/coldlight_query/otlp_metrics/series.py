"""Series of a metric over time, from its points."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from coldlight_query.filters import Condition, Selected
from coldlight_query.otlp_metrics.distribution import Bucket, distribution_of
from coldlight_query.otlp_metrics.kinds import TELLINGS, Aggregation, Kind
from coldlight_query.otlp_metrics.names import NameSearch, read_kinds
from coldlight_query.otlp_metrics.reading import sql_of
from coldlight_query.problems import bad_parameter
from coldlight_query.red.series import Steps
from coldlight_storage import Reader, Row

_READ_BEFORE_NS = 3600 * 10**9
"""How far before the first step the point is looked for from which the first one goes on."""


@dataclass(frozen=True)
class MetricQuery:
    """Which metric, which of its points, what is told of them, and by what they are grouped; the `limit` groups with the most
    points."""

    name: str
    aggregations: tuple[Aggregation, ...]
    condition: Condition
    groups: tuple[Selected, ...]
    steps: Steps
    limit: int

    @property
    def read_ns(self) -> int:
        return max(0, self.steps.first_ns - _READ_BEFORE_NS)


def read_metric(store: Reader, query: MetricQuery) -> dict[str, Any]:
    """`models.MetricSeries`. Raises `ProblemError` for an aggregation that the metric does not have, and what `Reader.select` raises."""
    kind = _kind(store, query)
    if kind is None:
        return _answer(query, [], [f"there are no points of {query.name} here: /metrics lists what there is"])
    aggregations = _aggregations(kind, query)
    rows = store.select(
        sql_of(kind, ", ".join(group.sql for group in query.groups), query.condition.sql), _parameters(query)
    )
    groups = [(labels, list(of_group)) for labels, of_group in groupby(rows, key=lambda row: row["labels"])]
    series = [
        each for group in groups[: query.limit] for each in _series_of(query, kind, aggregations, *group)
    ]
    return _answer(query, series, list(_warnings(query, kind, aggregations, len(groups))))


def _kind(store: Reader, query: MetricQuery) -> Kind | None:
    search = NameSearch(query.read_ns, query.steps.end_ns, query.condition, query.name)
    kinds = read_kinds(store, search)
    if len(kinds) > 1:
        detail = f"{query.name} is sent as {' and as '.join(kinds)}; narrow filter to one of them, for instance by service"
        raise bad_parameter("metric", detail)
    return kinds[0] if kinds else None


def _aggregations(kind: Kind, query: MetricQuery) -> tuple[Aggregation, ...]:
    telling = TELLINGS[kind]
    for each in query.aggregations:
        if each not in telling.aggregations:
            detail = f"{query.name} is a {kind}, which has {', '.join(telling.aggregations)}, and no {each}"
            raise bad_parameter("aggregation", detail)
    return query.aggregations or (telling.unasked,)


def _parameters(query: MetricQuery) -> dict[str, Any]:
    bound = dict(query.condition.parameters)
    for group in query.groups:
        bound.update(group.parameters)
    # one group more than is shown, to know whether there is one
    rows = (query.limit + 1) * len(query.steps.starts_ns)
    return {**bound, **vars(query.steps), "metric": query.name, "read_ns": query.read_ns, "rows": rows}


def _answer(query: MetricQuery, series: list[dict[str, Any]], warnings: list[str]) -> dict[str, Any]:
    return {
        "start_time_unix_nano": query.steps.first_ns,
        "end_time_unix_nano": query.steps.end_ns,
        "step_ns": query.steps.step_ns,
        "series": series,
        "warnings": warnings,
    }


def _series_of(
    query: MetricQuery,
    kind: Kind,
    aggregations: Iterable[Aggregation],
    labels: list[str],
    rows: Iterable[Row],
) -> Iterator[dict[str, Any]]:
    tell = _TELLERS[kind]
    by_step = {row["step"]: tell(row, query.steps.step_ns / 1e9) for row in rows}
    names = [group.name for group in query.groups]
    for aggregation in aggregations:
        values = (
            (start_ns, by_step[step](aggregation) if step in by_step else None)
            for step, start_ns in enumerate(query.steps.starts_ns)
        )
        yield {
            "measure": aggregation,
            "labels": dict(zip(names, labels, strict=True)),
            "points": [
                {"time_unix_nano": at_ns, "value": value, "exemplar": None} for at_ns, value in values
            ],
        }


Tell = Callable[[Aggregation], float | None]
"""The figure of a step, by what is asked of it."""


def _per_second(row: Row, of: str, step_s: float) -> float | None:
    return None if row[of] is None else row[of] / step_s


def _of_values(row: Row, step_s: float) -> Tell:
    figures = {**row, "rate": _per_second(row, "increase", step_s)}
    return figures.get


def _of_measurements(row: Row, step_s: float) -> dict[str, float | None]:
    count, total = row["count"], row["sum"]
    avg = total / count if count and total is not None else None
    return {**row, "rate": _per_second(row, "count", step_s), "avg": avg}


def _of_histogram(row: Row, step_s: float) -> Tell:
    edges, counts = row["distribution"]
    buckets = (Bucket(lower, upper, count) for (lower, upper), count in zip(edges, counts, strict=True))
    distribution, figures = distribution_of(buckets), _of_measurements(row, step_s)
    return lambda asked: (
        figures.get(asked) if asked.quantile is None else distribution.quantile(asked.quantile)
    )


def _of_summary(row: Row, step_s: float) -> Tell:
    given, figures = dict(zip(*row["distribution"], strict=True)), _of_measurements(row, step_s)
    return lambda asked: figures.get(asked) if asked.quantile is None else given.get(asked.quantile)


_TELLERS: Mapping[Kind, Callable[[Row, float], Tell]] = {
    Kind.GAUGE: _of_values,
    Kind.COUNTER: _of_values,
    Kind.UP_DOWN_COUNTER: _of_values,
    Kind.HISTOGRAM: _of_histogram,
    Kind.EXPONENTIAL_HISTOGRAM: _of_histogram,
    Kind.SUMMARY: _of_summary,
}


def _warnings(
    query: MetricQuery, kind: Kind, aggregations: Iterable[Aggregation], groups: int
) -> Iterator[str]:
    if groups > query.limit:
        yield f"there are more groups: these are the {query.limit} with the most points; raise limit or narrow the filter"
    if kind is Kind.SUMMARY and any(each.quantile is not None for each in aggregations):
        yield "summaries cannot be merged: a quantile is the highest of those given in a step, and null where that one is not given"
