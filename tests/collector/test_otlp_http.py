"""OTLP/HTTP, row by row of its specification: what exporters send, and what they are told."""

import asyncio
import gzip
import zlib
from collections.abc import AsyncIterator, Callable
from typing import Any

import httpx
import pytest
import zstandard
from google.protobuf.message import Message
from google.rpc.code_pb2 import Code
from google.rpc.error_details_pb2 import BadRequest
from google.rpc.status_pb2 import Status
from opentelemetry.exporter.otlp.proto.http import Compression
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import (
    ExportLogsServiceRequest,
    ExportLogsServiceResponse,
)
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
    ExportMetricsServiceResponse,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord, ResourceLogs, ScopeLogs
from opentelemetry.proto.metrics.v1.metrics_pb2 import (
    Gauge,
    Metric,
    NumberDataPoint,
    ResourceMetrics,
    ScopeMetrics,
)
from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans, ScopeSpans, Span
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from tests.collector.gates import gate
from tests.collector.receivers import Recorder

from coldlight_collector import otlp_http
from coldlight_collector.http.messages import Budget, Limits
from coldlight_collector.http.router import router
from coldlight_collector.http.server import serve
from coldlight_collector.intake import Accepted, Payload, Unavailable
from coldlight_collector.receiver import Receiver
from coldlight_storage.signals import Signal

PROTOBUF = "application/x-protobuf"
JSON = "application/json"
BODY_BYTES = 1 << 20

ONE_SPAN = ExportTraceServiceRequest(
    resource_spans=[
        ResourceSpans(
            scope_spans=[ScopeSpans(spans=[Span(trace_id=b"t" * 16, span_id=b"s" * 8, name="checkout")])]
        )
    ]
).SerializeToString()
ONE_LOG_RECORD = ExportLogsServiceRequest(
    resource_logs=[ResourceLogs(scope_logs=[ScopeLogs(log_records=[LogRecord(severity_text="INFO")])])]
).SerializeToString()
ONE_DATA_POINT = ExportMetricsServiceRequest(
    resource_metrics=[
        ResourceMetrics(
            scope_metrics=[
                ScopeMetrics(metrics=[Metric(name="m", gauge=Gauge(data_points=[NumberDataPoint(as_int=1)]))])
            ]
        )
    ]
).SerializeToString()
REQUEST = {Signal.TRACES: ONE_SPAN, Signal.LOGS: ONE_LOG_RECORD, Signal.METRICS: ONE_DATA_POINT}
ONE_SPAN_JSON = (
    b'{"resourceSpans":[{"scopeSpans":[{"spans":[{"traceId":"%b","spanId":"%b","name":"checkout"}]}]}]}'
    % ((b"t" * 16).hex().encode(), (b"s" * 8).hex().upper().encode())
)


@pytest.fixture
def recorder() -> Recorder:
    return Recorder()


@pytest.fixture
def budget() -> Budget:
    return Budget(8 * BODY_BYTES)


@pytest.fixture
async def url(recorder: Recorder, budget: Budget) -> AsyncIterator[str]:
    routes = otlp_http.routes(Receiver(lambda _: recorder, budget, BODY_BYTES), gate())
    handler = router(routes, otlp_http.refuse)
    limits = Limits(body_bytes=BODY_BYTES)
    server = await serve(handler, otlp_http.refuse, "127.0.0.1", 0, limits, budget)
    yield f"http://127.0.0.1:{server.port}"
    await server.stop(0)


@pytest.fixture
async def client(url: str) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=url) as client:
        yield client


async def export(
    client: httpx.AsyncClient, body: bytes = ONE_SPAN, content_type: str = PROTOBUF, **headers: str
) -> httpx.Response:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return await client.post("/v1/traces", content=body, headers={"Content-Type": content_type, **named})


def status_of(response: httpx.Response) -> Status:
    """The google.rpc.Status of a protobuf answer."""
    assert response.headers["content-type"] == PROTOBUF
    return Status.FromString(response.content)


# Success


@pytest.mark.parametrize("signal", Signal)
async def test_each_signal_has_its_path(
    client: httpx.AsyncClient, recorder: Recorder, signal: Signal
) -> None:
    response = await client.post(f"/v1/{signal}", content=REQUEST[signal], headers={"Content-Type": PROTOBUF})
    assert response.status_code == 200
    assert recorder.taken == [(signal, Payload(REQUEST[signal], 1))]


async def test_full_success_in_protobuf_is_an_empty_body(client: httpx.AsyncClient) -> None:
    response = await export(client)
    assert (response.status_code, response.headers["content-type"]) == (200, PROTOBUF)
    assert response.content == b""


async def test_full_success_in_json_is_an_empty_object(client: httpx.AsyncClient, recorder: Recorder) -> None:
    response = await export(client, ONE_SPAN_JSON, JSON)
    assert (response.status_code, response.headers["content-type"]) == (200, JSON)
    assert response.content == b"{}"
    assert recorder.taken == [(Signal.TRACES, Payload(ONE_SPAN, 1))]


@pytest.mark.parametrize(("body", "content_type"), [(b"", PROTOBUF), (b"{}", JSON)])
async def test_an_empty_request_succeeds(client: httpx.AsyncClient, body: bytes, content_type: str) -> None:
    assert (await export(client, body, content_type)).status_code == 200


@pytest.mark.parametrize(
    ("declared", "answered"),
    [
        ("Application/X-Protobuf", PROTOBUF),
        ("application/protobuf", PROTOBUF),
        ('application/x-protobuf; messageType="x"', PROTOBUF),
        ("application/json;charset=UTF-8", JSON),
        ("APPLICATION/JSON ; charset=utf-8", JSON),
    ],
)
async def test_content_types_may_have_parameters_and_any_case(
    client: httpx.AsyncClient, declared: str, answered: str
) -> None:
    response = await export(client, ONE_SPAN if answered == PROTOBUF else ONE_SPAN_JSON, declared)
    assert (response.status_code, response.headers["content-type"]) == (200, answered)


@pytest.mark.parametrize(
    ("encoding", "encode"),
    [
        ("gzip", gzip.compress),
        ("deflate", zlib.compress),
        ("zstd", zstandard.compress),
        ("identity", bytes),
    ],
)
async def test_bodies_may_be_compressed(
    client: httpx.AsyncClient, recorder: Recorder, encoding: str, encode: Callable[[bytes], bytes]
) -> None:
    response = await export(client, encode(ONE_SPAN), content_encoding=encoding)
    assert response.status_code == 200
    assert recorder.taken == [(Signal.TRACES, Payload(ONE_SPAN, 1))]


async def test_a_large_compressed_body_is_taken(client: httpx.AsyncClient, recorder: Recorder) -> None:
    spans = [
        Span(trace_id=b"t" * 16, span_id=number.to_bytes(8, "big"), name=f"{hash(str(number)):x}" * 4)
        for number in range(1, 8001)
    ]
    request = ExportTraceServiceRequest(
        resource_spans=[ResourceSpans(scope_spans=[ScopeSpans(spans=spans)])]
    ).SerializeToString()
    compressed = gzip.compress(request, compresslevel=0)
    assert len(compressed) > 512 * 1024
    assert (await export(client, compressed, content_encoding="gzip")).status_code == 200
    assert recorder.taken == [(Signal.TRACES, Payload(request, 8000))]


@pytest.mark.parametrize("compression", Compression)
async def test_the_opentelemetry_sdk_exports(url: str, recorder: Recorder, compression: Compression) -> None:
    def run_function() -> None:
        provider = TracerProvider()
        exporter = OTLPSpanExporter(endpoint=f"{url}/v1/traces", compression=compression)
        provider.add_span_processor(SimpleSpanProcessor(exporter))
        provider.get_tracer("shop").start_span("checkout").end()
        provider.shutdown()

    await asyncio.to_thread(run_function)
    ((signal, payload),) = recorder.taken
    request = ExportTraceServiceRequest.FromString(payload.body)
    assert signal == Signal.TRACES
    assert request.resource_spans[0].scope_spans[0].spans[0].name == "checkout"


# Partial success


@pytest.mark.parametrize(
    ("signal", "response_type", "rejected"),
    [
        (Signal.TRACES, ExportTraceServiceResponse, "rejected_spans"),
        (Signal.LOGS, ExportLogsServiceResponse, "rejected_log_records"),
        (Signal.METRICS, ExportMetricsServiceResponse, "rejected_data_points"),
    ],
)
async def test_partial_success_counts_what_was_rejected(
    client: httpx.AsyncClient,
    recorder: Recorder,
    signal: Signal,
    response_type: Callable[..., Message],
    rejected: str,
) -> None:
    recorder.outcome = Accepted(2, "two without a name")
    response = await client.post(f"/v1/{signal}", content=REQUEST[signal], headers={"Content-Type": PROTOBUF})
    expected = response_type(partial_success={rejected: 2, "error_message": "two without a name"})
    assert (response.status_code, response.content) == (200, expected.SerializeToString())


@pytest.mark.parametrize(
    ("signal", "body", "rejected"),
    [
        (Signal.TRACES, ONE_SPAN_JSON, "rejectedSpans"),
        (Signal.LOGS, b"{}", "rejectedLogRecords"),
        (Signal.METRICS, b"{}", "rejectedDataPoints"),
    ],
)
async def test_partial_success_in_json_writes_the_count_as_a_string(
    client: httpx.AsyncClient, recorder: Recorder, signal: Signal, body: bytes, rejected: str
) -> None:
    recorder.outcome = Accepted(1, "one without a name")
    response = await client.post(f"/v1/{signal}", content=body, headers={"Content-Type": JSON})
    assert response.json() == {"partialSuccess": {rejected: "1", "errorMessage": "one without a name"}}


async def test_a_warning_rejects_nothing_and_says_something(
    client: httpx.AsyncClient, recorder: Recorder
) -> None:
    recorder.outcome = Accepted(0, "a name was cut")
    response = await export(client, ONE_SPAN_JSON, JSON)
    assert response.json() == {"partialSuccess": {"errorMessage": "a name was cut"}}


async def test_messages_are_capped_at_1_kib_of_whole_characters(
    client: httpx.AsyncClient, recorder: Recorder
) -> None:
    recorder.outcome = Accepted(0, "x" + "é" * 4000)
    response = await export(client, ONE_SPAN_JSON, JSON)
    assert response.json()["partialSuccess"]["errorMessage"] == "x" + "é" * 511


# Failures


async def test_undecodable_protobuf_is_400_with_a_bad_request(
    client: httpx.AsyncClient, recorder: Recorder
) -> None:
    response = await export(client, b"\xff\xff\xff")
    status = status_of(response)
    assert (response.status_code, status.code) == (400, Code.INVALID_ARGUMENT)
    bad_request = BadRequest()
    assert status.details[0].Unpack(bad_request)
    assert bad_request.field_violations[0].description == status.message != ""
    assert recorder.taken == []


async def test_undecodable_json_is_400_with_a_bad_request(client: httpx.AsyncClient) -> None:
    response = await export(client, b'{"resourceSpans": 5}', JSON)
    status: dict[str, Any] = response.json()
    assert (response.status_code, response.headers["content-type"]) == (400, JSON)
    assert (status["code"], status["details"][0]["@type"]) == (3, "type.googleapis.com/google.rpc.BadRequest")
    assert status["details"][0]["fieldViolations"][0]["description"] == status["message"]


async def test_damaged_compression_is_400(client: httpx.AsyncClient) -> None:
    response = await export(client, gzip.compress(ONE_SPAN)[:-1], content_encoding="gzip")
    assert (response.status_code, status_of(response).code) == (400, Code.INVALID_ARGUMENT)


async def test_a_body_too_large_is_413(client: httpx.AsyncClient) -> None:
    response = await export(client, bytes(BODY_BYTES + 1))
    assert (response.status_code, status_of(response).code) == (413, Code.RESOURCE_EXHAUSTED)


async def test_a_body_too_large_once_decompressed_is_413(client: httpx.AsyncClient) -> None:
    response = await export(client, gzip.compress(bytes(BODY_BYTES + 1)), content_encoding="gzip")
    assert (response.status_code, status_of(response).code) == (413, Code.RESOURCE_EXHAUSTED)


async def test_an_unknown_content_type_is_415_in_json(client: httpx.AsyncClient) -> None:
    response = await export(client, ONE_SPAN, "text/plain")
    assert (response.status_code, response.headers["content-type"]) == (415, JSON)
    assert response.json()["message"] == f"Content-Type: text/plain: send {PROTOBUF} or {JSON}"
    assert response.headers["accept"] == f"{PROTOBUF}, {JSON}"


async def test_no_content_type_is_415(client: httpx.AsyncClient) -> None:
    assert (await client.post("/v1/traces", content=ONE_SPAN)).status_code == 415


async def test_an_unknown_content_encoding_is_415_and_the_known_ones_named(
    client: httpx.AsyncClient,
) -> None:
    response = await export(client, content_encoding="br")
    assert (response.status_code, status_of(response).code) == (415, Code.INVALID_ARGUMENT)
    assert response.headers["accept-encoding"] == "gzip, deflate, zstd, identity"


async def test_an_unavailable_intake_is_503_with_the_seconds_to_wait(
    client: httpx.AsyncClient, recorder: Recorder
) -> None:
    recorder.outcome = Unavailable("the journal is full", retry_after_s=7)
    response = await export(client)
    assert (response.status_code, response.headers["retry-after"]) == (503, "7")
    assert (status_of(response).code, status_of(response).message) == (
        Code.UNAVAILABLE,
        "the journal is full",
    )


async def test_a_failing_intake_is_503_so_that_senders_try_again(
    client: httpx.AsyncClient, recorder: Recorder
) -> None:
    recorder.outcome = ZeroDivisionError("a mistake of ours, with secrets in its text")
    response = await export(client)
    assert (response.status_code, response.headers["retry-after"]) == (503, "1")
    assert "secrets" not in status_of(response).message


async def test_bytes_that_wait_for_the_intake_are_bounded(
    client: httpx.AsyncClient, recorder: Recorder, budget: Budget
) -> None:
    budget.take(budget.limit - 100)
    response = await export(client, gzip.compress(ONE_SPAN * 9, mtime=0), content_encoding="gzip")
    assert (response.status_code, response.headers["retry-after"]) == (503, "1")
    assert (recorder.taken, budget.held) == ([], budget.limit - 100)


@pytest.mark.parametrize(("content_type", "answered"), [(PROTOBUF, PROTOBUF), (JSON, JSON), ("", JSON)])
async def test_an_unknown_path_is_404_in_the_encoding_of_the_request(
    client: httpx.AsyncClient, content_type: str, answered: str
) -> None:
    response = await client.post("/v1/profiles", content=ONE_SPAN, headers={"Content-Type": content_type})
    assert (response.status_code, response.headers["content-type"]) == (404, answered)


async def test_another_verb_is_405_with_allow(client: httpx.AsyncClient) -> None:
    response = await client.get("/v1/traces")
    assert (response.status_code, response.headers["allow"]) == (405, "POST")
    assert response.json()["code"] == Code.UNIMPLEMENTED


async def test_a_refusal_of_the_server_itself_is_in_the_encoding_of_the_request(
    client: httpx.AsyncClient,
) -> None:
    response = await export(client, cookie="x" * 17_000)
    assert (response.status_code, status_of(response).code) == (431, Code.RESOURCE_EXHAUSTED)


async def test_a_connection_stays_open_after_a_refused_request(client: httpx.AsyncClient) -> None:
    first = await export(client, b"\xff\xff\xff")
    second = await export(client)
    assert (first.status_code, second.status_code) == (400, 200)
    assert first.headers["connection"] == second.headers["connection"] == "keep-alive"
