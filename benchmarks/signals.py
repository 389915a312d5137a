"""What is sent, and where it is found again."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Signal:
    """One of OpenTelemetry's signals: its name in OTLP's paths, what one of its items is called, and the table,
    which every system here calls the same."""

    name: str
    items: str
    table: str

    @property
    def path(self) -> str:
        return f"/v1/{self.name}"


TRACES = Signal("traces", "spans", "otel_traces")
LOGS = Signal("logs", "records", "otel_logs")
SIGNALS = {signal.name: signal for signal in (TRACES, LOGS)}
