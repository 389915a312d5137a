"""The Runtime, Extensions and Telemetry API of one sandbox over HTTP, as Lambda documents them.

Sources: AWS Lambda Developer Guide, "Using the Lambda runtime API for custom runtimes", "Using the Lambda Extensions API to
create extensions", "Lambda Telemetry API reference".
"""

import http.client
import json
import threading
import uuid
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tests.instrumentation.lambda_api.telemetry import Telemetry

RUNTIME, EXTENSIONS, TELEMETRY = "/2018-06-01/runtime", "/2020-01-01/extension", "/2022-07-01/telemetry"
http.client._MAXLINE = 2 << 20  # type: ignore[attr-defined]  # the runtime tells X-Ray of a whole stack in one header
SCHEMAS = ("2022-07-01", "2022-12-13", "2025-01-29")


class Gone(Exception):
    """Whoever asked is no longer there."""


class Waiter:
    """Somebody who asks for what comes next: an extension, or the runtime, which may have several workers that ask."""

    def __init__(self) -> None:
        self.changed = threading.Condition()
        self._given: list[Any] = []
        self._asking = 0
        self._is_gone = False

    def ask(self) -> Any:
        """Blocks until something is given. Raises `Gone` when the sandbox is reset."""
        with self.changed:
            self._asking += 1
            self.changed.notify_all()
            self.changed.wait_for(lambda: self._given or self._is_gone)
            self._asking -= 1
            if not self._given:
                raise Gone
            return self._given.pop(0)

    def give(self, what: Any) -> None:
        with self.changed:
            self._given.append(what)
            self.changed.notify_all()

    def leave(self) -> None:
        with self.changed:
            self._is_gone = True
            self.changed.notify_all()

    def wait_until_asking(self, timeout_s: float, least: int = 1) -> bool:
        """That so many ask who have not been given anything."""
        with self.changed:
            return self.changed.wait_for(lambda: self._idle >= least or self._is_gone, timeout_s) and (
                self._idle >= least
            )

    @property
    def _idle(self) -> int:
        return self._asking - len(self._given)


@dataclass
class Extension:
    name: str
    events: list[str]
    waiter: Waiter = field(default_factory=Waiter)


@dataclass
class Outcome:
    """What the runtime posted for an invocation."""

    body: bytes
    is_error: bool


class Api:
    """The state behind the routes, of one life of a sandbox."""

    def __init__(
        self,
        function_name: str,
        schemas: tuple[str, ...] = SCHEMAS,
        has_telemetry: bool = True,
        managed: bool = False,
    ) -> None:
        self.function_name = function_name
        self.schemas = schemas
        self.has_telemetry = has_telemetry
        self.managed = managed
        self.failures = 0
        """So many times, who asks for the next event gets a 500."""
        self.runtime = Waiter()
        self.extensions: dict[str, Extension] = {}
        self.telemetry = Telemetry()
        self.outcomes: dict[str, Outcome] = {}
        self.init_error: bytes | None = None
        self.crashes: list[str] = []
        self.changed = threading.Condition()
        self._server = _Server(("127.0.0.1", 0), _Routes)
        self._server.api = self
        threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True
        ).start()
        self.address = f"127.0.0.1:{self._server.server_port}"

    def close(self) -> None:
        self.runtime.leave()
        for extension in self.extensions.values():
            extension.waiter.leave()
        self.telemetry.end()
        self._server.shutdown()
        self._server.server_close()

    def post(self, request_id: str, outcome: Outcome) -> None:
        with self.changed:
            self.outcomes[request_id] = outcome
            self.changed.notify_all()

    def fail_init(self, body: bytes) -> None:
        with self.changed:
            self.init_error = body
            self.changed.notify_all()

    def register(self, name: str, events: list[str]) -> str:
        identifier = str(uuid.uuid4())
        with self.changed:
            self.extensions[identifier] = Extension(name, events)
            self.changed.notify_all()
        return identifier


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    api: Api

    def handle_error(self, *_: Any) -> None:
        """Whoever is killed hangs up."""


class _Routes(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1
    server: "_Server"

    @property
    def api(self) -> Api:
        return self.server.api

    def log_message(self, *_: Any) -> None:
        pass

    def do_GET(self) -> None:
        try:
            if self.path == f"{RUNTIME}/invocation/next":
                headers, body = self.api.runtime.ask()
                self._answer(200, body, headers)
            elif self.path == f"{EXTENSIONS}/event/next":
                self._next_event()
            elif self.path == f"{RUNTIME}/restore/next":
                self._answer(200)  # the snapshot was taken, and is restored
            else:
                self._answer(404)
        except (Gone, OSError):
            self.close_connection = True

    def _next_event(self) -> None:
        extension = self.api.extensions.get(self.headers["Lambda-Extension-Identifier"] or "")
        if extension is None:
            self._answer(403, b'{"errorType":"Extension.UnknownExtensionIdentifier"}')
        elif self.api.failures:
            self.api.failures -= 1
            self._answer(500)
        else:
            self._answer(200, json.dumps(extension.waiter.ask()).encode())

    def do_POST(self) -> None:
        body = self._body()
        parts = self.path.removeprefix(f"{RUNTIME}/invocation/").split("/")
        if self.path == f"{RUNTIME}/init/error":
            self.api.fail_init(body)
            self._answer(202, b'{"status":"OK"}')
        elif len(parts) == 2 and parts[1] in ("response", "error"):
            self.api.post(parts[0], Outcome(body, parts[1] == "error"))
            self._answer(202, b'{"status":"OK"}')
        elif self.path == f"{EXTENSIONS}/register":
            self._register(body)
        elif self.path in (f"{EXTENSIONS}/init/error", f"{EXTENSIONS}/exit/error"):
            self.api.crashes.append(self.headers["Lambda-Extension-Function-Error-Type"])
            self._answer(202, b'{"status":"OK"}')
        else:
            self._answer(404)

    def _register(self, body: bytes) -> None:
        name, events = self.headers["Lambda-Extension-Name"], json.loads(body)["events"]
        if not name or not set(events) <= {"SHUTDOWN"} | ({"INVOKE"} if not self.api.managed else set()):
            self._answer(400, b'{"errorType":"InvalidEventType"}')
            return
        told = {
            "functionName": self.api.function_name,
            "functionVersion": "$LATEST",
            "handler": "app.handler",
        }
        identifier = self.api.register(name, events)
        self._answer(200, json.dumps(told).encode(), {"Lambda-Extension-Identifier": identifier})

    def do_PUT(self) -> None:
        subscription = json.loads(self._body())
        if self.path != TELEMETRY or self.headers["Lambda-Extension-Identifier"] not in self.api.extensions:
            self._answer(403)
        elif not self.api.has_telemetry:
            self._answer(202, b"Telemetry API is not supported")
        elif subscription["schemaVersion"] not in self.api.schemas:
            self._answer(400, b'{"errorType":"ValidationError"}')
        else:
            self.api.telemetry.subscribe(subscription)
            self._answer(200, b'"OK"')

    def _body(self) -> bytes:
        """libcurl, which the runtime client speaks through, sends some bodies in chunks."""
        if self.headers.get("Transfer-Encoding", "") != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length", "0")))
        body = b""
        while size := int(self.rfile.readline(), 16):
            body += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return body

    def _answer(self, status: int, body: bytes = b"", headers: dict[str, str] | None = None) -> None:
        self.send_response_only(status)
        for name, value in {**(headers or {}), "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        if body:
            self.send_header("Content-Type", "application/json")
        self.end_headers()
        self.wfile.write(body)
        self.wfile.flush()
