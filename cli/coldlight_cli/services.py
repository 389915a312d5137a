"""The composition root: opens the store, starts the services that a command asks for, and stops them in reverse."""

import asyncio
import gc
import logging
import os
import signal
import sys
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, closing
from dataclasses import dataclass, field
from enum import Flag, auto
from functools import partial
from typing import Any

import uvloop
from prometheus_client import GC_COLLECTOR, PLATFORM_COLLECTOR, PROCESS_COLLECTOR, CollectorRegistry

from coldlight_cli.settings import Settings
from coldlight_cli.state import state_of
from coldlight_collector import collector
from coldlight_collector.http.messages import Limits
from coldlight_collector.journal import JournalLimits
from coldlight_collector.otlp_grpc import GrpcLimits
from coldlight_collector.settings import CollectorSettings
from coldlight_collector.tls import Certificate
from coldlight_query import server as query_server
from coldlight_query.app import create_app
from coldlight_query.cost.overlays import tables_in_force
from coldlight_query.server import QueryServer, Tls
from coldlight_storage import (
    QueryLimits,
    Signal,
    Stores,
    StoreUnavailable,
    TenantStore,
    __version__,
    open_store,
    parse_address,
)
from coldlight_storage.access import Access
from coldlight_storage.migrations import migrate, set_retention
from coldlight_storage.state import State, StateUnavailable
from coldlight_storage.state.tokens import DEFAULT_TENANT, Rates, read_tokens, tenants_of

log = logging.getLogger(__name__)

AUTHENTICATION_FAILED = 516  # of ClickHouse's ErrorCodes.cpp
_PREPARE_S = 10
_LOOK_EVERY_S = 2


class Services(Flag):
    """What a command runs."""

    COLLECTOR = auto()
    QUERY = auto()


_MEANWHILE = {
    True: "what arrives is kept in the journal until it does",
    False: "queries are refused (503) until it does",
}
"""What a service does without ClickHouse: with a collector in it, and without one."""

_YOUNG_OBJECTS = 50_000
"""So many new objects the garbage collector waits for: Python's 700 are a few requests."""
_SWITCH_S = 0.001
"""So long a thread may keep the interpreter when the event loop wants it: with Python's 5 ms, two hostile bodies that are being
decoded in threads cost every other request 10 ms at each step."""


@dataclass(frozen=True)
class Running:
    """Where the started services listen, as (name, address) to show; `notes` are worth a warning."""

    addresses: list[tuple[str, str]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def run(settings: Settings, services: Services, started: Callable[[Running], None]) -> None:
    """Runs the services until SIGINT or SIGTERM; `started` is told where they listen.

    Raises `DataFolderInUse`, `NewerSchema`, `StoreError` when ClickHouse refuses the password or the tables,
    or OSError when an address or folder cannot be had.
    """
    # What lives through the start lives to the end, and a request leaves no cycles behind: look for them rarely.
    gc.freeze()
    gc.set_threshold(_YOUNG_OBJECTS)
    sys.setswitchinterval(_SWITCH_S)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_serve(settings, services, started))


async def _serve(settings: Settings, services: Services, started: Callable[[Running], None]) -> None:
    running = Running()
    told = _stop_signals(settings.drain_seconds)
    asyncio.get_running_loop().set_exception_handler(_tell)
    tls = _certificate(settings)
    async with AsyncExitStack() as stack:
        state = stack.enter_context(closing(state_of(settings)))
        access = await _access(state, settings, running)
        stores = await stack.enter_async_context(_open(settings))
        if not await _prepared(stores, settings):
            running.notes.append(
                f"ClickHouse does not answer yet: {_MEANWHILE[Services.COLLECTOR in services]}"
            )
        registry = CollectorRegistry()
        for process_metrics in (PROCESS_COLLECTOR, PLATFORM_COLLECTOR, GC_COLLECTOR):
            registry.register(process_metrics)
        failures: list[asyncio.Task[None]] = []
        renewals: list[Callable[[], Awaitable[None]]] = []
        if Services.COLLECTOR in services:
            collecting = _collector(stores, access, settings, registry, running, tls)
            failures += await stack.enter_async_context(collecting)
        else:
            failures.append(asyncio.create_task(access.refresh_steadily(), name="tokens"))
        if Services.QUERY in services:
            serving = _query(stores, state, access, settings, registry, running)
            served = await stack.enter_async_context(serving)
            renewals.append(served.renew)
        if tls:
            await stack.enter_async_context(_renewing(tls, renewals))
        running.addresses.append(("ClickHouse", _where(settings)))
        started(running)
        await _until_told_to_stop(told, failures)


class PublicWithoutTokens(Exception):
    """Other machines would reach the ports, and nobody could be told from anybody else."""


async def _access(state: State, settings: Settings, running: Running) -> Access:
    """Who is let in. Raises `PublicWithoutTokens`."""
    access = Access(partial(read_tokens, state), _token(settings), is_public=settings.public_host is not None)
    try:
        await access.refresh()
    except StateUnavailable as error:
        running.notes.append(f"Until the tokens can be read, senders and readers get 503: {error}")
    else:
        if settings.public_host and not access.has_token:
            raise PublicWithoutTokens(
                f"other machines reach {settings.public_host}, and there is no token: make one with"
                " `coldlight token create NAME --role ingest`, set auth_token (COLDLIGHT_AUTH_TOKEN) to 16 or"
                " more characters, or listen on 127.0.0.1"
            )
    return access


def migrate_all(settings: Settings) -> None:
    """Brings the tables of every tenant up to date. Raises as `prepare` does, and `StateUnavailable`."""
    url = settings.clickhouse.get_secret_value() if settings.clickhouse else None
    with closing(state_of(settings)) as state:
        tenants = tenants_of(read_tokens(state)) | {DEFAULT_TENANT}
    stores = Stores(open_store(url, settings.data, settings.memory), partial(prepare, settings=settings))
    try:
        for tenant in sorted(tenants):
            stores.prepare(tenant)
    finally:
        stores.close()


@asynccontextmanager
async def _open(settings: Settings) -> AsyncIterator[Stores]:
    url = settings.clickhouse.get_secret_value() if settings.clickhouse else None
    limits = QueryLimits(time_s=settings.query_timeout.total_seconds())
    store = await asyncio.to_thread(open_store, url, settings.data, settings.memory, limits)
    stores = Stores(store, partial(prepare, settings=settings))
    try:
        yield stores
    finally:
        await asyncio.to_thread(stores.close)


async def _prepared(stores: Stores, settings: Settings) -> bool:
    """Makes the tables; False when ClickHouse is away, which is no reason not to start.

    A wrong password is one, for whoever starts Coldlight is there to mend it: raises `StoreUnavailable` for it.
    """
    patience_s = _PREPARE_S if settings.clickhouse else None
    try:
        async with asyncio.timeout(patience_s):
            await asyncio.to_thread(stores.prepare, DEFAULT_TENANT)
    except TimeoutError:
        log.warning("ClickHouse does not answer within %s s", patience_s)
        return False
    except StoreUnavailable as error:
        if error.code == AUTHENTICATION_FAILED:
            raise
        log.warning("ClickHouse does not answer: %s", error.summary)
        return False
    return True


def prepare(store: TenantStore, settings: Settings) -> None:
    """Brings the tables to this program's schema and retention. Raises `NewerSchema` and what `Store` raises."""
    store.create_database()
    migrate(store)
    retention = {
        Signal.TRACES: settings.retention_traces,
        Signal.LOGS: settings.retention_logs,
        Signal.METRICS: settings.retention_metrics,
    }
    set_retention(store, {kept: span.days if span else None for kept, span in retention.items()})


@asynccontextmanager
async def _collector(
    stores: Stores,
    access: Access,
    settings: Settings,
    registry: CollectorRegistry,
    running: Running,
    tls: Certificate | None,
) -> AsyncIterator[list[asyncio.Task[None]]]:
    """Yields tasks that fail should the collector ever fail."""
    started = await collector.start(stores, access, _collector_settings(settings, tls), registry)
    running.addresses.append(("OTLP/HTTP", _url(settings, started.ports.http.port)))
    running.addresses.append(("OTLP/gRPC", _url(settings, started.ports.grpc.port)))
    running.addresses.append(("X-Ray", _address(settings.xray_address, started.ports.xray.port)))
    running.addresses.append(("Zipkin", _url(settings, started.ports.zipkin.port)))
    watching = [
        asyncio.create_task(started.failed(), name="collector"),
        asyncio.create_task(access.refresh_steadily(started.tenants.meet), name="tokens"),
    ]
    try:
        yield watching
    finally:
        for task in watching:
            task.cancel()
        await started.stop(settings.drain_seconds * 0.8)


def _collector_settings(settings: Settings, tls: Certificate | None) -> CollectorSettings:
    return CollectorSettings(
        folder=settings.data / "journal",
        host=settings.host,
        http_port=settings.otlp_http_port,
        grpc_port=settings.otlp_grpc_port,
        xray_host=settings.xray_address,
        xray_port=settings.xray_port,
        zipkin_port=settings.zipkin_port,
        rates=Rates(settings.token_items, settings.token_bytes),
        tls=tls,
        cors_origins=tuple(settings.cors_origins),
        journal=JournalLimits(
            total_bytes=settings.journal_limit,
            batch_items=settings.batch_rows,
            batch_expanded_bytes=_least(settings, settings.batch_bytes, 16),
            linger_s=settings.batch_linger_ms / 1000,
        ),
        http=Limits(
            connections=settings.max_connections,
            connections_of_one_address=settings.max_connections_per_address,
            body_bytes=settings.max_request,
        ),
        grpc=GrpcLimits(connections=settings.max_connections, message_bytes=settings.max_request),
        decompressed_bytes=settings.max_request_decompressed,
        self_trace=settings.self_trace,
        expanded_bytes=_least(settings, settings.max_request_expanded, 8),
    )


def _least(settings: Settings, size: int, share: int) -> int:
    """`size`, or what an engine in this process can insert with its memory if that is less: one that is too large for it
    would be tried for ever. A server's memory is its own affair."""
    return size if settings.clickhouse else min(size, settings.memory // share)


@asynccontextmanager
async def _query(
    stores: Stores,
    state: State,
    access: Access,
    settings: Settings,
    registry: CollectorRegistry,
    running: Running,
) -> AsyncIterator[QueryServer]:
    prices = tables_in_force(settings.prices)
    app = create_app(stores, state, access, registry, __version__, prices=prices)
    tls = Tls(settings.tls_cert, settings.tls_key) if settings.tls_cert and settings.tls_key else None
    server = await query_server.serve(app, settings.host, settings.query_port, tls)
    running.addresses.append(("Query API", f"{_url(settings, server.port)}/docs"))
    try:
        yield server
    finally:
        await server.stop()


def _certificate(settings: Settings) -> Certificate | None:
    """Raises OSError that names the flag and the fix."""
    return (
        Certificate(settings.tls_cert, settings.tls_key) if settings.tls_cert and settings.tls_key else None
    )


@asynccontextmanager
async def _renewing(
    tls: Certificate, renewals: Sequence[Callable[[], Awaitable[None]]]
) -> AsyncIterator[None]:
    """Takes up a renewed certificate for the length of the block; `renewals` are what else is to be done then."""

    async def watch() -> None:
        while True:
            await asyncio.sleep(_LOOK_EVERY_S)
            try:
                is_new = await asyncio.to_thread(tls.renew)
            except OSError as error:
                log.error("the renewed certificate is not used, the old one stays: %s", error)
                continue
            for renew in renewals if is_new else ():
                await renew()
            if is_new:
                log.info("the certificate in %s has been renewed", tls.cert)

    watching = asyncio.create_task(watch(), name="certificate")
    try:
        yield
    finally:
        watching.cancel()
        await asyncio.wait([watching])


def _stop_signals(drain_seconds: float) -> asyncio.Event:
    """Set by SIGINT or SIGTERM, from the start on: one that comes while services start stops them, too."""
    told = asyncio.Event()

    def stop() -> None:
        if not told.is_set():
            told.set()
            _end_for_certain_after(drain_seconds)

    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop)
    return told


def _tell(_: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """What nobody caught; asyncio's own words would quote the exception, and with it what was sent."""
    log.error("%s", context["message"], exc_info=context.get("exception"))


async def _until_told_to_stop(told: asyncio.Event, failures: list[asyncio.Task[None]]) -> None:
    """Returns when `told`; raises what ends one of the tasks before."""
    waiting = asyncio.create_task(told.wait(), name="signals")
    done, _ = await asyncio.wait([waiting, *failures], return_when=asyncio.FIRST_COMPLETED)
    for task in done - {waiting}:
        await task


def _end_for_certain_after(seconds: float) -> None:
    """Ends the process even if a query or insert cannot be interrupted: the journal keeps what is not inserted."""

    def end() -> None:
        log.warning("still busy after %s s; what is not inserted stays in the journal", seconds)
        logging.shutdown()
        os._exit(0)

    timer = threading.Timer(max(0.5, seconds - 0.5), end)
    timer.daemon = True
    timer.start()


def _token(settings: Settings) -> str | None:
    return settings.auth_token.get_secret_value() if settings.auth_token else None


def _where(settings: Settings) -> str:
    if settings.clickhouse:
        return repr(parse_address(settings.clickhouse.get_secret_value()))
    return f"embedded, in {settings.data}"


def _url(settings: Settings, port: int) -> str:
    return f"{'https' if settings.tls_cert else 'http'}://{_address(settings.host, port)}"


def _address(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
