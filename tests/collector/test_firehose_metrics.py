"""CloudWatch Metric Streams through Firehose, in both formats: the same metric gives the same rows."""

import json
from typing import Any

import httpx
import pytest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.metrics.v1.metrics_pb2 import Metric, Summary, SummaryDataPoint
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from tests.collector.firehose import ACCOUNT, NOON_MS, Recorder, deliver, gzipped, plain

from coldlight_storage.testing import attributes, clock_ns

STREAM_ARN = f"arn:aws:cloudwatch:eu-west-1:{ACCOUNT}:metric-stream/everything"
RESOURCE = {
    "cloud.provider": "aws",
    "cloud.account.id": ACCOUNT,
    "cloud.region": "eu-west-1",
    "aws.exporter.arn": STREAM_ARN,
}
POINT = {"Namespace": "AWS/Lambda", "MetricName": "Duration", "Dimensions": {"FunctionName": "orders"}}


def data_point(**fields: Any) -> dict[str, Any]:
    """A line of a metric stream in JSON."""
    return {
        "metric_stream_name": "everything",
        "account_id": ACCOUNT,
        "region": "eu-west-1",
        "namespace": "AWS/Lambda",
        "metric_name": "Duration",
        "dimensions": {"FunctionName": "orders"},
        "timestamp": NOON_MS,
        "value": {"max": 18.0, "min": 0.5, "sum": 20.0, "count": 3.0},
        "unit": "Milliseconds",
        **fields,
    }


def lines(*documents: dict[str, Any]) -> bytes:
    return b"".join(json.dumps(document).encode() + b"\n" for document in documents)


def otlp(
    *points: SummaryDataPoint, name: str = "amazonaws.com/AWS/Lambda/Duration"
) -> ExportMetricsServiceRequest:
    """A request as CloudWatch writes it in its OpenTelemetry 1.0 format."""
    request = ExportMetricsServiceRequest()
    group = request.resource_metrics.add(resource=Resource(attributes=attributes(RESOURCE)))
    group.scope_metrics.add(metrics=[Metric(name=name, unit="ms", summary=Summary(data_points=points))])
    return request


def summary_point(at: float = 0) -> SummaryDataPoint:
    point = SummaryDataPoint(
        start_time_unix_nano=clock_ns(at - 60),
        time_unix_nano=clock_ns(at),
        count=3,
        sum=20.0,
        attributes=attributes(POINT),
    )
    point.quantile_values.add(quantile=0.0, value=0.5)
    point.quantile_values.add(quantile=1.0, value=18.0)
    return point


def framed(*messages: ExportMetricsServiceRequest) -> bytes:
    """Each message behind its length."""
    return b"".join(_varint(message.ByteSize()) + message.SerializeToString() for message in messages)


def _varint(number: int) -> bytes:
    return bytes([number]) if number < 128 else bytes([number & 127 | 128]) + _varint(number >> 7)


def quantiles(point: Any) -> dict[float, float]:
    return {one.quantile: one.value for one in point.quantile_values}


# JSON


async def test_a_data_point_in_json_becomes_a_summary(door: httpx.AsyncClient, stored: Recorder) -> None:
    response = await deliver(door, lines(data_point()))
    assert response.status_code == 200
    ((_, metric),) = stored.metrics()
    (point,) = metric.summary.data_points
    assert (metric.name, metric.unit) == ("amazonaws.com/AWS/Lambda/Duration", "ms")
    assert (point.count, point.sum, quantiles(point)) == (3, 20.0, {0.0: 0.5, 1.0: 18.0})
    assert (point.start_time_unix_nano, point.time_unix_nano) == (0, clock_ns())
    assert plain(point.attributes) == POINT
    assert stored.metric_resources() == [RESOURCE]


async def test_percentiles_are_quantiles_and_other_statistics_are_points_of_their_own(
    door: httpx.AsyncClient, stored: Recorder
) -> None:
    value = {
        "max": 18.0,
        "min": 0.5,
        "sum": 20.0,
        "count": 3.0,
        "p99": 17.5,
        "p99.9": 17.9,
        "TM(25%:75%)": 16.4,
    }
    await deliver(door, lines(data_point(value=value)))
    (_, summary), (_, gauge) = stored.metrics()
    expected = {0.0: 0.5, 0.99: 17.5, 0.999: 17.9, 1.0: 18.0}
    assert quantiles(summary.summary.data_points[0]) == expected
    (point,) = gauge.gauge.data_points
    assert (gauge.name, point.as_double) == (summary.name, 16.4)
    assert plain(point.attributes) == {**POINT, "Statistic": "TM(25%:75%)"}


async def test_points_of_one_metric_come_together_and_resources_stay_apart(
    door: httpx.AsyncClient, stored: Recorder
) -> None:
    here, there = data_point(), data_point(region="us-east-1")
    await deliver(door, lines(here, {**here, "timestamp": NOON_MS + 60_000}, there), lines(here))
    assert [len(metric.summary.data_points) for _, metric in stored.metrics()] == [3, 1]
    assert [resource["cloud.region"] for resource in stored.metric_resources()] == ["eu-west-1", "us-east-1"]


@pytest.mark.parametrize(
    ("unit", "ucum"),
    [
        ("Seconds", "s"),
        ("Bytes/Second", "By/s"),
        ("Count", "{Count}"),
        ("Percent", "%"),
        ("None", "1"),
        (None, "1"),
        ("Furlongs", "Furlongs"),
    ],
)
async def test_units_are_those_that_cloudwatch_writes_in_otlp(
    door: httpx.AsyncClient, stored: Recorder, unit: str | None, ucum: str
) -> None:
    await deliver(door, lines(data_point(unit=unit)))
    assert [metric.unit for _, metric in stored.metrics()] == [ucum]


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"metric_stream_name": 5}, "metric_stream_name: expected a string"),
        ({"region": None}, "region: expected a string"),
        ({"namespace": None}, "namespace: expected a string"),
        ({"timestamp": "noon"}, "timestamp: expected milliseconds"),
        ({"timestamp": 2**62}, "timestamp: expected milliseconds"),
        ({"dimensions": ["a"]}, "dimensions: expected an object"),
        ({"dimensions": {"a": 5}}, "a: expected a string"),
        ({"dimensions": {str(n): "x" for n in range(31)}}, "dimensions: expected an object of at most 30"),
        ({"dimensions": {"x" * 1025: "x"}}, "dimensions: names of at most"),
        ({"unit": 5}, "unit: expected a string"),
        ({"metric_name": "x" * 1025}, "metric_name: expected a string of at most 1024"),
        ({"value": 5}, "value: expected an object of numbers"),
        ({"value": {"count": "5"}}, "value: expected an object of numbers"),
        ({"value": {"sum": 5}}, "value: expected count and sum"),
        ({"value": {"sum": 5, "count": -1}}, "value: expected count and sum"),
        ({"value": {f"p{n}": n for n in range(1, 100)} | {"sum": 1, "count": 1}}, "at most 100"),
    ],
)
async def test_a_data_point_that_is_none_is_kept_as_it_was_sent_and_costs_no_other(
    door: httpx.AsyncClient, stored: Recorder, fields: dict[str, Any], reason: str
) -> None:
    response = await deliver(door, lines(data_point(), data_point(**fields), data_point()))
    assert response.status_code == 200
    assert [len(metric.summary.data_points) for _, metric in stored.metrics()] == [2]
    (record,) = stored.log_records()
    assert json.loads(record.body.string_value) == data_point(**fields)
    assert reason in plain(record.attributes)["coldlight.firehose.reason"]


# OpenTelemetry 1.0


async def test_otlp_messages_are_stored_as_sent(door: httpx.AsyncClient, stored: Recorder) -> None:
    first, second = otlp(summary_point()), otlp(summary_point(60), summary_point(120))
    response = await deliver(door, framed(first, second), framed(first))
    assert response.status_code == 200
    (request,) = stored.requests(stored.taken[0][0])
    assert list(request.resource_metrics) == [
        *first.resource_metrics,
        *second.resource_metrics,
        *first.resource_metrics,
    ]
    assert [payload.items for _, payload in stored.taken] == [4]


async def test_both_formats_give_the_same_but_for_the_start_that_json_leaves_out(
    door: httpx.AsyncClient, stored: Recorder
) -> None:
    await deliver(door, lines(data_point()))
    await deliver(door, framed(otlp(summary_point())))
    (_, in_json), (_, in_otlp) = stored.metrics()
    in_otlp.summary.data_points[0].start_time_unix_nano = 0
    assert in_json == in_otlp
    assert stored.metric_resources() == [RESOURCE, RESOURCE]


async def test_common_attributes_join_the_resource_but_never_replace_what_aws_says(
    door: httpx.AsyncClient, stored: Recorder
) -> None:
    header = json.dumps({"commonAttributes": {"team": "shop", "cloud.region": "elsewhere"}})
    headers = {"X-Amz-Firehose-Common-Attributes": header}
    await deliver(door, lines(data_point()), framed(otlp(summary_point())), headers=headers)
    assert stored.metric_resources() == [{**RESOURCE, "team": "shop"}] * 2


async def test_a_message_whose_length_looks_like_json_is_otlp(
    door: httpx.AsyncClient, stored: Recorder
) -> None:
    request = ExportMetricsServiceRequest()
    group = request.resource_metrics.add()
    metric = group.scope_metrics.add().metrics.add(name="n")
    metric.gauge.data_points.add(as_int=1)
    metric.description = "x" * (123 - request.ByteSize() - 2)
    record = framed(request)
    assert record.startswith(b"{\n")
    await deliver(door, record)
    assert [name.description for _, name in stored.metrics()] == [metric.description]


async def test_a_broken_message_costs_no_other(door: httpx.AsyncClient, stored: Recorder) -> None:
    good = framed(otlp(summary_point()))
    broken = b"\x04\x0a\x7fab"
    assert (await deliver(door, good + broken + good)).status_code == 200
    assert len(stored.metrics()) == 2
    (record,) = stored.log_records()
    assert record.body.string_value == broken.decode()


async def test_a_message_that_is_cut_short_is_kept_as_it_was_sent(
    door: httpx.AsyncClient, stored: Recorder
) -> None:
    good = framed(otlp(summary_point()))
    await deliver(door, good + good[:-1])
    assert len(stored.metrics()) == 1
    (record,) = stored.log_records()
    assert (record.body.string_value.encode() or record.body.bytes_value) == good[:-1]


# OpenTelemetry 0.7


def old_format() -> bytes:
    """One double summary with labels, as OpenTelemetry 0.7 has it: `labels` = 1, a StringKeyValue."""
    label = b"\x0a\x09Namespace\x12\x0aAWS/Lambda"
    point = b"\x0a" + bytes([len(label)]) + label + b"\x19" + clock_ns().to_bytes(8, "little")
    summary = b"\x0a" + bytes([len(point)]) + point
    metric = b"\x0a\x01n" + b"\x5a" + bytes([len(summary)]) + summary
    scope = b"\x12" + bytes([len(metric)]) + metric
    resource = b"\x12" + bytes([len(scope)]) + scope
    return _varint(len(resource) + 2) + b"\x0a" + bytes([len(resource)]) + resource


async def test_a_stream_of_opentelemetry_0_7_is_refused_and_told_what_to_change(
    door: httpx.AsyncClient, stored: Recorder
) -> None:
    response = await deliver(door, old_format(), b"", old_format())
    assert (response.status_code, stored.taken) == (400, [])
    assert "change the metric stream's output format to OpenTelemetry 1.0" in response.json()["errorMessage"]


async def test_beside_readable_records_opentelemetry_0_7_is_kept_as_it_was_sent(
    door: httpx.AsyncClient, stored: Recorder
) -> None:
    response = await deliver(door, old_format(), gzipped(data_point()))
    assert (response.status_code, len(stored.metrics())) == (200, 1)
    (record,) = stored.log_records()
    assert (record.body.bytes_value or record.body.string_value.encode()) == old_format()
    assert "OpenTelemetry 0.7" in plain(record.attributes)["coldlight.firehose.reason"]
