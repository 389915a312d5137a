"""The Extensions API and the Telemetry API (AWS Lambda Developer Guide, "Using the Lambda Extensions API to create extensions"
and "Lambda Telemetry API reference")."""

from __future__ import annotations

import socket
import time

from coldlight_lambda.addresses import Address
from coldlight_lambda.shipper.http1 import Connection

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_EXTENSIONS = "/2020-01-01/extension"
_TELEMETRY = "/2022-07-01/telemetry"
_SCHEMAS = ("2025-01-29", "2022-12-13", "2022-07-01")
"""The newest first: Managed Instances demand it; an older platform may not know it."""
_TIMEOUT_S = 5.0
_PAUSE_S = 1.0
_BACKLOG = 1024
"""All processes of a Managed Instance may connect at once."""
_BUFFERING = {"maxItems": 1000, "maxBytes": 256 << 10, "timeoutMs": 25}


def listen_to_recorder(port: int) -> socket.socket:
    """Raises OSError for a port that is taken."""
    return socket.create_server(("127.0.0.1", port), backlog=_BACKLOG)


def listen_to_telemetry() -> socket.socket:
    """On a free port of every interface: the platform speaks from the sandbox's own network, which nobody else can reach."""
    return socket.create_server(("0.0.0.0", 0))


MANAGED_INSTANCES = "lambda-managed-instances"
"""Of AWS_LAMBDA_INITIALIZATION_TYPE: several invocations run at once, nothing is frozen, and nobody is told of invocations."""


class Refused(Exception):
    """The platform said no."""


class Extension:
    """One extension, as the platform sees it. All calls raise OSError if the platform cannot be spoken with."""

    def __init__(self, runtime_api: str) -> None:
        """`runtime_api` is AWS_LAMBDA_RUNTIME_API: host and port."""
        self._connection = Connection(Address(f"http://{runtime_api}"))
        self._identifier = ""

    @property
    def is_registered(self) -> bool:
        return bool(self._identifier)

    def close(self) -> None:
        """Of who is not registered."""
        self._connection.close()

    def register(self, name: str, events: list[str]) -> None:
        """The name is the file's in /opt/extensions, or any other if it runs inside the runtime. Raises `Refused`.

        The runtime waits for this, so it comes before everything that can wait: even the import of `json`.
        """
        headers = {"Lambda-Extension-Name": name, "Content-Type": "application/json"}
        names = ", ".join([f'"{event}"' for event in events])
        body = f'{{"events": [{names}]}}'.encode()
        answer = self._connection.ask("POST", f"{_EXTENSIONS}/register", headers, body, _TIMEOUT_S)
        if answer.status != 200:
            raise Refused(f"the extension was not registered: {answer.status} {answer.body[:200]!r}")
        self._identifier = answer.headers.get("lambda-extension-identifier", "")

    def subscribe(self, port: int) -> bool:
        """Has the platform post its events to this port. False if it offers none, as in local emulations. Before the first
        `next`: after that it is refused."""
        return any(self._subscribe(schema, port) for schema in _SCHEMAS)

    def _subscribe(self, schema: str, port: int) -> bool:
        import json

        subscription = {
            "schemaVersion": schema,
            "types": ["platform", "function"],
            "buffering": _BUFFERING,
            "destination": {"protocol": "HTTP", "URI": f"http://sandbox.localdomain:{port}"},
        }
        headers = {"Lambda-Extension-Identifier": self._identifier, "Content-Type": "application/json"}
        answer = self._connection.ask(
            "PUT", _TELEMETRY, headers, json.dumps(subscription).encode(), _TIMEOUT_S
        )
        return answer.status == 200

    def next(self) -> dict[str, Any]:
        """Says that this extension is done, and waits for what comes: INVOKE or SHUTDOWN, however long that takes.

        It never gives up: the platform would wait for an extension that does not ask, and everybody with it."""
        while True:
            try:
                return self._next()
            except Exception:  # noqa: BLE001 - see above
                time.sleep(_PAUSE_S)

    def _next(self) -> dict[str, Any]:
        import json

        headers = {"Lambda-Extension-Identifier": self._identifier}
        answer = self._connection.ask("GET", f"{_EXTENSIONS}/event/next", headers, b"", None)
        if answer.status != 200:
            raise Refused(f"the platform answered {answer.status} {answer.body[:200]!r}")
        event = json.loads(answer.body)
        return event if isinstance(event, dict) else {}
