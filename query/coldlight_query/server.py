"""The HTTP server of the query service: granian, inside this process and on its event loop."""

import asyncio
import socket
from dataclasses import dataclass

from fastapi import FastAPI
from granian.constants import Interfaces
from granian.http import HTTP1Settings
from granian.server.embed import Server

_HEADER_TIMEOUT_MS = 10_000
_FIRST_CHECK_S = 0.05


@dataclass
class QueryServer:
    """A running query service. `port` is the one in use, also where 0 was asked for."""

    port: int
    _server: Server
    _task: asyncio.Task[None]

    async def stop(self) -> None:
        """Ends the server; requests under way are answered first."""
        self._server.stop()  # type: ignore[no-untyped-call]
        await self._task


async def serve(app: FastAPI, host: str, port: int) -> QueryServer:
    """Serves `app` on `host` and `port` (0 picks a free one). Raises OSError when the address cannot be had."""
    free = await asyncio.to_thread(_free_port, host, port)
    server = Server(
        app,
        address=host,
        port=free,
        interface=Interfaces.ASGI,
        http1_settings=HTTP1Settings(header_read_timeout=_HEADER_TIMEOUT_MS),
        log_enabled=False,
    )
    task = asyncio.create_task(server.serve(), name="query server")
    await _until_answering(host, free, task)
    return QueryServer(free, server, task)


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
