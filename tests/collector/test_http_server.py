"""The HTTP server as clients meet it: raw bytes over real sockets, on both event loops."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Callable, Coroutine
from dataclasses import dataclass, replace
from email.utils import parsedate_to_datetime
from typing import Any

import pytest
import uvloop

from coldlight_collector.http.messages import Budget, Handler, Limits, Refusal, Request, Response
from coldlight_collector.http.router import router
from coldlight_collector.http.server import HttpServer, serve

LIMITS = Limits(header_bytes=1024, header_fields=20, body_bytes=4096, pipelined=4)
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
async def dripping(client: Client, drop: bytes) -> AsyncIterator[None]:
    """Sends a drop every now and then, for as long as the server takes it."""

    async def drip() -> None:
        with contextlib.suppress(ConnectionError):
            while True:
                await client.send(drop)
                await asyncio.sleep(0.01)

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


# Reading requests


@on_both_loops
async def test_a_body_arrives_as_sent() -> None:
    async with client_of() as client:
        answer = await client.ask(post(b"five spans"))
        assert (answer.status, answer.body) == (200, b"five spans")


@on_both_loops
async def test_a_body_may_arrive_in_many_pieces() -> None:
    async with client_of() as client:
        request = post(bytes(range(256)) * 16)
        pieces = [request[at : at + 100] for at in range(0, len(request), 100)]
        assert (await client.ask(*pieces)).body == bytes(range(256)) * 16


@on_both_loops
async def test_chunks_are_joined_and_trailers_stay_out_of_the_headers() -> None:
    async with client_of() as client:
        chunks = b"4\r\nfive\r\n6;note=x\r\n spans\r\n0\r\nX-Trailer: t\r\n\r\n"
        answer = await client.ask(head("Transfer-Encoding: chunked"), chunks)
        assert answer.body == b"five spans"
        assert "x-x-trailer" not in answer.headers
        assert (await client.ask(GET)).status == 200


@on_both_loops
async def test_header_names_are_lower_case_and_repeated_headers_joined() -> None:
    async with client_of() as client:
        answer = await client.ask(post(b"", "AUTHORIZATION: one", "authorization: two"))
        assert answer.headers["x-authorization"] == "one, two"


@on_both_loops
async def test_the_query_is_apart_from_the_path() -> None:
    async with client_of() as client:
        answer = await client.ask(post(b"", path="/v1/traces?a=1&b=?"))
        assert (answer.headers["path"], answer.headers["query"]) == ("/v1/traces", "a=1&b=?")


@on_both_loops
async def test_a_proxy_may_ask_with_the_whole_url() -> None:
    async with client_of() as client:
        answer = await client.ask(post(b"", path="http://collector:4318/v1/traces?a=1"))
        assert (answer.headers["path"], answer.headers["query"]) == ("/v1/traces", "a=1")


@on_both_loops
async def test_java_clients_that_wish_for_http2_are_served_in_http1() -> None:
    async with client_of() as client:
        wish = ("Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: AAMAAABk")
        answer = await client.ask(post(b"five spans", *wish))
        assert (answer.status, answer.body) == (200, b"five spans")
        assert (await client.ask(post(b"again"))).body == b"again"


# Connections


@on_both_loops
async def test_a_connection_serves_one_request_after_the_other() -> None:
    async with client_of() as client:
        assert (await client.ask(post(b"first"))).headers["connection"] == "keep-alive"
        assert (await client.ask(post(b"second"))).body == b"second"


@on_both_loops
async def test_a_connection_lives_longer_than_one_header_limit() -> None:
    async with client_of() as client:
        for _ in range(50):
            await client.send(post(b"")[:20])
            await asyncio.sleep(0)
            assert (await client.ask(post(b"")[20:])).status == 200


@on_both_loops
async def test_pipelined_requests_are_answered_in_order() -> None:
    async def slowest_first(request: Request) -> Response:
        await asyncio.sleep({"/1": 0.03, "/2": 0.01}.get(request.path, 0))
        return Response(200, request.path.encode())

    async with client_of(slowest_first) as client:
        await client.send(b"".join(post(b"x", path=f"/{number}") for number in (1, 2, 3)))
        assert [(await client.answer()).body for _ in range(3)] == [b"/1", b"/2", b"/3"]


@on_both_loops
async def test_a_pipeline_too_long_is_cut_with_503() -> None:
    async with client_of() as client:
        await client.send(GET * (LIMITS.pipelined + 1))
        statuses = [(await client.answer()).status for _ in range(LIMITS.pipelined + 1)]
        assert statuses == [200] * LIMITS.pipelined + [503]
        assert await client.rest() == b""


@on_both_loops
async def test_requests_that_come_while_one_is_answered_wait_for_their_turn() -> None:
    async with client_of() as client:
        for round_trip in range(5):
            await client.send(*(post(str(number).encode()) for number in range(4)))
            bodies = [(await client.answer()).text for _ in range(4)]
            assert bodies == ["0", "1", "2", "3"], round_trip


@on_both_loops
async def test_connection_close_is_obeyed() -> None:
    async with client_of() as client:
        answer = await client.ask(CLOSING_GET + GET)
        assert (answer.status, answer.headers["connection"]) == (200, "close")
        assert await client.rest() == b""


@on_both_loops
async def test_http_1_0_closes_unless_asked_to_stay() -> None:
    async with serving() as server, connected(server) as client:
        answer = await client.ask(b"GET /a HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
        assert answer.headers["connection"] == "keep-alive"
        assert (await client.ask(b"GET /a HTTP/1.0\r\n\r\n")).status == 200
        assert await client.rest() == b""


@on_both_loops
async def test_a_client_that_has_closed_its_half_is_still_answered() -> None:
    async with client_of() as client:
        await client.send(post(b"last words"))
        client.writer.write_eof()
        assert (await client.answer()).body == b"last words"
        assert await client.rest() == b""


@on_both_loops
async def test_head_is_answered_without_the_body() -> None:
    async def page(_: Request) -> Response:
        return Response(200, b"ready", "text/plain")

    async with client_of(page) as client:
        await client.send(b"HEAD /a HTTP/1.1\r\nHost: x\r\n\r\n")
        assert (await client.answer(bodiless=True)).headers["content-length"] == "5"
        assert (await client.ask(GET)).body == b"ready"


@on_both_loops
async def test_answers_carry_the_date() -> None:
    async with client_of() as client:
        assert parsedate_to_datetime((await client.ask(GET)).headers["date"]).tzinfo is not None


# Expect: 100-continue


@on_both_loops
async def test_a_client_that_waits_is_told_to_continue() -> None:
    async with client_of() as client:
        assert (await client.ask(head("Expect: 100-continue", "Content-Length: 4"))).status == 100
        assert (await client.ask(b"body")).body == b"body"


@on_both_loops
async def test_a_client_that_waits_is_told_when_its_turn_comes() -> None:
    go_on = asyncio.Event()

    async def held(request: Request) -> Response:
        await go_on.wait()
        return Response(200, request.body)

    async with client_of(held) as client:
        await client.send(GET + head("Expect: 100-continue", "Content-Length: 4"))
        go_on.set()
        assert [(await client.answer()).status for _ in range(2)] == [200, 100]
        assert (await client.ask(b"body")).body == b"body"


@on_both_loops
async def test_a_body_too_large_is_refused_before_it_is_sent() -> None:
    async with client_of() as client:
        answer = await client.ask(head("Expect: 100-continue", f"Content-Length: {LIMITS.body_bytes + 1}"))
        assert answer.status == 413
        assert await client.rest() == b""


@on_both_loops
async def test_other_expectations_are_refused() -> None:
    async with client_of() as client:
        assert (await client.ask(head("Expect: miracles", "Content-Length: 4"))).status == 417


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
async def test_connections_over_the_cap_are_turned_away() -> None:
    async with serving(limits=replace(LIMITS, connections=1)) as server:
        async with connected(server) as first:
            assert (await first.ask(GET)).status == 200
            async with connected(server) as second:
                assert (await second.answer()).status == 503
                assert await second.rest() == b""
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
