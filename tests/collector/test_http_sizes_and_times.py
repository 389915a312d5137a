"""What an HTTP client may take of bytes and of time: raw bytes over real sockets."""

import asyncio
from dataclasses import replace

from tests.collector.http_clients import (
    GET,
    IMPATIENT,
    LIMITS,
    client_of,
    connected,
    dripping,
    eventually,
    head,
    on_both_loops,
    post,
    serving,
)

from coldlight_collector.http.messages import Budget, Request, Response

# Sizes


@on_both_loops
async def test_a_body_at_the_limit_passes() -> None:
    async with client_of() as client:
        assert (await client.ask(post(b"x" * LIMITS.body_bytes))).status == 200


@on_both_loops
async def test_a_client_reads_413_though_it_goes_on_sending() -> None:
    async with client_of() as client:
        await client.send(post(b"x" * (4 << 20), path="/v1/traces"))
        answer = await client.answer()
        assert (answer.status, answer.headers["path"]) == (413, "/v1/traces")
        assert "over the limit of 4096 bytes" in answer.text


@on_both_loops
async def test_a_chunked_body_over_the_limit_is_refused() -> None:
    async with client_of() as client:
        chunk = b"400\r\n" + b"x" * 0x400 + b"\r\n"
        answer = await client.ask(head("Transfer-Encoding: chunked"), *[chunk] * 5)
        assert answer.status == 413
        assert await client.rest() == b""


@on_both_loops
async def test_headers_over_the_limit_are_refused() -> None:
    async with client_of() as client:
        assert (await client.ask(post(b"", f"Cookie: {'x' * 1024}"))).status == 431


@on_both_loops
async def test_a_header_without_end_is_refused() -> None:
    async with client_of() as client:
        answer = await client.ask(b"GET /a HTTP/1.1\r\nCookie: ", b"x" * 600, b"x" * 600)
        assert answer.status == 431


@on_both_loops
async def test_a_trailer_without_end_is_refused() -> None:
    async with client_of() as client:
        await client.send(head("Transfer-Encoding: chunked"), b"1\r\nx\r\n0\r\nX-Trailer: ")
        async with dripping(client, b"x" * 100):
            assert (await client.answer()).status == 431


@on_both_loops
async def test_too_many_headers_are_refused() -> None:
    async with client_of() as client:
        assert (await client.ask(post(b"", *["A: b"] * 20))).status == 431


@on_both_loops
async def test_bodies_over_the_common_budget_are_refused_and_the_others_pass() -> None:
    budget = Budget(1000)
    async with serving(budget=budget) as server:
        async with connected(server) as first, connected(server) as second:
            await first.send(head("Content-Length: 900"), b"x" * 800)
            await eventually(lambda: budget.held == 800)
            assert (await second.ask(post(b"x" * 300))).status == 503
            assert (await first.ask(b"x" * 100)).status == 200
        async with connected(server) as third:
            assert (await third.ask(post(b"x" * 1000))).status == 200


@on_both_loops
async def test_an_undeclared_body_over_the_common_budget_is_refused() -> None:
    async with client_of(budget=Budget(1000)) as client:
        chunk = b"200\r\n" + b"x" * 0x200 + b"\r\n"
        assert (await client.ask(head("Transfer-Encoding: chunked"), chunk, chunk)).status == 503


@on_both_loops
async def test_what_a_vanished_client_sent_is_let_go() -> None:
    budget = Budget()
    async with serving(budget=budget) as server:
        async with connected(server) as client:
            await client.send(head("Content-Length: 900"), b"x" * 800)
            await eventually(lambda: budget.held == 800)
        await eventually(lambda: budget.held == 0)


# Time


@on_both_loops
async def test_headers_that_take_too_long_are_refused() -> None:
    async with client_of(limits=IMPATIENT) as client:
        answer = await client.ask(b"GET /a HTTP/1.1\r\n")
        assert (answer.status, answer.text) == (408, "the headers did not arrive within 0.1 s")
        assert await client.rest() == b""


@on_both_loops
async def test_a_header_byte_now_and_then_wins_no_time() -> None:
    async with client_of(limits=IMPATIENT) as client:
        await client.send(b"GET /a HTTP/1.1\r\nA: ")
        async with dripping(client, b"x"):
            assert (await client.answer()).status == 408


@on_both_loops
async def test_a_body_that_takes_too_long_is_refused() -> None:
    async with client_of(limits=IMPATIENT) as client:
        answer = await client.ask(head("Content-Length: 9"), b"x")
        assert (answer.status, answer.text) == (408, "the body did not arrive within 0.1 s")


@on_both_loops
async def test_a_client_that_never_asks_is_closed() -> None:
    async with client_of(limits=replace(LIMITS, header_timeout_s=0.1)) as client:
        assert await client.rest() == b""


@on_both_loops
async def test_an_idle_connection_is_closed_without_a_word() -> None:
    async with client_of(limits=replace(LIMITS, idle_timeout_s=0.1)) as client:
        await client.ask(GET)
        assert await client.rest() == b""


@on_both_loops
async def test_a_slow_handler_is_not_hurried() -> None:
    async def slow(_: Request) -> Response:
        await asyncio.sleep(0.4)
        return Response(200)

    async with client_of(slow, IMPATIENT) as client:
        assert (await client.ask(GET)).status == 200


@on_both_loops
async def test_a_client_that_does_not_read_is_dropped() -> None:
    async def long(_: Request) -> Response:
        return Response(200, b"x" * (16 << 20))

    async with serving(long, IMPATIENT) as server, connected(server) as client:
        client.writer.transport.pause_reading()  # type: ignore[attr-defined]
        await client.send(GET)
        await eventually(lambda: server.connections == 1)
        await eventually(lambda: server.connections == 0)
