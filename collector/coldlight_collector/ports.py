"""Every port that the collector listens on."""

import asyncio
import os
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, TypeVar

from prometheus_client import CollectorRegistry

from coldlight_collector import front_door, health, otlp_grpc
from coldlight_collector.amplification import bounded
from coldlight_collector.gate import Gate
from coldlight_collector.http.messages import Budget, Refuse, Routes
from coldlight_collector.http.router import router
from coldlight_collector.http.server import HttpServer, serve
from coldlight_collector.intake import each
from coldlight_collector.otlp_grpc import GrpcServer
from coldlight_collector.receiver import Receiver
from coldlight_collector.settings import CollectorSettings
from coldlight_collector.tallies import UDP, Tallies
from coldlight_collector.tenants import Tenants
from coldlight_collector.tls import Certificate
from coldlight_collector.xray import daemon
from coldlight_collector.xray.daemon import XRayDaemon
from coldlight_storage.state.tokens import DEFAULT_TENANT

if TYPE_CHECKING:
    from coldlight_collector.self_trace import SelfTrace

S = TypeVar("S")


@dataclass
class Ports:
    """The servers that listen."""

    http: HttpServer
    zipkin: HttpServer
    grpc: GrpcServer
    xray: XRayDaemon
    xray_http: HttpServer
    budget: Budget

    async def stop(self, grace_s: float) -> None:
        """Takes nothing more, and answers what is in hand within `grace_s` seconds."""
        async with asyncio.TaskGroup() as group:
            for server in (self.http, self.zipkin, self.grpc, self.xray, self.xray_http):
                group.create_task(server.stop(grace_s))


async def listen(
    tenants: Tenants,
    gate: Gate,
    settings: CollectorSettings,
    registry: CollectorRegistry,
    tallies: Tallies,
    trace: "SelfTrace | None" = None,
) -> Ports:
    """Opens every port, for what `tenants` take. `tallies` count what comes, `trace` makes spans of it.

    Raises OSError that names the port and its flag when one cannot be had.
    """
    budget = Budget()
    sizes = partial(bounded, most_bytes=settings.expanded_bytes, budget=budget)
    receiver = Receiver(each(tenants.intake, sizes), budget, settings.decompressed_bytes, tallies)
    if trace:
        receiver = trace.receiver(receiver)
    host = settings.host

    def http(
        host: str, port: int, routes: Routes, refuse: Refuse, tls: Certificate | None = None
    ) -> Awaitable[HttpServer]:
        context = tls.context if tls else None
        return serve(router(routes, refuse), refuse, host, port, settings.http, budget, context)

    routes, refuse = front_door.receivers(receiver, gate, settings.cors_origins)
    zipkin_routes, refuse_zipkin = front_door.zipkin_port(receiver, gate, settings.cors_origins)
    health_routes, metrics_routes = health.routes(tenants), front_door.metrics(registry, gate)
    xray_http, xray = await _listen_for_xray(receiver, gate, settings, http, registry)
    return Ports(
        http=await _named(
            http(host, settings.http_port, {**routes, **health_routes, **metrics_routes}, refuse, settings.tls),
            "OTLP/HTTP", f"{host}:{settings.http_port}", "--otlp-http-port",
        ),
        zipkin=await _named(
            http(host, settings.zipkin_port, {**zipkin_routes, **health_routes}, refuse_zipkin, settings.tls),
            "Zipkin", f"{host}:{settings.zipkin_port}", "--zipkin-port",
        ),
        xray_http=xray_http,
        xray=xray,
        budget=budget,
        # last, for its threads outlive a start that fails
        grpc=await otlp_grpc.serve(
            receiver, gate, host, settings.grpc_port, settings.grpc, trace, settings.tls
        ),
    )  # fmt: skip


async def _listen_for_xray(
    receiver: Receiver,
    gate: Gate,
    settings: CollectorSettings,
    http: Callable[[str, int, Routes, Refuse], Awaitable[HttpServer]],
    registry: CollectorRegistry,
) -> tuple[HttpServer, XRayDaemon]:
    """One number for TCP and UDP, as with X-Ray's own daemon: SDKs know but one."""
    host = settings.xray_host
    name = ("X-Ray", f"{host}:{settings.xray_port}", "--xray-port")
    served = await _named(http(host, settings.xray_port, *front_door.xray_port(receiver, gate)), *name)
    intake = receiver.counted_by(receiver.tallies[UDP]).intakes(DEFAULT_TENANT)
    return served, await _named(daemon.listen(intake, host, served.port, registry), *name)


async def _named(opening: Awaitable[S], name: str, address: str, flag: str) -> S:
    try:
        return await opening
    except OSError as error:
        reason = os.strerror(error.errno) if error.errno else str(error)
        raise OSError(
            f"{name} cannot listen on {address}: {reason}. Another port is given with {flag}"
        ) from error
