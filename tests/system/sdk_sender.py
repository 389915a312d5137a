"""A program instrumented with the stock OpenTelemetry SDK: `sdk_sender.py http|grpc SERVICE_NAME`.

Where it sends, and how, is for the SDK's own variables to say. It prints the ids of its trace and spans as JSON.
"""

import importlib
import json
import sys
from collections.abc import Iterable
from typing import Any

from opentelemetry import trace
from opentelemetry._logs import Logger, SeverityNumber
from opentelemetry.metrics import CallbackOptions, Meter, Observation
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.metrics.view import ExponentialBucketHistogramAggregation, View
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import Link, SpanKind, StatusCode, Tracer

ATTRIBUTES: dict[str, Any] = {
    "string": "Grüße, 世界",
    "true": True,
    "false": False,
    "large": 2**53 + 1,
    "lowest": -(2**63),
    "double": 0.1,
    "whole double": 3.0,
    "bytes": b"\x00\xff",
    "array": ["a", 2, 2.5, True, [b"\x01"]],
    "map": {"a": {"b": [{"c": 2**63 - 1}]}, "none": None},
    "empty array": [],
    "empty map": {},
}
EXPONENTIAL = View(instrument_name="shop.latency.fine", aggregation=ExponentialBucketHistogramAggregation())


def exporters(protocol: str) -> tuple[Any, Any, Any]:
    """The exporters of traces, logs and metrics, which find their endpoint themselves."""
    package = f"opentelemetry.exporter.otlp.proto.{protocol}"
    return (
        importlib.import_module(f"{package}.trace_exporter").OTLPSpanExporter(),
        importlib.import_module(f"{package}._log_exporter").OTLPLogExporter(),
        importlib.import_module(f"{package}.metric_exporter").OTLPMetricExporter(),
    )


def report_spans(tracer: Tracer, logger: Logger) -> dict[str, str]:
    before = trace.NonRecordingSpan(trace.SpanContext(0xABC, 0xDEF, is_remote=True))
    links = [Link(before.get_span_context(), {"reason": "retry", "attempt": 2})]
    with tracer.start_as_current_span("checkout", kind=SpanKind.SERVER, attributes=ATTRIBUTES) as root:
        root.set_status(StatusCode.OK)
        report_logs(logger)
        with tracer.start_as_current_span("charge", kind=SpanKind.CLIENT, links=links) as charge:
            charge.add_event("declined", {"code": 51, "hints": ["limit", "card"]}, timestamp=10**18)
            charge.set_status(StatusCode.ERROR, "card declined")
    context = root.get_span_context()
    return {
        "trace_id": trace.format_trace_id(context.trace_id),
        "checkout": trace.format_span_id(context.span_id),
        "charge": trace.format_span_id(charge.get_span_context().span_id),
    }


def report_logs(logger: Logger) -> None:
    """Two records in the current span: one of text, one of structure."""
    logger.emit(
        timestamp=10**18,
        severity_number=SeverityNumber.WARN,
        severity_text="WARN",
        body="stock is low",
        attributes={"left": 3},
    )
    logger.emit(timestamp=10**18 + 1, body={"cart": ["book", 2]}, event_name="cart.closed")


def report_metrics(meter: Meter) -> None:
    meter.create_gauge("shop.temperature", unit="Cel").set(21.5, {"room": "cold"})
    counter = meter.create_counter("shop.orders", unit="{order}", description="Orders placed")
    counter.add(2**53 + 1, {"kind": "book"})
    meter.create_up_down_counter("shop.carts").add(-3)
    meter.create_observable_counter("shop.cpu", callbacks=[observe_cpu])
    for name in ("shop.latency", "shop.latency.fine"):
        histogram = meter.create_histogram(name, unit="ms")
        for milliseconds in (0, 7, 120, 120, 99_999):
            histogram.record(milliseconds, {"route": "/orders"})


def observe_cpu(_: CallbackOptions) -> Iterable[Observation]:
    yield Observation(1.25, {"core": 0})


def main(protocol: str, service: str) -> None:
    resource = Resource({"service.name": service, "host.cpus": 2}, schema_url="https://example.test/1")
    spans, logs, metrics = exporters(protocol)
    tracers = TracerProvider(resource=resource)
    tracers.add_span_processor(BatchSpanProcessor(spans))
    loggers = LoggerProvider(resource)
    loggers.add_log_record_processor(BatchLogRecordProcessor(logs))
    meters = MeterProvider([PeriodicExportingMetricReader(metrics)], resource, views=[EXPONENTIAL])
    scope = ("shop", "1.2.3", "https://example.test/scope")
    tracer = tracers.get_tracer(*scope[:2], schema_url=scope[2], attributes={"scope": "own"})
    ids = report_spans(tracer, loggers.get_logger(*scope[:2], schema_url=scope[2]))
    report_metrics(meters.get_meter(*scope[:2], schema_url=scope[2]))
    for provider in (tracers, loggers, meters):
        provider.shutdown()
    print(json.dumps(ids))


main(*sys.argv[1:])
