"""What a collector needs to know."""

from dataclasses import dataclass, field
from pathlib import Path

from coldlight_collector.http.messages import Limits
from coldlight_collector.journal import JournalLimits
from coldlight_collector.otlp_grpc import GrpcLimits
from coldlight_collector.tls import Certificate
from coldlight_storage.state.tokens import UNLIMITED, Rates


@dataclass(frozen=True)
class CollectorSettings:
    """What a collector needs to know; ports may be 0 for any free one."""

    folder: Path
    host: str = "127.0.0.1"
    http_port: int = 4318
    grpc_port: int = 4317
    xray_host: str = "127.0.0.1"
    """UDP proves nothing of its senders: what comes belongs to the default tenant."""
    xray_port: int = 2000
    zipkin_port: int = 9411
    tls: Certificate | None = field(default=None, repr=False)
    """Of every port but X-Ray's, whose senders know no TLS and are on this machine."""
    rates: Rates = UNLIMITED
    """What a token may send that has no rates of its own."""
    cors_origins: tuple[str, ...] = ()
    journal: JournalLimits = field(default_factory=JournalLimits)
    http: Limits = field(default_factory=Limits)
    grpc: GrpcLimits = field(default_factory=GrpcLimits)
    decompressed_bytes: int = 64 << 20
    self_trace: float = 0.0
    """The fraction of requests of which the collector makes spans of its own."""
    expanded_bytes: int = 256 << 20
    """What one request may come to in ClickHouse (`amplification.py`)."""
