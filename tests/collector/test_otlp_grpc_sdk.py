"""OTLP/gRPC as the OpenTelemetry SDK for Python speaks it."""

import asyncio
from collections.abc import Callable

import grpc
import pytest
from opentelemetry.exporter.otlp.proto.grpc._log_exporter import OTLPLogExporter
from opentelemetry.exporter.otlp.proto.grpc.metric_exporter import OTLPMetricExporter
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from tests.collector.gates import gate
from tests.collector.receivers import receiver

from coldlight_collector.intake import Accepted, Payload, Unavailable
from coldlight_collector.otlp_grpc import GrpcLimits, serve
from coldlight_storage.signals import REQUEST_TYPE, Signal


def sdk_spans(endpoint: str, compression: grpc.Compression) -> bool:
    exporter = OTLPSpanExporter(endpoint=endpoint, insecure=True, timeout=10, compression=compression)
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(BatchSpanProcessor(exporter))
    provider.get_tracer("shop").start_span("checkout").end()
    flushed = provider.force_flush()
    provider.shutdown()
    return flushed


def sdk_logs(endpoint: str, compression: grpc.Compression) -> bool:
    exporter = OTLPLogExporter(endpoint=endpoint, insecure=True, timeout=10, compression=compression)
    provider = LoggerProvider(shutdown_on_exit=False)
    provider.add_log_record_processor(BatchLogRecordProcessor(exporter))
    provider.get_logger("shop").emit(body="checkout")
    flushed = provider.force_flush()
    provider.shutdown()
    return flushed


def sdk_metrics(endpoint: str, compression: grpc.Compression) -> bool:
    exporter = OTLPMetricExporter(endpoint=endpoint, insecure=True, timeout=10, compression=compression)
    reader = PeriodicExportingMetricReader(exporter, export_interval_millis=float("inf"))
    provider = MeterProvider([reader], shutdown_on_exit=False)
    provider.get_meter("shop").create_counter("checkout").add(1)
    flushed = provider.force_flush()
    provider.shutdown()
    return flushed


@pytest.mark.parametrize("compression", [grpc.Compression.NoCompression, grpc.Compression.Gzip])
@pytest.mark.parametrize(
    ("signal", "send"),
    [(Signal.TRACES, sdk_spans), (Signal.LOGS, sdk_logs), (Signal.METRICS, sdk_metrics)],
)
async def test_what_the_sdk_exports_reaches_the_intake(
    signal: Signal, send: Callable[[str, grpc.Compression], bool], compression: grpc.Compression
) -> None:
    calls: list[tuple[Signal, Payload]] = []

    async def intake(signal: Signal, payload: Payload) -> Accepted:
        calls.append((signal, payload))
        return Accepted()

    server = await serve(receiver(intake), gate(), "127.0.0.1", 0, GrpcLimits())
    assert await asyncio.to_thread(send, f"127.0.0.1:{server.port}", compression)
    await server.stop(0)

    [(taken, payload)] = calls
    assert taken is signal
    assert payload.items == 1
    assert "checkout" in str(REQUEST_TYPE[signal].FromString(payload.body))


async def test_the_sdk_sends_again_what_was_unavailable() -> None:
    calls: list[Payload] = []

    async def full_at_first(signal: Signal, payload: Payload) -> Accepted:
        calls.append(payload)
        if len(calls) == 1:
            raise Unavailable("the journal is full", retry_after_s=0)
        return Accepted()

    server = await serve(receiver(full_at_first), gate(), "127.0.0.1", 0, GrpcLimits())
    assert await asyncio.to_thread(sdk_spans, f"127.0.0.1:{server.port}", grpc.Compression.Gzip)
    await server.stop(0)

    first, second = calls
    assert first == second
