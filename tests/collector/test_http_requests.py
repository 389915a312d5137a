"""What an HTTP client may send, and how its connection lives: raw bytes over real sockets."""

import asyncio
from email.utils import parsedate_to_datetime

from tests.collector.http_clients import (
    CLOSING_GET,
    GET,
    LIMITS,
    client_of,
    connected,
    head,
    on_both_loops,
    post,
    serving,
)

from coldlight_collector.http.messages import Request, Response

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


@on_both_loops
async def test_a_wish_for_http2_that_is_no_request_is_refused() -> None:
    """Found by fuzzing."""
    async with client_of() as client:
        wish = b"POST /a HTTP/1.1\r\nUpgrade: h2c\r\nConnection: Upgrade\r\nContent-Length: 0\r\n\r\n"
        answer = await client.ask(wish)
        assert (answer.status, answer.text) == (400, "the Host header is missing (RFC 9112, 3.2)")


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
