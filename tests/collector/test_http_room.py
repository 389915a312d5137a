"""Where the connections are used up, the slowest make room for whoever comes: raw bytes over real sockets."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import replace

from tests.collector.http_clients import (
    GET,
    LIMITS,
    Client,
    connected,
    dripping,
    eventually,
    head,
    on_both_loops,
    post,
    serving,
)

from coldlight_collector.http.messages import Budget, Limits, Request, Response
from coldlight_collector.http.server import HttpServer

PATIENCE_S = 0.05
TWO = replace(LIMITS, connections=2, patience_s=PATIENCE_S)
HALF_A_HEAD = b"POST /a HTTP/1.1\r\nHost: x\r\nX-Slow: "
SLOW_SOCKETS = 600


async def out_of_patience() -> None:
    """Waits until who is connected has kept the server waiting for too long."""
    await asyncio.sleep(PATIENCE_S * 2)


async def come_in(server: HttpServer) -> None:
    """As an exporter does, which comes again while there is no room."""
    status = 0
    while status != 200:
        async with connected(server) as client:
            status = (await client.ask(GET)).status


@contextlib.asynccontextmanager
async def connected_and_slow(server: HttpServer, *sent: bytes) -> AsyncIterator[Client]:
    before = server.connections
    async with connected(server) as client:
        await client.send(*sent)
        await eventually(lambda: server.connections > before)
        await out_of_patience()
        yield client


@on_both_loops
async def test_who_is_idle_for_longest_makes_room() -> None:
    async with serving(limits=TWO) as server:
        async with connected_and_slow(server) as first, connected_and_slow(server) as second:
            assert (await first.ask(GET)).status == 200
            await out_of_patience()
            async with connected(server) as third:
                assert (await third.ask(GET)).status == 200
                assert await second.rest() == b""
                assert (await first.ask(GET)).status == 200
        assert server.displaced == 1


@on_both_loops
async def test_who_is_idle_makes_room_before_who_sends_slowly() -> None:
    async with (
        serving(limits=TWO) as server,
        connected_and_slow(server, HALF_A_HEAD) as slow,
        connected_and_slow(server) as idle,
    ):
        await come_in(server)
        assert await idle.rest() == b""
        assert (await slow.ask(b"x\r\n\r\n")).status == 200


@on_both_loops
async def test_who_sends_slowest_makes_room_and_is_told_to_come_again() -> None:
    body, budget = head("Content-Length: 4000"), Budget()
    async with (
        serving(limits=TWO, budget=budget) as server,
        connected(server) as fast,
        connected(server) as slow,
    ):
        await fast.send(body, b"x" * 3000)
        await slow.send(body, b"x")
        await eventually(lambda: budget.held == 3001)
        await out_of_patience()
        await come_in(server)
        answer = await slow.answer()
        assert (answer.status, "nobody was slower" in answer.text) == (503, True)
        assert await slow.rest() == b""
        assert (await fast.ask(b"x" * 1000)).status == 200


@on_both_loops
async def test_who_does_not_read_the_answers_makes_room() -> None:
    async def long(_: Request) -> Response:
        return Response(200, b"x" * (16 << 20))

    async with serving(long, replace(TWO, connections=1)) as server, connected(server) as deaf:
        deaf.writer.transport.pause_reading()  # type: ignore[attr-defined]
        await deaf.send(GET)
        await eventually(lambda: server.connections == 1)
        await come_in(server)


@on_both_loops
async def test_who_waits_for_an_answer_does_not_make_room() -> None:
    go_on = asyncio.Event()

    async def slow(_: Request) -> Response:
        await go_on.wait()
        return Response(200)

    limits = replace(TWO, connections=1)
    async with serving(slow, limits) as server, connected_and_slow(server, GET) as waiting:
        async with connected(server) as second:
            assert (await second.answer()).status == 503
        go_on.set()
        assert (await waiting.answer()).status == 200


@on_both_loops
async def test_one_address_makes_room_for_itself_alone() -> None:
    limits = replace(TWO, connections=3, connections_of_one_address=1)
    async with serving(limits=limits) as server, connected_and_slow(server, HALF_A_HEAD) as slow:
        far = await asyncio.open_connection("127.0.0.1", server.port, local_addr=("127.0.0.2", 0))
        await eventually(lambda: server.connections == 2)
        await out_of_patience()
        async with connected(server) as second:
            assert (await second.ask(GET)).status == 200
            assert (await slow.answer()).status == 503
            assert (await Client(*far).ask(GET)).status == 200
        far[1].close()


@on_both_loops
async def test_slow_sockets_do_not_lock_anybody_out() -> None:
    """More of them than there may be, from one address: silent ones, heads and bodies that drip."""
    limits = Limits(connections=500, connections_of_one_address=500, patience_s=PATIENCE_S)
    starts = (b"", HALF_A_HEAD, head("Content-Length: 100000"))
    async with serving(limits=limits) as server, contextlib.AsyncExitStack() as stack:
        for number in range(SLOW_SOCKETS):
            slow = await stack.enter_async_context(connected(server))
            start = starts[number % len(starts)]
            await slow.send(start)
            if start:
                await stack.enter_async_context(dripping(slow, b"x", every_s=0.5))
        await eventually(lambda: server.connections >= 450)
        await out_of_patience()
        for _ in range(20):
            async with connected(server) as client:
                assert (await client.ask(post(b"spans"))).status == 200
        assert server.connections <= limits.connections
        assert server.displaced > 0
