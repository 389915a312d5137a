"""Metrics in log lines (CloudWatch's Embedded Metric Format): points beside the line, which stays as it is."""

import json
from typing import Any

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.collector.firehose import (
    INVOCATION,
    LAMBDA,
    NOON_MS,
    Recorder,
    deliver,
    gzipped,
    log_event,
    plain,
    subscription,
)

from coldlight_collector.firehose import emf
from coldlight_storage.testing import clock_ns

DELTA = 1


def line(
    values: dict[str, Any],
    *,
    metrics: list[Any] | None = None,
    dimensions: Any = (("service",),),
    namespace: Any = "shop",
    timestamp: Any = NOON_MS + 7000,
) -> str:
    """A line that measures `values`, or the `metrics` of them, for the service "orders"."""
    named = [{"Name": name, "Unit": "Milliseconds"} for name in values] if metrics is None else metrics
    directive = {"Namespace": namespace, "Dimensions": dimensions, "Metrics": named}
    return json.dumps(
        {"_aws": {"Timestamp": timestamp, "CloudWatchMetrics": [directive]}, "service": "orders", **values}
    )


async def send(door: httpx.AsyncClient, *texts: str) -> None:
    events = [log_event(text, number) for number, text in enumerate(texts)]
    assert (await deliver(door, gzipped(subscription(*events, **LAMBDA)))).status_code == 200


async def test_a_number_is_a_gauge_of_its_namespace(door: httpx.AsyncClient, stored: Recorder) -> None:
    text = line({"latency": 23})
    await send(door, text)
    ((scope, metric),) = stored.metrics()
    (point,) = metric.gauge.data_points
    assert (scope, metric.name, metric.unit) == ("shop", "latency", "ms")
    assert (point.as_double, point.time_unix_nano) == (23.0, clock_ns(7))
    assert plain(point.attributes) == {"service": "orders"}
    assert stored.metric_resources() == stored.log_resources()
    assert stored.bodies() == [text]


async def test_each_set_of_dimensions_has_a_point(door: httpx.AsyncClient, stored: Recorder) -> None:
    sets = [["service", "stage"], ["service"], ["stage", "service"], []]
    await send(door, line({"n": 1}, dimensions=sets)[:-1] + ', "stage": 5}')
    ((_, metric),) = stored.metrics()
    assert [plain(point.attributes) for point in metric.gauge.data_points] == [
        {"service": "orders", "stage": "5"},
        {"service": "orders"},
        {},
    ]


@pytest.mark.parametrize("dimensions", [[], [[]], None, "service"])
async def test_without_dimensions_there_is_one_point(
    door: httpx.AsyncClient, stored: Recorder, dimensions: Any
) -> None:
    await send(door, line({"n": 1}, dimensions=dimensions))
    ((_, metric),) = stored.metrics()
    assert [plain(point.attributes) for point in metric.gauge.data_points] == [{}]


@pytest.mark.parametrize("value", [[3, 1, 3], {"Values": [1, 3], "Counts": [1, 2]}])
async def test_several_values_are_a_histogram_that_loses_none(
    door: httpx.AsyncClient, stored: Recorder, value: Any
) -> None:
    await send(door, line({"n": value}))
    ((_, metric),) = stored.metrics()
    (point,) = metric.histogram.data_points
    assert metric.histogram.aggregation_temporality == DELTA
    assert (point.count, point.sum, point.min, point.max) == (3, 7.0, 1.0, 3.0)
    assert (list(point.explicit_bounds), list(point.bucket_counts)) == ([1.0, 3.0], [1, 2, 0])


async def test_statistics_are_a_summary(door: httpx.AsyncClient, stored: Recorder) -> None:
    await send(door, line({"n": {"Max": 9, "Min": 1, "Sum": 12, "Count": 3}}))
    ((_, metric),) = stored.metrics()
    (point,) = metric.summary.data_points
    assert (point.count, point.sum) == (3, 12.0)
    assert {one.quantile: one.value for one in point.quantile_values} == {0.0: 1.0, 1.0: 9.0}


async def test_text_may_stand_before_the_object(door: httpx.AsyncClient, stored: Recorder) -> None:
    text = f"2026-11-23T12:00:00.000Z\t{INVOCATION}\tINFO\t{line({'n': 1})}"
    await send(door, text)
    assert len(stored.metrics()) == 1
    (record,) = stored.log_records()
    assert (record.body.string_value, record.severity_text) == (text, "INFO")


@pytest.mark.parametrize("timestamp", [None, "noon", -5, 2**62])
async def test_without_a_time_the_time_of_the_event_counts(
    door: httpx.AsyncClient, stored: Recorder, timestamp: Any
) -> None:
    await send(door, line({"n": 1}, timestamp=timestamp))
    ((_, metric),) = stored.metrics()
    assert metric.gauge.data_points[0].time_unix_nano == clock_ns()


@pytest.mark.parametrize(
    ("values", "metrics"),
    [
        ({"n": "5"}, None),
        ({"n": True}, None),
        ({"n": None}, None),
        ({"n": []}, None),
        ({"n": [1, "2"]}, None),
        ({"n": {"Values": [1], "Counts": [1, 2]}}, None),
        ({"n": {"Values": [1], "Counts": [-1]}}, None),
        ({"n": {"Sum": 5}}, None),
        ({"n": [1] * 101}, None),
        ({"n" * 1025: 1}, None),
        ({}, [{"Name": "absent"}]),
        ({"n": 1}, [{"Unit": "Count"}, {"Name": 5}, "n", {"Name": "n", "Unit": 5}]),
    ],
)
async def test_what_is_no_metric_makes_no_point_and_costs_no_other(
    door: httpx.AsyncClient, stored: Recorder, values: dict[str, Any], metrics: list[Any] | None
) -> None:
    bad, good = line(values, metrics=metrics), line({"good": 1})
    await send(door, bad, good)
    assert [metric.name for _, metric in stored.metrics()] == ["good"]
    assert stored.bodies() == [bad, good]


@pytest.mark.parametrize(
    "text",
    [
        '"_aws"',
        '{"_aws"',
        '{"_aws": 5}',
        '{"_aws": {"CloudWatchMetrics": 5}}',
        '{"_aws": {"CloudWatchMetrics": [5, {}]}}',
        line({"n": 1}, namespace=None),
    ],
)
async def test_a_line_that_only_looks_like_it_is_a_log_record(
    door: httpx.AsyncClient, stored: Recorder, text: str
) -> None:
    await send(door, text)
    assert (stored.bodies(), stored.metrics()) == ([text], [])


async def test_a_line_of_too_many_points_says_that_not_all_were_taken(
    door: httpx.AsyncClient, stored: Recorder
) -> None:
    values = {f"m{number}": number for number in range(emf.MOST_POINTS + 1)}
    await send(door, line(values), line({"good": 1}))
    assert len(stored.metrics()) == emf.MOST_POINTS + 1
    large, small = stored.log_records()
    assert plain(large.attributes)["coldlight.truncated"] == ["metrics"]
    assert "coldlight.truncated" not in plain(small.attributes)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=10,
)


@settings(max_examples=50)
@given(JSON, JSON, JSON, JSON)
def test_no_line_is_too_strange_to_be_looked_at(
    metrics: Any, dimensions: Any, value: Any, timestamp: Any
) -> None:
    directive = {"Namespace": "shop", "Dimensions": dimensions, "Metrics": metrics}
    for directives in (metrics, [directive], [{**directive, "Metrics": [{"Name": "n"}]}]):
        text = json.dumps({"_aws": {"Timestamp": timestamp, "CloudWatchMetrics": directives}, "n": value})
        for measurement in emf.measurements(text, clock_ns()):
            assert measurement.time_unix_nano > 0
