"""Series of measures over time, from the spans themselves."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from coldlight_query.filters import Compiled, Selected
from coldlight_query.red.measures import Measure, is_of_failures, value_of, value_of_nothing
from coldlight_query.statements import statement
from coldlight_storage import Reader, Row

_NS_PER_S = 10**9
MOST_STEPS = 1_500
_WANTED_STEPS = 120
_STEPS_S = (1, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1_800, 3_600, 7_200, 14_400, 21_600, 43_200, 86_400)


@dataclass(frozen=True)
class Steps:
    """Stretches of time of one length, the first of which begins at a whole multiple of it; [first_ns, end_ns)."""

    first_ns: int
    end_ns: int
    step_ns: int

    @property
    def starts_ns(self) -> range:
        return range(self.first_ns, self.end_ns, self.step_ns)


def steps_of(start_ns: int, end_ns: int, step_ns: int | None) -> Steps:
    """The steps that cover [start_ns, end_ns); without a length, about 120 of a round one."""
    if step_ns is None:
        wanted_s = (end_ns - start_ns) / _NS_PER_S / _WANTED_STEPS
        step_ns = next((step for step in _STEPS_S if step >= wanted_s), _STEPS_S[-1]) * _NS_PER_S
    first_ns = start_ns - start_ns % step_ns
    return Steps(first_ns, first_ns - (first_ns - end_ns) // step_ns * step_ns, step_ns)


@dataclass(frozen=True)
class RedQuery:
    """Which spans are measured, how, and by what they are grouped; `limit` groups, those with the most calls."""

    measures: tuple[Measure, ...]
    condition: Compiled
    groups: tuple[Selected, ...]
    steps: Steps
    limit: int


def read_series(store: Reader, query: RedQuery) -> dict[str, Any]:
    """`models.MetricSeries`. Raises what `Reader.select` raises."""
    rows = store.select(_sql(query), _parameters(query))
    groups = [(labels, list(of_group)) for labels, of_group in groupby(rows, key=lambda row: row["labels"])]
    shown = groups[: query.limit]
    return {
        "start_time_unix_nano": query.steps.first_ns,
        "end_time_unix_nano": query.steps.end_ns,
        "step_ns": query.steps.step_ns,
        "series": [_series(query, measure, *group) for group in shown for measure in query.measures],
        "warnings": list(_warnings(query, len(groups))),
    }


def _sql(query: RedQuery) -> str:
    labels = ", ".join(group.sql for group in query.groups)
    return statement("red/series").replace("$labels", labels).replace("$condition", query.condition.row.sql)


def _parameters(query: RedQuery) -> dict[str, Any]:
    bound = dict(query.condition.row.parameters)
    for group in query.groups:
        bound.update(group.parameters)
    # one group more than is shown, to know whether there is one
    rows = (query.limit + 1) * len(query.steps.starts_ns)
    return {**bound, **vars(query.steps), "rows": rows}


def _series(query: RedQuery, measure: Measure, labels: list[str], rows: Iterable[Row]) -> dict[str, Any]:
    names = (group.name for group in query.groups)
    return {
        "measure": measure,
        "labels": dict(zip(names, labels, strict=True)),
        "points": list(_points(query.steps, measure, {row["step"]: row for row in rows})),
    }


def _points(steps: Steps, measure: Measure, rows: dict[int, Row]) -> Iterator[dict[str, Any]]:
    for step, start_ns in enumerate(steps.starts_ns):
        row = rows.get(step)
        value = (
            value_of_nothing(measure) if row is None else value_of(measure, row, steps.step_ns / _NS_PER_S)
        )
        yield {"time_unix_nano": start_ns, "value": value, "exemplar": row and _exemplar(measure, row)}


def _exemplar(measure: Measure, row: Row) -> dict[str, str] | None:
    """The span that explains the figure best; none where nothing failed."""
    trace_id, span_id = row["failed"] if is_of_failures(measure) else row["slowest"]
    return {"trace_id": trace_id, "span_id": span_id} if trace_id else None


def _warnings(query: RedQuery, groups: int) -> Iterator[str]:
    if groups > query.limit:
        yield f"there are more groups: these are the {query.limit} with the most calls; raise limit or narrow the filter"
