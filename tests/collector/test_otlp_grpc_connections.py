"""OTLP/gRPC's connections, frame by frame (RFC 9113): how many there may be, and for how long. Clients hide frames from who uses them."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from typing import Any

import grpc
import grpc.aio
import pytest
from tests.collector.firehose import Recorder
from tests.collector.gates import gate
from tests.collector.http_clients import Client
from tests.collector.receivers import receiver

from coldlight_collector.otlp_grpc import GrpcLimits, GrpcServer, serve
from coldlight_storage.signals import Signal
from coldlight_storage.testing import span, traces_request

METHOD = "/opentelemetry.proto.collector.trace.v1.TraceService/Export"
ONE_SPAN = traces_request(span(1)).SerializeToString()
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, SETTINGS, PING, GOAWAY = 0, 1, 4, 6, 7
END_HEADERS = 4
HURRIED = GrpcLimits(connections=3, read_timeout_s=0.3, connection_idle_s=0.3)


def frame(kind: int, payload: bytes = b"", flags: int = 0, stream: int = 0) -> bytes:
    return len(payload).to_bytes(3) + bytes([kind, flags]) + stream.to_bytes(4) + payload


GREETED = PREFACE + frame(SETTINGS)


async def frames(reader: asyncio.StreamReader) -> AsyncIterator[tuple[int, int, bytes]]:
    """Kind, flags and payload of each frame until the server closes."""
    while head := await reader.read(1):
        head += await reader.readexactly(8)
        yield head[3], head[4], await reader.readexactly(int.from_bytes(head[:3]))


@asynccontextmanager
async def serving(limits: GrpcLimits, stored: Recorder) -> AsyncIterator[GrpcServer]:
    server = await serve(receiver(stored), gate(), "127.0.0.1", 0, limits)
    yield server
    await server.stop(0)


@asynccontextmanager
async def connected(server: GrpcServer, sent: bytes = GREETED) -> AsyncIterator[Client]:
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    writer.write(sent)
    yield Client(reader, writer)
    writer.close()


# For how long


async def ping(limits: GrpcLimits, stored: Recorder, pings: int) -> tuple[int, str]:
    """How many of some pings, 20 ms apart and without any call, are answered, and what the server says in parting."""
    answered, parting = 0, ""
    async with (
        serving(limits, stored) as server,
        connected(server, GREETED + frame(PING, bytes(8))) as client,
    ):
        async for kind, flags, payload in frames(client.reader):
            if kind == PING and flags:
                answered += 1
                await asyncio.sleep(0.02)
                client.writer.write(frame(PING, bytes(8)))
            if kind == GOAWAY:
                parting = payload[8:].decode()
            if parting or answered == pings:
                break
    return answered, parting


async def test_grpc_clients_may_ping_without_a_call(stored: Recorder) -> None:
    assert await ping(GrpcLimits(ping_interval_s=0.01), stored, 9) == (9, "")


async def test_grpc_clients_that_ping_too_often_are_sent_away(stored: Recorder) -> None:
    answered, parting = await ping(GrpcLimits(), stored, 9)
    assert answered < 9
    assert parting == "too_many_pings"


async def test_a_grpc_connection_of_some_age_is_asked_to_move_on(stored: Recorder) -> None:
    limits = GrpcLimits(connection_age_s=0.05, connection_grace_s=0.05)
    async with serving(limits, stored) as server, connected(server) as client:
        assert GOAWAY in [kind async for kind, _, _ in frames(client.reader)]


# How many


CALL = b"".join(
    b"\0" + bytes([len(name)]) + name + bytes([len(value)]) + value  # RFC 7541, 6.2.2
    for name, value in (
        (b":method", b"POST"),
        (b":scheme", b"http"),
        (b":path", METHOD.encode()),
        (b":authority", b"x"),
        (b"te", b"trailers"),
        (b"content-type", b"application/grpc"),
    )
)
SLOW = {
    "silent": b"",
    "half a preface": PREFACE[:9],
    "greets and asks nothing": GREETED,
    "half a head": GREETED + frame(HEADERS, CALL[:40], stream=1),
    "a call without a body": GREETED + frame(HEADERS, CALL, END_HEADERS, stream=1),
    "half a body": GREETED
    + frame(HEADERS, CALL, END_HEADERS, stream=1)
    + frame(DATA, b"\0" + (1000).to_bytes(4) + b"x", stream=1),
}


async def closed(client: Client) -> None:
    with suppress(ConnectionError):
        await client.rest()


async def export(server: GrpcServer) -> None:
    """As an exporter does that comes again while it is not let in."""
    async with grpc.aio.insecure_channel(f"127.0.0.1:{server.port}") as channel:
        call: Any = channel.unary_unary(METHOD)
        assert await call(ONE_SPAN, wait_for_ready=True, timeout=30) == b""


async def test_a_grpc_connection_over_the_cap_is_closed_and_comes_in_once_there_is_room(
    stored: Recorder,
) -> None:
    async with serving(GrpcLimits(connections=2), stored) as server:
        async with connected(server) as first, connected(server) as second:
            for client in (first, second):
                assert await client.reader.read(9)
            async with connected(server) as third:
                await asyncio.wait_for(closed(third), 5)
            exporting = asyncio.create_task(export(server))
            await asyncio.sleep(0.1)
            assert stored.taken == []
        await exporting
    assert [signal for signal, _ in stored.taken] == [Signal.TRACES]


@pytest.mark.parametrize("sent", SLOW.values(), ids=SLOW)
async def test_slow_and_idle_grpc_connections_are_let_go(stored: Recorder, sent: bytes) -> None:
    async with serving(HURRIED, stored) as server, AsyncExitStack() as stack:
        slow = [await stack.enter_async_context(connected(server, sent)) for _ in range(HURRIED.connections)]
        exporting = asyncio.create_task(export(server))
        for client in slow:
            await asyncio.wait_for(closed(client), 10)
        await exporting
