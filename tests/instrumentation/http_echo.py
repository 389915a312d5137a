"""An HTTP server that says what it was asked."""

import json
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import ClassVar


class Echo(BaseHTTPRequestHandler):
    """`/status/404` answers that, `/redirect` sends to `/echo`, `/gateway` answers as an HTTP API does, `/cut` breaks off."""

    protocol_version = "HTTP/1.1"
    bodies: ClassVar[dict[str, bytes]] = {}
    """The last body that came for each path."""

    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        self.bodies[path] = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        body = json.dumps({name.lower(): value for name, value in self.headers.items()}).encode()
        self.send_response(
            302 if path == "/redirect" else int(path[8:]) if path.startswith("/status/") else 200
        )
        if path == "/redirect":
            self.send_header("Location", "/echo")
        if path == "/gateway":
            self.send_header("Apigw-Requestid", "gw-1")
        self.send_header("Content-Length", str(len(body) + (10 if path == "/cut" else 0)))
        self.end_headers()
        with suppress(ConnectionError):  # some hang up before they have read
            self.wfile.write(body)
        self.close_connection = path == "/cut"

    do_POST = do_GET  # noqa: N815 - http.server names it so

    def do_CONNECT(self) -> None:
        """A tunnel, to itself."""
        self.send_response(200)
        self.end_headers()
        self.close_connection = False

    def log_message(self, *args: object) -> None:
        pass


class Server(ThreadingHTTPServer):
    def handle_error(self, *args: object) -> None:
        """Some clients hang up as they please."""


@contextmanager
def echo() -> Iterator[str]:
    """Its URL."""
    server = Server(("127.0.0.1", 0), Echo)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()
