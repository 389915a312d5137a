"""OTLP/gRPC, over real connections: what clients send, what reaches the intake, what clients are told."""

from collections.abc import AsyncIterator
from typing import Any

import grpc
import grpc.aio
import pytest
from google.rpc.error_details_pb2 import BadRequest, RetryInfo
from google.rpc.status_pb2 import Status
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceResponse
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceResponse
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceResponse,
)
from tests.collector.grpc_calls import (
    MESSAGE_BYTES,
    METHOD,
    ONE_SPAN,
    Export,
    connected,
    export_over,
    refusal,
    streaming,
    trailing_retry,
)
from tests.collector.receivers import Recorder

from coldlight_collector.intake import Accepted, Malformed, TooLarge, Unavailable
from coldlight_storage.signals import Signal
from coldlight_storage.testing import span, stored_form, traces_request


@pytest.fixture
def recorder() -> Recorder:
    return Recorder()


@pytest.fixture
async def channel(recorder: Recorder) -> AsyncIterator[Any]:
    async with connected(recorder) as channel:
        yield channel


@pytest.fixture
def export(channel: grpc.aio.Channel) -> Export:
    return export_over(channel)


def details(error: Any) -> Status:
    return Status.FromString(dict(error.trailing_metadata())["grpc-status-details-bin"])


# What the answers say


async def test_full_success_is_an_empty_response(export: Export) -> None:
    assert await export(ONE_SPAN) == b""


async def test_an_empty_request_is_a_success(export: Export) -> None:
    assert await export(b"") == b""


@pytest.mark.parametrize(
    ("signal", "response", "rejected"),
    [
        (Signal.TRACES, ExportTraceServiceResponse, "rejected_spans"),
        (Signal.LOGS, ExportLogsServiceResponse, "rejected_log_records"),
        (Signal.METRICS, ExportMetricsServiceResponse, "rejected_data_points"),
    ],
)
async def test_partial_success_counts_what_was_rejected(
    channel: Any, recorder: Recorder, signal: Signal, response: Any, rejected: str
) -> None:
    recorder.outcome = Accepted(rejected=3, message="name is longer than 64 KiB")

    partial = response.FromString(await channel.unary_unary(METHOD[signal])(b"")).partial_success

    assert getattr(partial, rejected) == 3
    assert partial.error_message == "name is longer than 64 KiB"


async def test_a_warning_comes_with_nothing_rejected(export: Export, recorder: Recorder) -> None:
    recorder.outcome = Accepted(message="status was repaired")

    partial = ExportTraceServiceResponse.FromString(await export(ONE_SPAN)).partial_success

    assert (partial.rejected_spans, partial.error_message) == (0, "status was repaired")


# What is refused


async def test_bytes_that_are_no_request_are_an_invalid_argument(export: Export, recorder: Recorder) -> None:
    error = await refusal(export(b"\xff\xff\xff\xff"))

    assert error.code() is grpc.StatusCode.INVALID_ARGUMENT
    status, bad = details(error), BadRequest()
    assert status.code == grpc.StatusCode.INVALID_ARGUMENT.value[0]
    assert status.details[0].Unpack(bad)
    assert bad.field_violations[0].description == status.message == error.details() != ""
    assert recorder.taken == []


async def test_a_call_without_a_request_is_an_invalid_argument(channel: Any) -> None:
    error = await refusal(streaming(channel)(iter(())))

    assert error.code() is grpc.StatusCode.INVALID_ARGUMENT


@pytest.mark.parametrize("compression", [grpc.Compression.NoCompression, grpc.Compression.Gzip])
async def test_a_message_over_the_limit_is_not_to_be_sent_again(
    export: Export, recorder: Recorder, compression: grpc.Compression
) -> None:
    error = await refusal(export(bytes(MESSAGE_BYTES + 1), compression=compression))

    assert error.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert "google.rpc.retryinfo-bin" not in dict(error.trailing_metadata())
    assert recorder.taken == []


@pytest.mark.parametrize("compression", [grpc.Compression.Gzip, grpc.Compression.Deflate])
async def test_a_compressed_message_is_taken_as_what_it_says(
    export: Export, recorder: Recorder, compression: grpc.Compression
) -> None:
    request = traces_request(span(1, attributes={"text": "again " * 100}))
    assert await export(request.SerializeToString(), compression=compression) == b""
    assert [payload.body for _, payload in recorder.taken] == [stored_form(request)]


async def test_what_only_looks_compressed_is_an_invalid_argument(export: Export, recorder: Recorder) -> None:
    for sent in (b"\x1f\x8b", b"\x78\x9c", b"\x1f\x8b\x08 and so on"):
        error = await refusal(export(sent))
        assert error.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert recorder.taken == []


async def test_what_the_intake_finds_too_large_is_not_to_be_sent_again(
    export: Export, recorder: Recorder
) -> None:
    recorder.outcome = TooLarge("20000 spans share a resource of 60 KiB: send fewer at once")

    error = await refusal(export(ONE_SPAN))

    assert error.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert list(details(error).details) == []
    assert "google.rpc.retryinfo-bin" not in dict(error.trailing_metadata())


async def test_what_is_unavailable_says_when_to_come_again(export: Export, recorder: Recorder) -> None:
    recorder.outcome = Unavailable("the journal is full", retry_after_s=7)

    error = await refusal(export(ONE_SPAN))

    assert error.code() is grpc.StatusCode.UNAVAILABLE
    assert error.details() == "the journal is full"
    in_details = RetryInfo()
    assert details(error).details[0].Unpack(in_details)
    assert in_details == trailing_retry(error)
    assert in_details.retry_delay.seconds == 7


async def test_an_unexpected_failure_keeps_its_text_and_may_be_sent_again(
    export: Export, recorder: Recorder, caplog: pytest.LogCaptureFixture
) -> None:
    recorder.outcome = RuntimeError("password=hunter2")

    error = await refusal(export(ONE_SPAN))

    assert error.code() is grpc.StatusCode.UNAVAILABLE
    assert trailing_retry(error).retry_delay.seconds > 0
    assert "hunter2" not in error.debug_error_string()
    assert "hunter2" in caplog.text


async def test_a_long_reason_still_reaches_the_client(export: Export, recorder: Recorder) -> None:
    recorder.outcome = Malformed("漢" * 100_000)

    error = await refusal(export(ONE_SPAN))

    assert error.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert error.details().startswith("漢漢漢")


@pytest.mark.parametrize(
    "method",
    [
        "/opentelemetry.proto.collector.trace.v1.TraceService/Import",
        "/opentelemetry.proto.collector.profiles.v1development.ProfilesService/Export",
    ],
)
async def test_an_unknown_method_is_unimplemented(channel: Any, method: str) -> None:
    error = await refusal(channel.unary_unary(method)(ONE_SPAN))

    assert error.code() is grpc.StatusCode.UNIMPLEMENTED


# Who may send


@pytest.mark.parametrize(
    "metadata", [None, [("authorization", "Bearer guess")], [("authorization", "secret")]], ids=str
)
async def test_with_a_token_a_call_without_it_is_unauthenticated(
    recorder: Recorder, metadata: list[tuple[str, str]] | None
) -> None:
    async with connected(recorder, token="secret") as channel:
        error = await refusal(export_over(channel)(ONE_SPAN, metadata=metadata))

    assert error.code() is grpc.StatusCode.UNAUTHENTICATED
    assert recorder.taken == []


async def test_with_the_token_a_call_is_taken(recorder: Recorder) -> None:
    async with connected(recorder, token="secret") as channel:
        assert await export_over(channel)(ONE_SPAN, metadata=[("authorization", "Bearer secret")]) == b""
