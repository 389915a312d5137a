"""The collector, put together: receivers -> journal -> inserter."""

import asyncio
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from io import TextIOWrapper
from pathlib import Path

from prometheus_client import CollectorRegistry

from coldlight_collector import front_door, health, metrics, otlp_grpc
from coldlight_collector.http.messages import Budget, Limits, Refuse, Routes
from coldlight_collector.http.router import router
from coldlight_collector.http.server import HttpServer, serve
from coldlight_collector.inserter import Inserter, read_identity
from coldlight_collector.journal import Journal, JournalLimits
from coldlight_collector.otlp_grpc import GrpcLimits, GrpcServer
from coldlight_collector.receiver import Receiver
from coldlight_storage import Store
from coldlight_storage.folder_lock import lock_folder


@dataclass(frozen=True)
class CollectorSettings:
    """What a collector needs to know; ports may be 0 for any free one."""

    folder: Path
    host: str = "127.0.0.1"
    http_port: int = 4318
    grpc_port: int = 4317
    zipkin_port: int = 9411
    token: str | None = field(default=None, repr=False)
    cors_origins: tuple[str, ...] = ()
    journal: JournalLimits = field(default_factory=JournalLimits)
    http: Limits = field(default_factory=Limits)
    grpc: GrpcLimits = field(default_factory=GrpcLimits)
    decompressed_bytes: int = 64 << 20


@dataclass
class Collector:
    """A running collector."""

    http: HttpServer
    zipkin: HttpServer
    grpc: GrpcServer
    journal: Journal
    inserter: Inserter
    _lock: TextIOWrapper
    _committing: asyncio.Task[None]
    _inserting: asyncio.Task[None]

    async def stop(self, grace_s: float) -> None:
        """Refuses new requests, answers those under way, and inserts what it can within `grace_s` seconds.

        The rest stays in the journal for the next start.
        """
        deadline = asyncio.get_running_loop().time() + grace_s
        async with asyncio.TaskGroup() as group:
            group.create_task(self.http.stop(grace_s / 2))
            group.create_task(self.zipkin.stop(grace_s / 2))
            group.create_task(self.grpc.stop(grace_s / 2))
        self.journal.close()
        await self._committing
        # Should the inserter have failed, nobody is left to wait for.
        drained = asyncio.create_task(self.inserter.drained(), name="drain")
        left_s = max(0, deadline - asyncio.get_running_loop().time())
        await asyncio.wait([drained, self._inserting], timeout=left_s, return_when=asyncio.FIRST_COMPLETED)
        drained.cancel()
        self._inserting.cancel()
        await asyncio.wait([self._inserting])
        self._lock.close()

    async def failed(self) -> None:
        """Returns never, but raises what ends the journal or the inserter should that ever happen."""
        done, _ = await asyncio.wait([self._committing, self._inserting], return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()


async def start(
    store: Store, settings: CollectorSettings, registry: CollectorRegistry, prepare: Callable[[], object]
) -> Collector:
    """Starts a collector that inserts into `store`, once `prepare` has made its tables.

    Requests are acknowledged from the first moment, whether or not ClickHouse answers.
    Raises `DataFolderInUse`, or OSError when an address or the folder cannot be had.
    """
    lock = await asyncio.to_thread(lock_folder, settings.folder)
    journal = Journal(settings.folder, settings.journal)
    inserter = Inserter(journal, store, read_identity(settings.folder), prepare)
    intake = metrics.watch(registry, journal, inserter).counted(journal.append)
    budget = Budget()
    receiver = Receiver(intake, budget, settings.decompressed_bytes)
    routes, refuse = front_door.receivers(receiver, settings.token, settings.cors_origins)
    own_routes = front_door.own_routes(registry, journal, inserter, settings.token)
    http_port = _Port("OTLP/HTTP", settings.http_port, "--otlp-http-port")
    http = await _serve_http({**routes, **own_routes}, refuse, http_port, settings, budget)
    routes, refuse = front_door.zipkin_port(receiver, settings.token, settings.cors_origins)
    zipkin_port = _Port("Zipkin", settings.zipkin_port, "--zipkin-port")
    zipkin = await _serve_http(
        {**routes, **health.routes(journal, inserter)}, refuse, zipkin_port, settings, budget
    )
    grpc = await otlp_grpc.serve(
        intake, settings.host, settings.grpc_port, settings.grpc, budget, settings.token
    )
    committing = asyncio.create_task(journal.run(), name="journal")
    inserting = asyncio.create_task(inserter.run(), name="inserter")
    return Collector(http, zipkin, grpc, journal, inserter, lock, committing, inserting)


@dataclass(frozen=True)
class _Port:
    name: str
    number: int
    flag: str


async def _serve_http(
    routes: Routes, refuse: Refuse, port: _Port, settings: CollectorSettings, budget: Budget
) -> HttpServer:
    handler = router(routes, refuse)
    try:
        return await serve(handler, refuse, settings.host, port.number, settings.http, budget)
    except OSError as error:
        reason = os.strerror(error.errno) if error.errno else str(error)
        raise OSError(
            f"{port.name} cannot listen on {settings.host}:{port.number}: {reason}. "
            f"Another port is given with {port.flag}"
        ) from error
