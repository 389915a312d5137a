"""Raw bytes over real sockets to an HTTP server of our own, on both event loops."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Coroutine
from dataclasses import dataclass, replace
from typing import Any

import pytest
import uvloop

from coldlight_collector.http.messages import Budget, Handler, Limits, Refusal, Request, Response
from coldlight_collector.http.server import HttpServer, serve

LIMITS = Limits(header_bytes=1024, header_fields=20, body_bytes=4096, pipelined=4, patience_s=60)
IMPATIENT = replace(LIMITS, header_timeout_s=0.1, body_timeout_s=0.1, idle_timeout_s=0.1, write_timeout_s=0.1)
GET = b"GET /a HTTP/1.1\r\nHost: x\r\n\r\n"
CLOSING_GET = b"GET /a HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
TIMEOUT_S = 30

Story = Callable[[], Coroutine[Any, Any, None]]


def on_both_loops(story: Story) -> Callable[..., None]:
    """Runs a story under asyncio's own loop and under uvloop, whose transports differ in detail."""

    def test(run: Callable[[Coroutine[Any, Any, None]], None]) -> None:
        run(asyncio.wait_for(story(), TIMEOUT_S))

    loops: Callable[[Callable[..., None]], Callable[..., None]] = pytest.mark.parametrize(
        "run", [asyncio.run, uvloop.run], ids=["asyncio", "uvloop"]
    )
    return loops(test)


@dataclass(frozen=True)
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode()


@dataclass(frozen=True)
class Client:
    """A client that sends what it is told to, right or wrong."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def send(self, *parts: bytes) -> None:
        for part in parts:
            self.writer.write(part)
            await self.writer.drain()

    async def answer(self, *, bodiless: bool = False) -> Answer:
        head = (await self.reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in head[1:-2])}
        size = 0 if bodiless else int(headers.get("content-length", "0"))
        return Answer(int(head[0].split()[1]), headers, await self.reader.readexactly(size))

    async def ask(self, *parts: bytes) -> Answer:
        await self.send(*parts)
        return await self.answer()

    async def rest(self) -> bytes:
        """What is still to come until the server closes."""
        return await self.reader.read()


async def echo(request: Request) -> Response:
    headers = tuple((f"X-{name}", value) for name, value in sorted(request.headers.items()))
    return Response(
        200, request.body, "text/plain", (*headers, ("Path", request.path), ("Query", request.query))
    )


def refuse(refusal: Refusal) -> Response:
    return Response(refusal.status, refusal.reason.encode(), "text/plain", (("Path", refusal.path),))


@contextlib.asynccontextmanager
async def serving(
    handler: Handler = echo, limits: Limits = LIMITS, budget: Budget | None = None
) -> AsyncIterator[HttpServer]:
    server = await serve(handler, refuse, "127.0.0.1", 0, limits, budget or Budget())
    try:
        yield server
    finally:
        await server.stop(0)


@contextlib.asynccontextmanager
async def connected(server: HttpServer) -> AsyncIterator[Client]:
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    try:
        yield Client(reader, writer)
    finally:
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()


@contextlib.asynccontextmanager
async def client_of(
    handler: Handler = echo, limits: Limits = LIMITS, budget: Budget | None = None
) -> AsyncIterator[Client]:
    """A client of a server of its own."""
    async with serving(handler, limits, budget) as server, connected(server) as client:
        yield client


@contextlib.asynccontextmanager
async def dripping(client: Client, drop: bytes, every_s: float = 0.01) -> AsyncIterator[None]:
    """Sends a drop every now and then, for as long as the server takes it."""

    async def drip() -> None:
        with contextlib.suppress(ConnectionError):
            while True:
                await client.send(drop)
                await asyncio.sleep(every_s)

    task = asyncio.create_task(drip())
    yield
    task.cancel()


async def eventually(is_so: Callable[[], bool]) -> None:
    while not is_so():
        await asyncio.sleep(0.005)


def post(body: bytes, *headers: str, path: str = "/a") -> bytes:
    lines = [f"POST {path} HTTP/1.1", "Host: x", f"Content-Length: {len(body)}", *headers]
    return "\r\n".join([*lines, "\r\n"]).encode("latin-1") + body


def head(*headers: str, path: str = "/a") -> bytes:
    return "\r\n".join([f"POST {path} HTTP/1.1", "Host: x", *headers, "\r\n"]).encode("latin-1")
