"""Small requests that become large: in memory when they are parsed, and in ClickHouse, which copies a resource to each row."""

import gzip
from collections.abc import AsyncIterator
from typing import Any

import grpc.aio
import httpx
import pytest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import KeyValue
from opentelemetry.proto.metrics.v1.metrics_pb2 import Metric, NumberDataPoint
from opentelemetry.proto.trace.v1.trace_pb2 import Span
from tests.collector.firehose import Recorder
from tests.collector.gates import gate
from tests.collector.receivers import receiver

from coldlight_collector import front_door, otlp_grpc
from coldlight_collector.amplification import ROW_BYTES, bounded
from coldlight_collector.http.messages import Budget, Limits
from coldlight_collector.http.router import router
from coldlight_collector.http.server import serve
from coldlight_collector.intake import TooLarge, Unavailable
from coldlight_collector.json_body import MOST_VALUES
from coldlight_collector.otlp_grpc import GrpcLimits
from coldlight_collector.receiver import Receiver
from coldlight_collector.validate import validate
from coldlight_storage.signals import Signal
from coldlight_storage.testing import metrics_request, span, traces_request

MOST_BYTES = 1 << 20
BODY_BYTES = 8 << 20
BIG = {"huge": "x" * 30_000}


def heavy(spans: int) -> bytes:
    """Spans under a resource of 30,000 bytes."""
    few = [span(number + 1) for number in range(spans)]
    return traces_request(*few, resource_attributes=BIG).SerializeToString()


# What requests come to in ClickHouse


def test_a_resource_counts_once_for_every_item() -> None:
    ten, hundred = (validate(Signal.TRACES, heavy(spans)) for spans in (10, 100))
    assert 10 * 30_000 < ten.expanded_bytes - len(ten.body) - 10 * ROW_BYTES < 10 * 30_100
    assert 100 * 30_000 < hundred.expanded_bytes - len(hundred.body) - 100 * ROW_BYTES < 100 * 30_100


def test_a_small_request_counts_for_the_most_that_it_could_come_to() -> None:
    payload = validate(Signal.TRACES, heavy(1))
    assert payload.expanded_bytes == 2 * len(payload.body) + ROW_BYTES


def test_a_metrics_description_counts_once_for_every_point() -> None:
    metric = Metric(name="m", description="d" * 30_000)
    metric.gauge.data_points.extend([NumberDataPoint(as_int=1)] * 50)
    request: ExportMetricsServiceRequest = metrics_request(metric)
    payload = validate(Signal.METRICS, request.SerializeToString())
    assert 50 * 30_000 < payload.expanded_bytes - len(payload.body) - 50 * ROW_BYTES < 50 * 30_100


# Requests that are refused before they cost anything


@pytest.fixture
async def door(stored: Recorder) -> AsyncIterator[httpx.AsyncClient]:
    """A front door that takes requests of up to 8 MiB, which may expand to 1 MiB."""
    budget = Budget()
    intake = bounded(stored, MOST_BYTES, budget)
    receiver = Receiver(lambda _: intake, budget, BODY_BYTES)
    routes, refuse = front_door.receivers(receiver, gate(), ())
    limits = Limits(body_bytes=BODY_BYTES)
    server = await serve(router(routes, refuse), refuse, "127.0.0.1", 0, limits, budget)
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{server.port}") as client:
        yield client
    assert budget.held == 0
    await server.stop(0)


async def test_a_large_resource_with_many_spans_is_413_that_names_both(
    door: httpx.AsyncClient, stored: Recorder
) -> None:
    headers = {"Content-Type": "application/x-protobuf"}
    answer = await door.post("/v1/traces", content=heavy(100), headers=headers)
    assert answer.status_code == 413
    assert b"resource_spans[0].resource" in answer.content
    assert b"100 items" in answer.content
    assert b"send fewer items at a time, or put less into the resource" in answer.content
    assert (await door.post("/v1/traces", content=heavy(10), headers=headers)).status_code == 200
    assert len(stored.taken) == 1


async def test_what_waits_for_the_disk_is_charged_for_all_it_comes_to() -> None:
    payload, stored, budget = validate(Signal.TRACES, heavy(10)), Recorder(), Budget(limit=400_000)
    take = bounded(stored, MOST_BYTES, budget)
    await take(Signal.TRACES, payload)
    with budget.holding(200_000), pytest.raises(Unavailable, match="send again later"):
        await take(Signal.TRACES, payload)
    assert (len(stored.taken), budget.held) == (1, 0)


async def test_zipkins_tags_are_no_way_around_it(door: httpx.AsyncClient, stored: Recorder) -> None:
    # Tags of a resource are lifted out of the span into one: here each of 100 spans carries its own.
    spans = [
        {"traceId": "1" * 32, "id": f"{number + 1:016x}", "tags": {"k8s.note": f"{number}" + "x" * 20_000}}
        for number in range(60)
    ]
    answer = await door.post("/api/v2/spans", json=spans)
    assert answer.status_code == 413
    assert stored.taken == []


async def test_grpc_says_resource_exhausted_and_not_to_come_again(stored: Recorder) -> None:
    intake = bounded(stored, MOST_BYTES, Budget())
    server = await otlp_grpc.serve(receiver(intake), gate(), "127.0.0.1", 0, GrpcLimits())
    async with grpc.aio.insecure_channel(f"127.0.0.1:{server.port}") as channel:
        export: Any = channel.unary_unary(
            "/opentelemetry.proto.collector.trace.v1.TraceService/Export",
            lambda body: body,
            lambda body: body,
        )
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await export(heavy(100))
    await server.stop(0)
    assert refused.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert "resource_spans[0].resource" in str(refused.value.details())


@pytest.mark.parametrize("parts", ["events", "links", "attributes"])
def test_a_body_full_of_empty_parts_is_refused_before_it_is_parsed(parts: str) -> None:
    empty = {"events": Span.Event(), "links": Span.Link(), "attributes": KeyValue()}[parts]
    request = traces_request(span())
    [scope] = request.resource_spans[0].scope_spans
    getattr(scope.spans[0], parts).extend([empty] * 10_000)
    scope.spans.extend([scope.spans[0]] * 119)
    body = request.SerializeToString()
    with pytest.raises(TooLarge, match="attributes, values, events and links in one request"):
        validate(Signal.TRACES, body)


def test_a_single_span_full_of_empty_parts_is_refused_as_well() -> None:
    request = traces_request(span())
    request.resource_spans[0].scope_spans[0].spans[0].events.extend([Span.Event()] * 1_500_000)
    with pytest.raises(TooLarge, match="in one item or resource"):
        validate(Signal.TRACES, request.SerializeToString())


def test_a_resource_full_of_empty_parts_is_refused_as_well() -> None:
    request = traces_request(span())
    request.resource_spans[0].resource.attributes.extend([KeyValue()] * 1_500_000)
    with pytest.raises(TooLarge, match="in one item or resource"):
        validate(Signal.TRACES, request.SerializeToString())


def test_an_ordinary_request_of_many_megabytes_is_taken() -> None:
    attributes = {f"attribute.{number}": f"value {number}" for number in range(20)}
    few = traces_request(*(span(number + 1, attributes=attributes) for number in range(50)))
    few.resource_spans.extend([few.resource_spans[0]] * 79)
    assert validate(Signal.TRACES, few.SerializeToString()).items == 4_000


async def test_json_of_too_many_values_is_413(door: httpx.AsyncClient) -> None:
    document = b'{"resourceSpans": [' + b"[]," * (MOST_VALUES // 2 + 1) + b"[]]}"
    headers = {"Content-Type": "application/json", "Content-Encoding": "gzip"}
    answer = await door.post("/v1/traces", content=gzip.compress(document), headers=headers)
    assert answer.status_code == 413
    assert "send fewer items at a time" in answer.json()["message"]
