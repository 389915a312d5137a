"""What the HTTP server does with bad clients, crowds, failures, its end and its routes: raw bytes over real sockets."""

import asyncio
import logging
from dataclasses import replace

import pytest
from tests.collector.http_clients import (
    GET,
    LIMITS,
    client_of,
    connected,
    echo,
    eventually,
    head,
    on_both_loops,
    post,
    refuse,
    serving,
)

from coldlight_collector.http.messages import Budget, Request, Response
from coldlight_collector.http.router import router

# Bad requests

MALFORMED = {
    "an unknown verb": b"BREW /coffee HTTP/1.1\r\nHost: x\r\n\r\n",
    "another protocol": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    "HTTP/2 without asking": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "no host": b"GET /a HTTP/1.1\r\n\r\n",
    "two lengths": head("Content-Length: 3", "Content-Length: 3"),
    "a length list": head("Content-Length: 3, 3"),
    "a negative length": head("Content-Length: -3"),
    "an endless length": head(f"Content-Length: {'9' * 30}"),
    "length and chunks": head("Content-Length: 3", "Transfer-Encoding: chunked"),
    "a folded header": b"GET /a HTTP/1.1\r\nHost: x\r\nA: b\r\n c\r\n\r\n",
    "a space before the colon": head("Content-Length : 3"),
    "NUL in a header": head("A: \0"),
    "a bare line feed": b"GET /a HTTP/1.1\nHost: x\n\n",
    "no chunk size": head("Transfer-Encoding: chunked") + b"zz\r\n",
}
UNIMPLEMENTED = {
    "a compressed transfer": head("Transfer-Encoding: gzip, chunked"),
    "a proxy request": b"CONNECT db:5432 HTTP/1.1\r\nHost: db:5432\r\n\r\n",
}


@pytest.mark.parametrize(
    ("status", "sent"),
    [(400, sent) for sent in MALFORMED.values()] + [(501, sent) for sent in UNIMPLEMENTED.values()],
    ids=[*MALFORMED, *UNIMPLEMENTED],
)
async def test_what_is_no_request_is_refused_and_the_connection_closed(status: int, sent: bytes) -> None:
    async with serving() as server, connected(server) as client:
        answer = await client.ask(sent)
        assert (answer.status, answer.headers["connection"]) == (status, "close")
        assert await client.rest() == b""
        assert server.refusals == {status: 1}


@on_both_loops
async def test_requests_before_a_bad_one_are_answered() -> None:
    async with client_of() as client:
        await client.send(post(b"good") + b"nonsense\r\n\r\n")
        assert (await client.answer()).body == b"good"
        assert (await client.answer()).status == 400


@on_both_loops
async def test_others_do_not_notice_a_bad_client() -> None:
    async with serving() as server, connected(server) as good, connected(server) as bad:
        await good.send(post(b"good")[:-2])
        assert (await bad.ask(b"nonsense\r\n\r\n")).status == 400
        assert (await good.ask(b"od")).body == b"good"


# Handlers


async def test_a_failing_handler_is_answered_with_503_and_logged(caplog: pytest.LogCaptureFixture) -> None:
    async def failing(request: Request) -> Response:
        raise LookupError(f"no tenant for {request.path}")

    with caplog.at_level(logging.ERROR):
        async with client_of(failing) as client:
            assert (await client.ask(GET)).status == 503
            assert (await client.ask(GET)).headers["connection"] == "keep-alive"
    assert "no tenant for /a" in caplog.text


@on_both_loops
async def test_a_handler_finishes_though_its_client_has_gone() -> None:
    started, finished = asyncio.Event(), asyncio.Event()

    async def storing(_: Request) -> Response:
        started.set()
        await asyncio.sleep(0.05)
        finished.set()
        return Response(200)

    async with serving(storing) as server:
        async with connected(server) as client:
            await client.send(GET)
            await started.wait()
        await finished.wait()


@on_both_loops
async def test_connections_over_the_cap_are_turned_away_while_nobody_is_slow() -> None:
    async with serving(limits=replace(LIMITS, connections=1)) as server:
        async with connected(server) as first:
            assert (await first.ask(GET)).status == 200
            async with connected(server) as second:
                assert (await second.answer()).status == 503
                assert await second.rest() == b""
        await eventually(lambda: server.connections == 0)
        async with connected(server) as third:
            assert (await third.ask(GET)).status == 200


@on_both_loops
async def test_one_address_cannot_have_all_connections() -> None:
    async with serving(limits=replace(LIMITS, connections=3, connections_of_one_address=1)) as server:
        async with connected(server) as first, connected(server) as second:
            assert (await first.ask(GET)).status == 200
            refused = await second.answer()
            assert (refused.status, b"--max-connections-per-address" in refused.body) == (503, True)
        await eventually(lambda: server.connections == 0)
        async with connected(server) as third:
            assert (await third.ask(GET)).status == 200


# Stopping


@on_both_loops
async def test_stopping_finishes_what_is_in_hand_and_closes_what_is_idle() -> None:
    started, go_on = asyncio.Event(), asyncio.Event()

    async def held(_: Request) -> Response:
        started.set()
        await go_on.wait()
        return Response(200, b"stored")

    async with serving(held) as server, connected(server) as busy, connected(server) as idle:
        await busy.send(GET)
        await started.wait()
        stopping = asyncio.create_task(server.stop(10))
        assert await idle.rest() == b""
        with pytest.raises(ConnectionError):
            await asyncio.open_connection("127.0.0.1", server.port)
        go_on.set()
        answer = await busy.answer()
        assert (answer.body, answer.headers["connection"]) == (b"stored", "close")
        await stopping


@on_both_loops
async def test_stopping_waits_for_a_body_that_is_still_arriving() -> None:
    budget = Budget()
    async with serving(budget=budget) as server, connected(server) as client:
        await client.send(post(b"five spans")[:-1])
        await eventually(lambda: budget.held == 9)
        stopping = asyncio.create_task(server.stop(10))
        await asyncio.sleep(0)
        assert (await client.ask(b"s")).body == b"five spans"
        await stopping


@on_both_loops
async def test_stopping_cuts_off_what_does_not_end_in_time() -> None:
    started, cancelled = asyncio.Event(), asyncio.Event()

    async def endless(_: Request) -> Response:
        started.set()
        try:
            await asyncio.Event().wait()
        finally:
            cancelled.set()
        return Response(200)

    budget = Budget()
    async with serving(endless, budget=budget) as server, connected(server) as client:
        await client.send(post(b"five spans"))
        await started.wait()
        await server.stop(0.01)
        assert cancelled.is_set()
        assert (server.connections, budget.held) == (0, 0)


# Routes


async def get_page(_: Request) -> Response:
    return Response(200, b"page")


ROUTES = router({"/page": {"GET": get_page}, "/v1/traces": {"POST": echo}}, refuse)


@on_both_loops
async def test_a_path_may_end_in_a_slash() -> None:
    async with client_of(ROUTES) as client:
        assert (await client.ask(post(b"x", path="/v1/traces/"))).status == 200
        assert (await client.ask(post(b"x", path="/v1/traces//"))).status == 404


@on_both_loops
async def test_unknown_paths_are_refused_and_the_known_ones_named() -> None:
    async with client_of(ROUTES) as client:
        answer = await client.ask(post(b"x", path="/v1/tracing"))
        assert (answer.status, answer.text) == (
            404,
            "/v1/tracing is not served here; these are: /page, /v1/traces",
        )
        assert (await client.ask(post(b"x", path="/v1/traces"))).status == 200


@on_both_loops
async def test_unknown_methods_are_refused_and_the_known_ones_named() -> None:
    async with client_of(ROUTES) as client:
        answer = await client.ask(post(b"x", path="/page"))
        assert (answer.status, answer.headers["allow"]) == (405, "GET, HEAD")


@on_both_loops
async def test_head_is_answered_where_get_is() -> None:
    async with client_of(ROUTES) as client:
        await client.send(b"HEAD /page HTTP/1.1\r\nHost: x\r\n\r\n")
        assert (await client.answer(bodiless=True)).headers["content-length"] == "4"
