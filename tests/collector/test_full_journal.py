"""A journal that is full refuses by every door in the words that make its senders come again; nothing is lost by it."""

import json
import socket
from pathlib import Path
from typing import Any, cast

import grpc.aio
import httpx
from google.rpc.error_details_pb2 import RetryInfo
from tests.collector.firehose import HEADERS, LAMBDA, delivery, gzipped, log_event, subscription
from tests.collector.inserting import Fickle, until
from tests.collector.watching import PROTOBUF, Watched, watched
from tests.collector.xray_documents import segment

from coldlight_collector.intake import Payload
from coldlight_storage import EmbeddedStore, Signal, StoreUnavailable
from coldlight_storage.testing import log_record, logs_request, span, stored_form, traces_request

JSON = {"Content-Type": "application/json"}
V2_SPAN = {"traceId": "e1", "id": "1", "name": "zipkin", "timestamp": 1, "duration": 1}
V1_SPAN = {"traceId": "e2", "id": "1", "name": "zipkin", "timestamp": 1, "duration": 1}
JSON_SPAN = {"traceId": f"{0xE3:032x}", "spanId": f"{1:016x}", "name": "json", "startTimeUnixNano": "1"}
OTLP_JSON = {"resourceSpans": [{"scopeSpans": [{"spans": [JSON_SPAN]}]}]}
RECORD = gzipped(subscription(log_event("a line"), **LAMBDA))

REQUESTS: dict[str, tuple[str, bytes, dict[str, str]]] = {
    "OTLP": ("/v1/traces", traces_request(span(1)).SerializeToString(), PROTOBUF),
    "OTLP logs": ("/v1/logs", logs_request(log_record("a line")).SerializeToString(), PROTOBUF),
    "OTLP in JSON": ("/v1/traces", json.dumps(OTLP_JSON).encode(), JSON),
    "Zipkin": ("/api/v2/spans", json.dumps([V2_SPAN]).encode(), JSON),
    "Zipkin v1": ("/api/v1/spans", json.dumps([V1_SPAN]).encode(), JSON),
    "X-Ray": (
        "/TraceSegments",
        json.dumps({"TraceSegmentDocuments": [json.dumps(segment(2))]}).encode(),
        JSON,
    ),
    "Firehose": ("/aws/firehose", json.dumps(delivery(RECORD)).encode(), HEADERS),
}
GRPC_BODY = traces_request(span(3)).SerializeToString()
METHOD = "/opentelemetry.proto.collector.trace.v1.TraceService/Export"
SENT = len(REQUESTS) + 2
"""Over HTTP, gRPC and UDP."""


async def test_every_door_of_a_full_journal_says_come_again_and_takes_what_comes_again(
    tmp_path: Path, embedded_store: EmbeddedStore
) -> None:
    store = Fickle(embedded_store, insert_failures=[StoreUnavailable("away")] * 1000)
    filling = stored_form(traces_request(span(9, attributes={"filling": "x" * 10_000})))
    async with watched(tmp_path, store, batch_items=1, total_bytes=len(filling)) as at:
        await at.journal.append(Signal.TRACES, Payload(filling, 1))
        assert {name: await posted(at, name) for name in REQUESTS} == dict.fromkeys(REQUESTS, (503, "1"))
        error = await grpc_error(at)
        assert error.code() is grpc.StatusCode.UNAVAILABLE
        retry = RetryInfo.FromString(dict(error.trailing_metadata())["google.rpc.retryinfo-bin"])
        assert retry.retry_delay.seconds == 1
        send_datagram(at)
        daemon = at.collector.ports.xray
        await until(lambda: daemon.counts.datagrams == 1)

        store.insert_failures.clear()
        await until(lambda: at.journal.stored_bytes == 0)
        assert {(await posted(at, name))[0] for name in REQUESTS} <= {200, 202}
        assert await grpc_error(at) is None
        await until(lambda: inserted(at) == SENT + 1)
        assert daemon.counts.dropped_datagrams == 0


async def test_what_never_fits_is_not_to_be_sent_again_and_is_told_the_flag(
    tmp_path: Path, embedded_store: EmbeddedStore
) -> None:
    """Firehose, which loses what it is told 413 for, gets 400: in the end it keeps the records in S3."""
    async with watched(tmp_path, embedded_store, total_bytes=10) as at:
        answers = {name: await posted(at, name) for name in REQUESTS}
        assert answers == dict.fromkeys(REQUESTS, (413, "")) | {"Firehose": (400, "")}
        error = await grpc_error(at)
        assert error.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
        assert error.details() == (
            f"the request has {len(GRPC_BODY)} bytes, and the journal never holds more than 10: "
            "send smaller batches, or raise --journal-limit"
        )
        assert "google.rpc.retryinfo-bin" not in dict(error.trailing_metadata())
        send_datagram(at)
        counts = at.collector.ports.xray.counts
        await until(lambda: counts.rejections["DocumentTooLarge"] == 1)


async def posted(at: Watched, name: str) -> tuple[int, str]:
    """The status of an answer, and its `Retry-After`."""
    path, body, headers = REQUESTS[name]
    answer: httpx.Response = await at.client.post(path, content=body, headers=headers)
    return answer.status_code, answer.headers.get("Retry-After", "")


async def grpc_error(at: Watched) -> Any:
    async with grpc.aio.insecure_channel(f"127.0.0.1:{at.collector.ports.grpc.port}") as channel:
        try:
            await cast(Any, channel.unary_unary(METHOD))(GRPC_BODY)
        except grpc.RpcError as error:
            return error
    return None


def send_datagram(at: Watched) -> None:
    header = '{"format": "json", "version": 1}\n'
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        datagram = (header + json.dumps(segment(4))).encode()
        sender.sendto(datagram, ("127.0.0.1", at.collector.ports.xray.port))


def inserted(at: Watched) -> int:
    return at.inserter.counts.items
