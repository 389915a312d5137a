"""Zipkin's port as its senders meet it, before an intake that keeps what it is given."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx
from tests.collector.gates import gate
from tests.otlp import attributes

from coldlight_collector import front_door
from coldlight_collector.http.messages import Budget, Limits
from coldlight_collector.http.router import router
from coldlight_collector.http.server import serve
from coldlight_collector.intake import Accepted, Payload
from coldlight_collector.receiver import Receiver
from coldlight_storage.signals import Signal
from coldlight_storage.testing import clock_ns, sent_form

JSON, PROTOBUF = "application/json", "application/x-protobuf"
V1, V2 = "/api/v1/spans", "/api/v2/spans"
BODY_BYTES = 8 << 20
NOTE = "coldlight-partial-success"


def clock_us(seconds: float = 0) -> int:
    """Unix microseconds, `seconds` after noon."""
    return clock_ns(seconds) // 1000


def v2_span(number: int = 1, **fields: Any) -> dict[str, Any]:
    """Span `number` of trace 1 in v2 JSON: one second from noon on, unless `fields` say otherwise."""
    times = {"timestamp": clock_us(), "duration": 1_000_000}
    return {"traceId": f"{1:016x}", "id": f"{number:016x}", **times, **fields}


@dataclass
class Intake:
    """Keeps what it is given; answers with its outcome, or raises `failure`."""

    failure: Exception | None = None
    taken: list[Payload] = field(default_factory=list)

    async def __call__(self, signal: Signal, payload: Payload) -> Accepted:
        assert signal == Signal.TRACES
        if self.failure:
            raise self.failure
        self.taken.append(payload)
        return payload.outcome


@dataclass(frozen=True)
class ZipkinPort:
    """Sends to the port; `url` is for other senders."""

    url: str
    client: httpx.AsyncClient
    intake: Intake

    async def post(
        self, body: bytes | list[Any], path: str = V2, content_type: str = JSON, **headers: str
    ) -> httpx.Response:
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return await self.client.post(path, content=content, headers={"Content-Type": content_type, **named})

    async def store(self, *spans: Any, path: str = V2) -> list[Any]:
        """The OTLP spans that come of Zipkin's, which must all be taken."""
        response = await self.post(list(spans), path)
        assert (response.status_code, response.content) == (202, b"")
        return self.stored_spans

    async def store_one(self, path: str = V2, **fields: Any) -> Any:
        """The OTLP span that comes of one with these fields."""
        [span] = await self.store(v2_span(**fields), path=path)
        return span

    @property
    def stored(self) -> list[Any]:
        """Every OTLP request that was taken."""
        return [sent_form(payload.body) for payload in self.intake.taken]

    @property
    def stored_groups(self) -> list[tuple[dict[str, Any], Any]]:
        """The attributes of each resource, with each of its scopes."""
        return [
            (attributes(group.resource), scope)
            for request in self.stored
            for group in request.resource_spans
            for scope in group.scope_spans
        ]

    @property
    def stored_spans(self) -> list[Any]:
        return [span for _, scope in self.stored_groups for span in scope.spans]


@asynccontextmanager
async def zipkin_port(token: str | None = None) -> AsyncIterator[ZipkinPort]:
    intake, budget = Intake(), Budget(8 * BODY_BYTES)
    routes, refuse = front_door.zipkin_port(Receiver(lambda _: intake, budget, BODY_BYTES), gate(token), ())
    limits = Limits(body_bytes=BODY_BYTES)
    server = await serve(router(routes, refuse), refuse, "127.0.0.1", 0, limits, budget)
    url = f"http://127.0.0.1:{server.port}"
    async with httpx.AsyncClient(base_url=url) as client:
        yield ZipkinPort(url, client, intake)
    await server.stop(0)
