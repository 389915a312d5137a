"""Starting and stopping the HTTP server."""

import asyncio
import ssl
from collections import Counter

from coldlight_collector.http.connection import Connection, Service
from coldlight_collector.http.messages import Budget, Handler, Limits, Refuse

_BACKLOG = 1024
_LONGEST_WATCH_S = 1.0


class HttpServer:
    """A running server. `port` is the one it got."""

    def __init__(self, service: Service, listener: asyncio.Server) -> None:
        self._service = service
        self._listener = listener
        self._watcher = asyncio.create_task(_watch(service))
        self.port: int = listener.sockets[0].getsockname()[1]

    @property
    def connections(self) -> int:
        """How many connections are open."""
        return self._service.admission.total

    @property
    def displaced(self) -> int:
        """How many connections were closed to make room for others."""
        return self._service.admission.displaced

    @property
    def refusals(self) -> Counter[int]:
        """How many requests no handler answered, by the status of the answer."""
        return self._service.refusals

    async def stop(self, grace_s: float) -> None:
        """Accepts nothing more, answers what is in hand for up to `grace_s` seconds, then cuts off the rest."""
        self._service.stopping = True
        self._listener.close()
        for connection in tuple(self._service.connections):
            connection.close_when_idle()
        self._service.check_emptied()
        try:
            await asyncio.wait_for(self._service.emptied.wait(), grace_s)
        except TimeoutError:
            await self._cut_off()
        self._watcher.cancel()
        await asyncio.wait([self._watcher])

    async def _cut_off(self) -> None:
        for connection in self._service.connections | self._service.answering:
            connection.abort()
        await self._service.emptied.wait()


async def serve(
    handler: Handler,
    refuse: Refuse,
    host: str,
    port: int,
    limits: Limits,
    budget: Budget,
    tls: ssl.SSLContext | None = None,
) -> HttpServer:
    """Listens on `host` and `port` (0 picks a free one) until the server is stopped.

    `budget` bounds the bodies in memory; servers of one process may share it. With `tls`, HTTPS alone is spoken. Raises
    `OSError` when the address cannot be had.
    """
    service = Service(handler, refuse, limits, budget)
    loop = asyncio.get_running_loop()

    listener = await loop.create_server(
        lambda: Connection(service),
        host,
        port,
        backlog=_BACKLOG,
        ssl=tls,
        # A connection is counted once TLS is agreed on; until then this bounds it.
        ssl_handshake_timeout=limits.header_timeout_s if tls else None,
    )
    return HttpServer(service, listener)


async def _watch(service: Service) -> None:
    """Looks at all deadlines in turn: one timer a server costs less than several a request."""
    limits = service.limits
    shortest = min(
        limits.header_timeout_s,
        limits.body_timeout_s,
        limits.idle_timeout_s,
        limits.write_timeout_s,
        limits.linger_s,
    )
    while True:
        await asyncio.sleep(min(_LONGEST_WATCH_S, shortest / 4))
        service.check_clock()
