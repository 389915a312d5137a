"""The HTTP server of the query service: granian, inside this process and on its event loop."""

import asyncio
import socket
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from fastapi import FastAPI
from granian.constants import Interfaces, SSLProtocols
from granian.http import HTTP1Settings
from granian.server.embed import Server

_HEADER_TIMEOUT_MS = 10_000
_FIRST_CHECK_S = 0.05
_TAKEOVER_S = 1.0


@dataclass(frozen=True)
class Tls:
    """The files of a certificate chain and its private key, in PEM."""

    cert: Path
    key: Path


@dataclass
class QueryServer:
    """A running query service. `port` is the one in use, also where 0 was asked for."""

    port: int
    _app: FastAPI
    _start: Callable[[], Server]
    _server: Server
    _task: asyncio.Task[None]

    async def stop(self) -> None:
        """Ends the server; requests under way are answered first, and those without an end of their own are ended."""
        self._app.state.stopping.set()
        self._server.stop()  # type: ignore[no-untyped-call]
        await self._task

    async def renew(self) -> None:
        """Reads the certificate again: a new server takes over the port, and the old one answers what it has begun."""
        old, old_task = self._server, self._task
        self._server = self._start()
        self._task = asyncio.create_task(self._server.serve(), name="query server")
        # granian's listeners share a port (SO_REUSEPORT), so there is no moment without one.
        await asyncio.sleep(_TAKEOVER_S)
        old.stop()  # type: ignore[no-untyped-call]
        await old_task


async def serve(app: FastAPI, host: str, port: int, tls: Tls | None = None) -> QueryServer:
    """Serves `app` on `host` and `port` (0 picks a free one), with `tls` over HTTPS alone.

    Raises OSError when the address cannot be had.
    """
    free = await asyncio.to_thread(_free_port, host, port)

    def start() -> Server:
        return Server(
            app,
            address=host,
            port=free,
            interface=Interfaces.ASGI,
            http1_settings=HTTP1Settings(header_read_timeout=_HEADER_TIMEOUT_MS),
            log_enabled=False,
            ssl_cert=tls.cert if tls else None,
            ssl_key=tls.key if tls else None,
            ssl_protocol_min=SSLProtocols.tls12,
        )

    server = start()
    task = asyncio.create_task(server.serve(), name="query server")
    await _until_answering(host, free, task)
    return QueryServer(free, app, start, server, task)


def _free_port(host: str, port: int) -> int:
    """The port to use: granian neither tells which one it got for 0 nor raises when one is taken."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise OSError(
                f"the query service cannot listen on {host}:{port}: {error.strerror}. "
                "Another port is given with --query-port"
            ) from error
        taken: int = probe.getsockname()[1]
        return taken


async def _until_answering(host: str, port: int, task: asyncio.Task[None]) -> None:
    """Returns once the port accepts connections. Raises OSError when the server ended instead."""
    while True:
        try:
            _, writer = await asyncio.open_connection(host, port)
        except OSError:
            if task.done():
                raise OSError(f"the query service could not listen on {host}:{port}") from task.exception()
            await asyncio.sleep(_FIRST_CHECK_S)
        else:
            writer.close()
            await writer.wait_closed()
            return
