"""The three OpenTelemetry signals, and what follows from each."""

from enum import StrEnum

from google.protobuf.message import Message
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest


class Signal(StrEnum):
    """A signal; its value is the last part of the OTLP/HTTP path (`/v1/traces`)."""

    TRACES = "traces"
    LOGS = "logs"
    METRICS = "metrics"


REQUEST_TYPE: dict[Signal, type[Message]] = {
    Signal.TRACES: ExportTraceServiceRequest,
    Signal.LOGS: ExportLogsServiceRequest,
    Signal.METRICS: ExportMetricsServiceRequest,
}
"""The OTLP request of each signal: the collector's one internal shape."""
