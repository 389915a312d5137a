"""Collectors of every temper: one that takes OTLP in and remembers it, or that is slow, hangs, hangs up or refuses."""

import gzip
import ssl
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord
from opentelemetry.proto.trace.v1.trace_pb2 import Span
from tests.otlp import attributes


class Collector:
    """`delay_s` before each answer; `statuses` are given one after the other, the last one for good; `hangs`, `resets`."""

    def __init__(self) -> None:
        self.delay_s = 0.0
        self.statuses = [200]
        self.hangs = False
        self.resets = False
        self.bodies: list[tuple[str, bytes, dict[str, str]]] = []
        """Of requests that were answered with 200: path, decompressed body, headers."""
        self.requests = 0
        self._released = threading.Event()
        self._lock = threading.Lock()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _routes(self))
        self._server.daemon_threads = True
        threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True
        ).start()
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def secure(self, context: ssl.SSLContext) -> None:
        """From now on the collector speaks TLS, under this name."""
        self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        self.url = self.url.replace("http://127.0.0.1", "https://localhost")

    def close(self) -> None:
        self._released.set()
        self._server.shutdown()
        self._server.server_close()

    def answer(self, path: str, body: bytes, headers: dict[str, str]) -> int | None:
        """The status of an answer; None for none at all."""
        with self._lock:
            self.requests += 1
            status = self.statuses.pop(0) if len(self.statuses) > 1 else self.statuses[0]
        if self.resets:
            return None
        if self.hangs:
            self._released.wait()
            return None
        self._released.wait(self.delay_s)
        if status == 200:
            with self._lock:
                self.bodies.append((path, gzip.decompress(body), headers))
        return status

    def spans(self) -> list[Span]:
        """Each once: one that came again counts as the last that came."""
        found = {(span.trace_id, span.span_id): span for span in self._every_span()}
        return list(found.values())

    def _every_span(self) -> Iterator[Span]:
        for path, body, _ in list(self.bodies):
            if path == "/v1/traces":
                for of_resource in ExportTraceServiceRequest.FromString(body).resource_spans:
                    for of_scope in of_resource.scope_spans:
                        yield from of_scope.spans

    def resources(self) -> list[dict[str, Any]]:
        requests = [
            ExportTraceServiceRequest.FromString(body)
            for path, body, _ in self.bodies
            if path == "/v1/traces"
        ]
        return [attributes(found.resource) for request in requests for found in request.resource_spans]

    def logs(self) -> list[LogRecord]:
        """Each once, though its request may have come twice."""
        bodies = dict.fromkeys(body for path, body, _ in list(self.bodies) if path == "/v1/logs")
        requests = [ExportLogsServiceRequest.FromString(body) for body in bodies]
        return [
            record
            for request in requests
            for of_resource in request.resource_logs
            for of_scope in of_resource.scope_logs
            for record in of_scope.log_records
        ]


def _routes(collector: Collector) -> type[BaseHTTPRequestHandler]:
    class Routes(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def log_message(self, *_: Any) -> None:
            pass

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            status = collector.answer(self.path, body, dict(self.headers))
            if status is None:
                self.close_connection = True
                return
            try:
                self.send_response_only(status)
                self.send_header("Content-Length", "0")
                self.end_headers()
                self.wfile.flush()
            except OSError:
                self.close_connection = True

    return Routes
