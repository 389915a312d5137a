"""An OTLP/gRPC server of one's own, and calls of it, byte by byte."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, cast

import grpc
import grpc.aio
import pytest
from google.rpc.error_details_pb2 import RetryInfo
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans, ScopeSpans, Span
from tests.collector.gates import gate
from tests.collector.receivers import receiver

from coldlight_collector.http.messages import Budget
from coldlight_collector.intake import Intake
from coldlight_collector.otlp_grpc import GrpcLimits, serve
from coldlight_storage.signals import Signal

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


def streaming(channel: grpc.aio.Channel) -> Export:
    """The same method as `export_over`, given an iterator that may send its body late, or never."""
    return cast(Export, channel.stream_unary(METHOD[Signal.TRACES]))


async def refusal(call: Awaitable[bytes]) -> Any:
    with pytest.raises(grpc.RpcError) as raised:
        await call
    return raised.value


def trailing_retry(error: Any) -> RetryInfo:
    return RetryInfo.FromString(dict(error.trailing_metadata())["google.rpc.retryinfo-bin"])
