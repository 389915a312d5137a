"""How the demo's telemetry leaves: the SDK's OTLP/HTTP exporters, every answer checked.

A span processor that exports in the background would hide refusals and drop what its queue cannot hold, so
finished spans and log records are gathered in memory (the SDK has exporters for that) and sent from here.
"""

import logging
import os
import socket
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from types import TracebackType
from typing import Self, TypeVar
from urllib.parse import urlsplit

from opentelemetry._logs import Logger
from opentelemetry.exporter.otlp.proto.http import Compression
from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.metrics import Meter
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import InMemoryLogRecordExporter, SimpleLogRecordProcessor
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader, MetricsData
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.sampling import ALWAYS_ON
from opentelemetry.semconv.schemas import Schemas
from opentelemetry.trace import Tracer

from coldlight_cli.demo.metrics import VIEWS, count_points, stamp

DEFAULT_ENDPOINT = "http://127.0.0.1:4318"
SCOPE = "coldlight.demo"
SCHEMA_URL = Schemas.V1_37_0.value
BATCH = 512
CONNECT_TIMEOUT_S = 5
EXPORTER_LOGGER = logging.getLogger("opentelemetry.exporter.otlp.proto.http")

T = TypeVar("T")


class DemoError(Exception):
    """The demo cannot go on; the text says why and what to do."""


@dataclass(frozen=True)
class Instruments:
    """The SDK of one simulated process: what its code reports with."""

    tracer: Tracer
    logger: Logger
    meter: Meter


@dataclass(frozen=True)
class _Source:
    """A process whose metrics are collected, and since when (ns since the epoch) it has counted."""

    reader: InMemoryMetricReader
    since_ns: int


class _Complaints(logging.Handler):
    """The exporters answer only success or failure; the reason is in what they log."""

    last = "no reason given"

    def emit(self, record: logging.LogRecord) -> None:
        self.last = record.getMessage()


def resolve_endpoint(endpoint: str | None) -> str:
    """`endpoint`, else OTEL_EXPORTER_OTLP_ENDPOINT, else Coldlight on this machine; raises DemoError if no URL.

    Signals go to `<endpoint>/v1/traces` and so on (OTLP exporter specification, "Endpoint URLs for OTLP/HTTP").
    """
    chosen = (endpoint or os.environ.get("OTEL_EXPORTER_OTLP_ENDPOINT") or DEFAULT_ENDPOINT).rstrip("/")
    if _address(chosen) is None:
        raise DemoError(f"{chosen!r} is no endpoint: write a URL such as {DEFAULT_ENDPOINT}")
    return chosen


def _address(endpoint: str) -> tuple[str, int] | None:
    try:
        url = urlsplit(endpoint)
        port = url.port
    except ValueError:
        return None
    if url.scheme not in ("http", "https") or not url.hostname:
        return None
    return url.hostname, port or (443 if url.scheme == "https" else 80)


class Delivery:
    """Gathers what simulated processes report and sends it; counts what was taken.

    Use as a context manager: entering raises DemoError when no OTLP/HTTP receiver is at `endpoint`.
    `headers` go with every request, besides those of OTEL_EXPORTER_OTLP_HEADERS.
    """

    def __init__(self, endpoint: str, headers: Mapping[str, str] | None = None) -> None:
        self.endpoint = endpoint
        self.spans = self.logs = self.points = 0
        self._complaints = _Complaints()
        self._finished = InMemorySpanExporter()
        self._emitted = InMemoryLogRecordExporter()  # type: ignore[no-untyped-call]
        self._sources: list[_Source] = []
        gzip = Compression.Gzip
        self._traces_out = OTLPSpanExporter(f"{endpoint}/v1/traces", headers=headers, compression=gzip)
        self._logs_out = OTLPLogExporter(f"{endpoint}/v1/logs", headers=headers, compression=gzip)
        self._metrics_out = OTLPMetricExporter(f"{endpoint}/v1/metrics", headers=headers, compression=gzip)

    def __enter__(self) -> Self:
        self._refuse_silence()
        EXPORTER_LOGGER.addHandler(self._complaints)
        try:
            self._check(self._traces_out.export([]), "an empty request")
        except DemoError:
            self.close()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Ends the exporters; what was not sent is gone."""
        EXPORTER_LOGGER.removeHandler(self._complaints)
        for exporter in (self._traces_out, self._logs_out, self._metrics_out):
            exporter.shutdown()

    def instruments(self, resource: Resource, since_ns: int) -> Instruments:
        """A new process that reports as `resource` from `since_ns` (ns since the epoch) on."""
        tracers = TracerProvider(ALWAYS_ON, resource, shutdown_on_exit=False)
        tracers.add_span_processor(SimpleSpanProcessor(self._finished))
        loggers = LoggerProvider(resource, shutdown_on_exit=False)
        loggers.add_log_record_processor(SimpleLogRecordProcessor(self._emitted))
        source = _Source(InMemoryMetricReader(), since_ns)
        meters = MeterProvider([source.reader], resource, shutdown_on_exit=False, views=VIEWS)
        self._sources.append(source)
        return Instruments(
            tracers.get_tracer(SCOPE, schema_url=SCHEMA_URL),
            loggers.get_logger(SCOPE, schema_url=SCHEMA_URL),
            meters.get_meter(SCOPE, schema_url=SCHEMA_URL),
        )

    @property
    def pending(self) -> int:
        """Spans and log records that are gathered and not yet sent."""
        return len(self._finished.get_finished_spans()) + len(self._emitted.get_finished_logs())

    def send(self) -> None:
        """Sends finished spans and log records; raises DemoError for the first batch that is not taken."""
        for spans in _batches(self._finished.get_finished_spans()):
            self._check(self._traces_out.export(spans), f"{len(spans)} spans")
            self.spans += len(spans)
        self._finished.clear()
        for records in _batches(self._emitted.get_finished_logs()):
            self._check(self._logs_out.export(records), f"{len(records)} log records")
            self.logs += len(records)
        self._emitted.clear()

    def send_metrics(self, now_ns: int) -> None:
        """Collects every process's metrics and sends them as of `now_ns`; raises DemoError if not taken."""
        collected = [(source, source.reader.get_metrics_data()) for source in self._sources]
        resources = [
            stamp(metrics, source.since_ns, now_ns)
            for source, data in collected
            for metrics in (data.resource_metrics if data else ())
        ]
        points = count_points(resources)
        self._check(self._metrics_out.export(MetricsData(resources)), f"{points} data points")
        self.points += points

    def _refuse_silence(self) -> None:
        if os.environ.get("OTEL_SDK_DISABLED", "").strip().lower() == "true":
            raise DemoError("OTEL_SDK_DISABLED is set, so nothing would be sent: unset it")
        address = _address(self.endpoint)
        try:
            socket.create_connection(address or ("", 0), timeout=CONNECT_TIMEOUT_S).close()
        except OSError as error:
            raise DemoError(
                f"nothing answers at {self.endpoint}: start Coldlight with `coldlight up`"
            ) from error

    def _check(self, result: Enum, what: str) -> None:
        if result.name != "SUCCESS":
            raise DemoError(f"{self.endpoint} did not take {what}: {self._complaints.last}")


def _batches(items: Sequence[T]) -> Iterator[Sequence[T]]:
    return (items[start : start + BATCH] for start in range(0, len(items), BATCH))
