"""An OTLP/HTTP receiver for the demo, and what a run of the demo told it."""

import gzip
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from coldlight_cli.demo import DemoResult
from coldlight_storage.signals import REQUEST_TYPE, Signal

SERVER = 2
"""The kind of an invocation's span."""


@dataclass
class Received:
    """What a receiver has decoded, and how it answers: a status for each signal."""

    status: dict[Signal, int] = field(default_factory=lambda: dict.fromkeys(Signal, 200))
    requests: dict[Signal, list[Any]] = field(default_factory=lambda: {signal: [] for signal in Signal})
    headers: list[dict[str, str]] = field(default_factory=list)
    url: str = ""


@contextmanager
def receiver() -> Iterator[Received]:
    """An OTLP/HTTP receiver on a free port of this machine."""
    received = Received()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            signal = Signal(self.path.removeprefix("/v1/"))
            if self.headers.get("Content-Encoding") == "gzip":
                body = gzip.decompress(body)
            received.headers.append({name.lower(): value for name, value in self.headers.items()})
            received.requests[signal].append(REQUEST_TYPE[signal].FromString(body))
            self.send_response(received.status[signal])
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    received.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield received
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def plain(value: Any) -> Any:
    kind = value.WhichOneof("value")
    if kind == "array_value":
        return [plain(item) for item in value.array_value.values]
    return getattr(value, kind) if kind else None


def plain_map(pairs: Any) -> dict[str, Any]:
    return {pair.key: plain(pair.value) for pair in pairs}


@dataclass(frozen=True)
class Seen:
    """A span or a log record, with its attributes and resource as plain values."""

    item: Any
    attributes: dict[str, Any]
    resource: dict[str, Any]

    @property
    def service(self) -> str:
        return str(self.resource["service.name"])


@dataclass(frozen=True)
class Told:
    """Everything that one run of the demo told."""

    result: DemoResult
    spans: list[Seen]
    logs: list[Seen]
    metrics: list[Any]

    def where(self, choose: Callable[[Seen], bool]) -> list[Seen]:
        return [seen for seen in self.spans if choose(seen)]

    def invocations(self, function: str) -> list[Seen]:
        return self.where(lambda seen: seen.service == function and seen.item.kind == SERVER)

    def children(self, parent: Seen) -> list[Seen]:
        return self.where(lambda seen: seen.item.parent_span_id == parent.item.span_id)

    def events(self, name: str) -> list[Seen]:
        return [seen for seen in self.logs if seen.item.event_name == name]

    def trace(self, kind: str) -> list[Seen]:
        return self.where(lambda seen: seen.item.trace_id.hex() == self.result.traces[kind])


def tell(received: Received, result: DemoResult) -> Told:
    spans = [
        Seen(span, plain_map(span.attributes), plain_map(entry.resource.attributes))
        for request in received.requests[Signal.TRACES]
        for entry in request.resource_spans
        for scope in entry.scope_spans
        for span in scope.spans
    ]
    logs = [
        Seen(record, plain_map(record.attributes), plain_map(entry.resource.attributes))
        for request in received.requests[Signal.LOGS]
        for entry in request.resource_logs
        for scope in entry.scope_logs
        for record in scope.log_records
    ]
    metrics = [
        metric
        for request in received.requests[Signal.METRICS]
        for entry in request.resource_metrics
        for scope in entry.scope_metrics
        for metric in scope.metrics
    ]
    return Told(result, spans, logs, metrics)
