"""OTLP/gRPC, over real connections: what clients send, what reaches the intake, what clients are told."""

import asyncio
import gc
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, cast

import grpc
import grpc.aio
import pytest
from google.rpc.error_details_pb2 import BadRequest, RetryInfo
from google.rpc.status_pb2 import Status
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceResponse
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceResponse
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans, ScopeSpans, Span
from tests.collector.gates import gate
from tests.collector.receivers import receiver

from coldlight_collector.http.messages import Budget
from coldlight_collector.intake import Accepted, Intake, Malformed, Payload, TooLarge, Unavailable
from coldlight_collector.otlp_grpc import GrpcLimits, serve
from coldlight_storage.signals import Signal
from coldlight_storage.testing import span, stored_form, traces_request

METHOD = {
    Signal.TRACES: "/opentelemetry.proto.collector.trace.v1.TraceService/Export",
    Signal.LOGS: "/opentelemetry.proto.collector.logs.v1.LogsService/Export",
    Signal.METRICS: "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export",
}
ONE_SPAN = ExportTraceServiceRequest(
    resource_spans=[
        ResourceSpans(
            scope_spans=[ScopeSpans(spans=[Span(trace_id=b"t" * 16, span_id=b"s" * 8, name="checkout")])]
        )
    ]
).SerializeToString()
MESSAGE_BYTES = 1 << 20
LIMITS = GrpcLimits(message_bytes=MESSAGE_BYTES, in_flight=1)


@dataclass
class Recorder:
    """An intake that keeps what it is given, and answers with its outcome or raises it."""

    outcome: Accepted | Exception = field(default_factory=Accepted)
    taken: list[tuple[Signal, Payload]] = field(default_factory=list)

    async def __call__(self, signal: Signal, payload: Payload) -> Accepted:
        self.taken.append((signal, payload))
        if isinstance(self.outcome, Exception):
            raise self.outcome
        return self.outcome


@pytest.fixture
def recorder() -> Recorder:
    return Recorder()


Export = Callable[..., Awaitable[bytes]]


@asynccontextmanager
async def connected(
    intake: Intake,
    limits: GrpcLimits = LIMITS,
    budget: Budget | None = None,
    token: str | None = None,
) -> AsyncIterator[grpc.aio.Channel]:
    """A channel to a server of its own."""
    server = await serve(receiver(intake, budget, MESSAGE_BYTES), gate(token), "127.0.0.1", 0, limits)
    async with grpc.aio.insecure_channel(f"127.0.0.1:{server.port}") as channel:
        yield channel
    await server.stop(0)


def export_over(channel: grpc.aio.Channel) -> Export:
    """Sends raw bytes to the Export method of traces; answers with raw bytes."""
    return cast(Export, channel.unary_unary(METHOD[Signal.TRACES]))


@pytest.fixture
async def channel(recorder: Recorder) -> AsyncIterator[Any]:
    async with connected(recorder) as channel:
        yield channel


@pytest.fixture
def export(channel: grpc.aio.Channel) -> Export:
    return export_over(channel)


async def refusal(call: Awaitable[bytes]) -> Any:
    with pytest.raises(grpc.RpcError) as raised:
        await call
    return raised.value


def details(error: Any) -> Status:
    return Status.FromString(dict(error.trailing_metadata())["grpc-status-details-bin"])


def trailing_retry(error: Any) -> RetryInfo:
    return RetryInfo.FromString(dict(error.trailing_metadata())["google.rpc.retryinfo-bin"])


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


# Many requests, slow requests


async def test_requests_beyond_the_bound_are_refused_before_their_body() -> None:
    started, release = asyncio.Semaphore(0), asyncio.Event()

    async def slow(signal: Signal, payload: Payload) -> Accepted:
        started.release()
        await release.wait()
        return Accepted()

    async with connected(slow, GrpcLimits(in_flight=2)) as channel:
        calls = [asyncio.ensure_future(export_over(channel)(ONE_SPAN)) for _ in range(2)]
        for _ in calls:
            await started.acquire()
        error = await refusal(streaming(channel)(no_body_yet()))
        release.set()
        assert [await call for call in calls] == [b"", b""]

    assert error.code() is grpc.StatusCode.UNAVAILABLE
    assert trailing_retry(error).retry_delay.seconds == 1


async def test_one_address_cannot_have_all_places(recorder: Recorder) -> None:
    limits = GrpcLimits(in_flight=2, in_flight_of_one_address=1)
    into = receiver(recorder)
    server = await serve(into, gate(), "::", 0, limits)
    addresses = [f"{host}:{server.port}" for host in ("127.0.0.1", "[::1]")]
    async with (
        grpc.aio.insecure_channel(addresses[0]) as busy,
        grpc.aio.insecure_channel(addresses[1]) as other,
    ):
        held = asyncio.ensure_future(streaming(busy)(no_body_yet()))
        while not into.tallies["otlp_grpc"].requests:
            await asyncio.sleep(0.01)
        error = await refusal(export_over(busy)(ONE_SPAN))
        assert await export_over(other)(ONE_SPAN) == b""
        held.cancel()
        while not await is_taken(export_over(busy)):
            await asyncio.sleep(0.01)
    await server.stop(0)
    assert error.code() is grpc.StatusCode.UNAVAILABLE
    assert "from this address" in error.details()
    assert trailing_retry(error).retry_delay.seconds == 1


async def is_taken(export: Export) -> bool:
    try:
        await export(ONE_SPAN)
    except grpc.RpcError:
        return False
    return True


def streaming(channel: grpc.aio.Channel) -> Export:
    """The same method, given an iterator that may send its body late, or never."""
    return cast(Export, channel.stream_unary(METHOD[Signal.TRACES]))


async def no_body_yet() -> AsyncIterator[bytes]:
    await asyncio.Event().wait()
    yield b""


async def test_bytes_beyond_the_budget_are_told_to_come_again(recorder: Recorder) -> None:
    budget = Budget(limit=len(ONE_SPAN))
    assert budget.take(1)  # by another receiver
    async with connected(recorder, budget=budget) as channel:
        error = await refusal(export_over(channel)(ONE_SPAN))
        budget.give(1)
        assert await export_over(channel)(ONE_SPAN) == b""

    assert error.code() is grpc.StatusCode.UNAVAILABLE
    assert trailing_retry(error).retry_delay.seconds == 1
    assert budget.held == 0


async def test_a_request_that_does_not_arrive_gives_its_place_back(recorder: Recorder) -> None:
    async with connected(recorder, GrpcLimits(in_flight=1, read_timeout_s=0.5)) as channel:
        error = await refusal(streaming(channel)(no_body_yet()))
        assert await export_over(channel)(ONE_SPAN) == b""

    assert error.code() is grpc.StatusCode.UNAVAILABLE
    assert "did not arrive within 0.5 s" in error.details()


async def test_requests_that_arrive_slowly_have_few_places_and_leave_the_others_theirs(
    recorder: Recorder,
) -> None:
    async with connected(recorder, GrpcLimits(slow=1, patience_s=0.05)) as channel:
        slow = asyncio.ensure_future(streaming(channel)(no_body_yet()))
        await asyncio.sleep(0.2)
        error = await refusal(streaming(channel)(no_body_yet()))
        assert await export_over(channel)(ONE_SPAN) == b""
        assert not slow.done()
        slow.cancel()

    assert error.code() is grpc.StatusCode.UNAVAILABLE
    assert "too many come slowly" in error.details()
    assert trailing_retry(error).retry_delay.seconds == 1


async def test_a_refused_request_is_kept_by_nobody(export: Export) -> None:
    def kept() -> int:
        return sum(isinstance(found, Malformed) for found in gc.get_objects())

    gc.collect()
    gc.disable()  # it would find what should not need to be found
    try:
        before = kept()
        for _ in range(3):
            await refusal(export(b"no request"))
        await asyncio.sleep(0.05)
        assert kept() == before
    finally:
        gc.enable()


async def test_a_request_abandoned_by_its_client_gives_its_place_back() -> None:
    started, gone = asyncio.Event(), asyncio.Event()

    async def stuck_once(signal: Signal, payload: Payload) -> Accepted:
        if not started.is_set():
            started.set()
            try:
                await asyncio.Event().wait()
            finally:
                gone.set()
        return Accepted()

    async with connected(stuck_once) as channel:
        export = export_over(channel)
        abandoned = asyncio.ensure_future(export(ONE_SPAN))
        await started.wait()
        abandoned.cancel()
        await gone.wait()
        assert await export(ONE_SPAN) == b""


# The port


async def test_a_second_server_on_the_port_fails_by_name(recorder: Recorder) -> None:
    server = await serve(receiver(recorder), gate(), "127.0.0.1", 0, LIMITS)
    with pytest.raises(OSError, match=f"127.0.0.1:{server.port}"):
        await serve(receiver(recorder), gate(), "127.0.0.1", server.port, LIMITS)
    await server.stop(0)


async def test_stop_lets_a_request_finish_and_frees_the_port() -> None:
    started, release = asyncio.Event(), asyncio.Event()

    async def slow(signal: Signal, payload: Payload) -> Accepted:
        started.set()
        await release.wait()
        return Accepted()

    server = await serve(receiver(slow), gate(), "127.0.0.1", 0, LIMITS)
    async with grpc.aio.insecure_channel(f"127.0.0.1:{server.port}") as channel:
        call = asyncio.ensure_future(export_over(channel)(ONE_SPAN))
        await started.wait()
        stopping = asyncio.create_task(server.stop(10))
        await asyncio.sleep(0)
        release.set()
        assert await call == b""
        await stopping
    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", server.port)) != 0
