"""OTLP metrics: every figure follows from the points as they were sent."""

import math
import random
from collections import Counter
from collections.abc import Iterable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from opentelemetry.proto.metrics.v1.metrics_pb2 import (
    AGGREGATION_TEMPORALITY_CUMULATIVE,
    AGGREGATION_TEMPORALITY_DELTA,
    DataPointFlags,
    ExponentialHistogram,
    ExponentialHistogramDataPoint,
    Gauge,
    Histogram,
    HistogramDataPoint,
    Metric,
    NumberDataPoint,
    Sum,
    Summary,
    SummaryDataPoint,
)
from tests.query.api import METRICS, Api

from coldlight_query.otlp_metrics import models
from coldlight_query.otlp_metrics.distribution import Bucket, distribution_of
from coldlight_storage.testing import Put, attributes, clock_ns, metrics_request

NAMES = "/api/v1/metrics"
RANGE = {"start": clock_ns(0), "end": clock_ns(120), "step": "1m"}
CUMULATIVE, DELTA = AGGREGATION_TEMPORALITY_CUMULATIVE, AGGREGATION_TEMPORALITY_DELTA


def times(at: float, since: float | None) -> dict[str, Any]:
    """Of a point `at` seconds after noon, of what was counted `since` then (None: nobody tells)."""
    return {
        "time_unix_nano": clock_ns(at),
        "start_time_unix_nano": 0 if since is None else clock_ns(since),
    }


def number(value: float, at: float, since: float | None = None, **of: Any) -> NumberDataPoint:
    return NumberDataPoint(as_double=value, attributes=attributes(of), **times(at, since))


def counter(*points: NumberDataPoint, temporality: int = CUMULATIVE, monotonic: bool = True) -> Metric:
    return Metric(
        name="requests",
        unit="{request}",
        sum=Sum(data_points=points, aggregation_temporality=temporality, is_monotonic=monotonic),  # type: ignore[arg-type]
    )


def gauge(*points: NumberDataPoint) -> Metric:
    return Metric(name="temperature", unit="Cel", description="Of the room", gauge=Gauge(data_points=points))


def histogram(*points: HistogramDataPoint, temporality: int = DELTA) -> Metric:
    data = Histogram(data_points=points, aggregation_temporality=temporality)  # type: ignore[arg-type]
    return Metric(name="duration", unit="s", histogram=data)


def counted(
    bounds: Iterable[float], counts: Iterable[int], at: float, since: float | None = None, **of: Any
) -> HistogramDataPoint:
    counts = list(counts)
    return HistogramDataPoint(
        explicit_bounds=bounds,
        bucket_counts=counts,
        count=sum(counts),
        sum=10.0 * sum(counts),
        attributes=attributes(of),
        **times(at, since),
    )


def exponential(*points: ExponentialHistogramDataPoint, temporality: int = DELTA) -> Metric:
    data = ExponentialHistogram(data_points=points, aggregation_temporality=temporality)  # type: ignore[arg-type]
    return Metric(name="duration", exponential_histogram=data)


def scaled(
    scale: int, offset: int, counts: list[int], at: float, since: float | None = None, **fields: Any
) -> ExponentialHistogramDataPoint:
    return ExponentialHistogramDataPoint(
        scale=scale,
        positive=ExponentialHistogramDataPoint.Buckets(offset=offset, bucket_counts=counts),
        count=sum(counts) + fields.get("zero_count", 0),
        **fields,
        **times(at, since),
    )


async def figures(
    api: Api, metric: str, aggregation: str | None = None, **parameters: Any
) -> dict[tuple[str, ...], list[Any]]:
    """The values of each group over time; of the first two minutes after noon, if nothing else is said."""
    answer = await api.metrics(**{**RANGE, "metric": metric, "aggregation": aggregation or [], **parameters})
    return {
        tuple(each["labels"].values()): [point["value"] for point in each["points"]]
        for each in answer["series"]
    }


async def test_the_listing_tells_what_there_is(api: Api, put: Put) -> None:
    put(metrics_request(gauge(number(20, at=-3)), counter(number(1, at=-2)), service="shop"))
    put(metrics_request(counter(number(1, at=-1)), service="bill"))
    found = (await api.get(models.Metrics, NAMES))["metrics"]
    assert [(each["name"], each["kind"], each["unit"], each["services"]) for each in found] == [
        ("requests", "counter", "{request}", ["bill", "shop"]),
        ("temperature", "gauge", "Cel", ["shop"]),
    ]
    assert found[0]["temporalities"] == ["cumulative"]
    assert (found[1]["description"], found[1]["points"]) == ("Of the room", 1)
    of_bill = await api.get(models.Metrics, NAMES, filter='service = "bill"', name="quest")
    assert [(each["name"], each["points"]) for each in of_bill["metrics"]] == [("requests", 1)]
    first = await api.get(models.Metrics, NAMES, limit=1)
    rest = await api.get(models.Metrics, NAMES, limit=1, cursor=first["next_cursor"])
    assert [page["metrics"][0]["name"] for page in (first, rest)] == ["requests", "temperature"]
    assert rest["next_cursor"] is None


async def test_a_gauge_has_its_values(api: Api, put: Put) -> None:
    put(metrics_request(gauge(number(1, 10, room="a"), number(3, 20, room="a"), number(8, 15, room="b"))))
    assert await figures(api, "temperature") == {(): [4, None]}
    assert await figures(api, "temperature", "min") == {(): [1, None]}
    assert await figures(api, "temperature", "max") == {(): [8, None]}
    assert await figures(api, "temperature", "last") == {(): [3, None]}
    # what the rooms have together at the end of the step: not each reading, once more
    assert await figures(api, "temperature", "sum") == {(): [11, None]}
    by_room = await figures(api, "temperature", "avg", group_by='attributes["room"]')
    assert by_room == {("a",): [2, None], ("b",): [8, None]}


async def test_a_filter_narrows_points(api: Api, put: Put) -> None:
    put(metrics_request(gauge(number(1, 10, room="a"), number(3, 20, room="b"))))
    assert await figures(api, "temperature", filter='attributes["room"] = "b"') == {(): [3, None]}
    assert "room" in (await api.problem(400, METRICS, metric="temperature", filter="room = 1"))["detail"]


async def test_a_counter_tells_what_was_added(api: Api, put: Put) -> None:
    put(metrics_request(counter(number(100, -30, -9999), number(130, 30, -9999), number(190, 90, -9999))))
    assert await figures(api, "requests", "increase") == {(): [30, 60]}
    assert await figures(api, "requests") == {(): [0.5, 1]}  # its rate, unless something else is asked for


async def test_a_counter_of_deltas_adds_up(api: Api, put: Put) -> None:
    points = [number(3, 20, 10), number(4, 30, 20), number(5, 70, 30)]
    put(metrics_request(counter(*points, temporality=DELTA)))
    assert await figures(api, "requests", "increase") == {(): [7, 5]}
    assert await figures(api, "requests", "sum") == {(): [7, 5]}


async def test_after_a_reset_a_counter_begins_at_zero(api: Api, put: Put) -> None:
    """Whether a start is told or not; also if it has more than before by then."""
    told = [number(10, -10, -100), number(15, 10, -100), number(20, 30, 20), number(21, 40, 20)]
    untold = [number(10, -10, who="b"), number(15, 10, who="b"), number(2, 30, who="b")]
    put(metrics_request(counter(*told, *untold)))
    by_who = await figures(api, "requests", "increase", group_by='attributes["who"]')
    assert by_who == {("",): [5 + 20 + 1, None], ("b",): [5 + 2, None]}


async def test_what_was_counted_before_anybody_looked_is_not_known(api: Api, put: Put) -> None:
    """A first point counts if its start is known; one of no duration begins a sequence (metrics data model, "Resets and Gaps")."""
    put(metrics_request(counter(number(7, 10, 5, who="new"), number(1000, 10, -99_999, who="old"))))
    put(metrics_request(counter(number(1000, 10, 10, who="resumed"), number(1002, 20, 10, who="resumed"))))
    by_who = await figures(api, "requests", "increase", group_by='attributes["who"]')
    assert by_who == {("new",): [7, None], ("old",): [None, None], ("resumed",): [2, None]}


async def test_an_up_down_counter_is_as_it_stands(api: Api, put: Put) -> None:
    put(metrics_request(counter(number(5, 10, -9), number(3, 70, -9), monotonic=False)))
    assert await figures(api, "requests") == {(): [5, 3]}
    assert (await figures(api, "requests", "increase"))[()][1] == -2


async def test_a_point_counts_once_and_one_of_nothing_not_at_all(api: Api, put: Put) -> None:
    nothing = NumberDataPoint(flags=DataPointFlags.DATA_POINT_FLAGS_NO_RECORDED_VALUE_MASK, **times(30, None))
    for _ in range(2):
        put(metrics_request(counter(number(3, 20, 10), nothing, temporality=DELTA)))
    assert await figures(api, "requests", "increase") == {(): [3, None]}


async def test_histograms_of_other_bounds_and_minutes_are_merged(api: Api, put: Put) -> None:
    put(metrics_request(histogram(counted([1, 2], [0, 10, 0], at=10), counted([1, 2], [0, 0, 10], at=20))))
    put(metrics_request(histogram(counted([4], [20, 0], at=30, who="b"))))
    assert await figures(api, "duration", "count") == {(): [40, None]}
    assert await figures(api, "duration", "avg") == {(): [10, None]}
    # 20 evenly up to 4, 10 between 1 and 2, 10 beyond 2
    [[p50, _]] = (await figures(api, "duration", "p50")).values()
    assert p50 == pytest.approx(2.0)
    assert await figures(api, "duration", "p99") == {(): [pytest.approx(3.92), None]}


async def test_a_cumulative_histogram_tells_what_was_added(api: Api, put: Put) -> None:
    points = [counted([1, 2], [9, 1, 0], -30, -999), counted([1, 2], [9, 5, 0], 30, -999)]
    after_a_reset = counted([1, 2], [0, 0, 3], 90, 60)
    put(metrics_request(histogram(*points, after_a_reset, temporality=CUMULATIVE)))
    assert await figures(api, "duration", "count") == {(): [4, 3]}
    assert await figures(api, "duration", "p50") == {(): [1.5, 2]}
    assert await figures(api, "duration", "rate") == {(): [pytest.approx(4 / 60), 0.05]}


async def test_an_exponential_histogram_has_quantiles_at_any_scale(api: Api, put: Put) -> None:
    finer, coarser = scaled(1, 2, [4, 4], at=10), scaled(0, 1, [8], at=20)  # both between 2 and 4
    put(metrics_request(exponential(finer, coarser)))
    [[p50, _]] = (await figures(api, "duration", "p50")).values()
    assert 2 < p50 < 4
    [[p99, _]] = (await figures(api, "duration", "p99")).values()
    assert p50 < p99 < 4


async def test_a_cumulative_exponential_histogram_may_become_coarser(api: Api, put: Put) -> None:
    before = scaled(1, 2, [4, 4], -10, -99, zero_count=1)  # between 2 and 4
    now = scaled(0, 1, [8, 6], 10, -99, zero_count=1)  # six more, between 4 and 8
    put(metrics_request(exponential(before, now, temporality=CUMULATIVE)))
    assert await figures(api, "duration", "count") == {(): [6, None]}
    assert await figures(api, "duration", "p50") == {(): [6, None]}


async def test_a_summary_has_the_quantiles_that_are_given(api: Api, put: Put) -> None:
    at = SummaryDataPoint.ValueAtQuantile
    quantiles = [at(quantile=0, value=1), at(quantile=0.95, value=7), at(quantile=1, value=9)]
    point = SummaryDataPoint(count=4, sum=12, quantile_values=quantiles, **times(30, 0))
    put(metrics_request(Metric(name="latency", summary=Summary(data_points=[point]))))
    told = {
        of: (await figures(api, "latency", of))[()][0] for of in ("count", "avg", "min", "p95", "max", "p50")
    }
    assert told == {"count": 4, "avg": 3, "min": 1, "p95": 7, "max": 9, "p50": None}


async def test_groups_with_the_most_points_are_told(api: Api, put: Put) -> None:
    put(metrics_request(gauge(number(1, 1, room="a"), number(1, 2, room="b"), number(1, 3, room="b"))))
    answer = await api.metrics(metric="temperature", group_by='attributes["room"]', limit=1, **RANGE)
    assert [each["labels"] for each in answer["series"]] == [{'attributes["room"]': "b"}]
    assert "raise limit" in answer["warnings"][0]


async def test_mistakes_are_named(api: Api, put: Put) -> None:
    put(metrics_request(gauge(number(1, 1))))
    unknown = await api.metrics(metric="temprature", **RANGE)
    assert unknown["series"] == []
    assert "/metrics lists" in unknown["warnings"][0]
    for parameters, told in (
        ({"metric": "temperature", "aggregation": "rate"}, "is a gauge, which has avg"),
        ({"metric": "temperature", "aggregation": "p42"}, "aggregation"),
        ({"metric": "temperature", "measure": "calls"}, "measure"),
        ({"aggregation": "rate"}, "metric"),
    ):
        assert told in str((await api.problem(400, METRICS, **RANGE, **parameters))["detail"]), parameters
    put(metrics_request(Metric(name="temperature", sum=Sum(data_points=[number(1, 1)])), service="bill"))
    assert "by service" in (await api.problem(400, METRICS, metric="temperature", **RANGE))["detail"]


def run_of(made: random.Random, run: str) -> tuple[list[NumberDataPoint], list[NumberDataPoint], int]:
    """A counter of two minutes that is reset now and then: as totals, as deltas, and what it counted in all."""
    totals, deltas, total, since, last, counted_in_all = [], [], 0, -1.0, -1.0, 0
    for at in sorted(made.sample(range(120), k=made.randint(1, 20))):
        if made.random() < 0.3:
            total, since = 0, max(last, at - 1.0)
        added = made.randint(0, 9)
        total, counted_in_all = total + added, counted_in_all + added
        totals.append(number(total, at, since, run=run))
        deltas.append(number(added, at, last, run=run))
        last = at
    return totals, deltas, counted_in_all


@pytest.mark.parametrize("temporality", [CUMULATIVE, DELTA])
async def test_what_the_parts_of_a_stretch_add_is_what_it_adds(api: Api, put: Put, temporality: int) -> None:
    """However it is cut, wherever counters are reset, and whether they are told as totals or as deltas."""
    made = random.Random(7)
    runs = {f"{run}": run_of(made, f"{run}") for run in range(30)}
    points = [
        point for totals, deltas, _ in runs.values() for point in (deltas if temporality == DELTA else totals)
    ]
    put(metrics_request(counter(*points, temporality=temporality)))
    counted_in_all = {(run,): in_all for run, (_, _, in_all) in runs.items()}
    for step, cut in (("120s", 120), ("40s", 40), ("8s", 64), ("1s", 59)):
        added: Counter[tuple[str, ...]] = Counter()
        for start, end in ((0, cut), (cut, 120)):
            if start < end:
                asked = {"start": clock_ns(start), "end": clock_ns(end), "step": step}
                parts = await figures(api, "requests", "increase", group_by='attributes["run"]', **asked)
                added.update({run: sum(filter(None, of_steps)) for run, of_steps in parts.items()})
        assert added == counted_in_all, step


@given(
    st.lists(st.tuples(st.integers(-5, 50), st.integers(1, 20), st.integers(0, 9)), min_size=1, max_size=8),
    st.floats(0, 1),
)
@settings(max_examples=100)
def test_a_quantile_lies_in_a_bucket_that_has_something(made: list[tuple[int, int, int]], q: float) -> None:
    buckets = [Bucket(lower, lower + width, count) for lower, width, count in made]
    value = distribution_of(buckets).quantile(q)
    if not any(bucket.count for bucket in buckets):
        assert value is None
    else:
        assert value is not None
        assert any(each.lower <= value <= each.upper for each in buckets if each.count)
        below = sum(each.count for each in buckets if each.upper <= value)
        not_above = sum(each.count for each in buckets if each.lower <= value)
        rank = q * sum(each.count for each in buckets)
        assert below <= rank + 1e-6
        assert not_above >= rank - 1e-6


def test_beyond_the_last_bound_nothing_is_known() -> None:
    open_ended = distribution_of([Bucket(-math.inf, 2, 1), Bucket(2, math.inf, 1)])
    assert (open_ended.quantile(0.25), open_ended.quantile(0.9)) == (1, 2)
    assert distribution_of([Bucket(-math.inf, -3, 1)]).quantile(0.5) == -3
    assert distribution_of([Bucket(-math.inf, math.inf, 1)]).quantile(0.5) is None
