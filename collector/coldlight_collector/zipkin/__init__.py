"""The Zipkin receiver: v2 in JSON and protobuf, v1 in JSON. Each format is read into `span.Span`, which
`to_otlp` turns into OTLP by OpenTelemetry's own conventions for Zipkin."""

from coldlight_collector.zipkin.receiver import refuse, routes

__all__ = ["refuse", "routes"]
