import asyncio
import http.client
import json
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import httpx
import pytest
import requests
import urllib3
from opentelemetry.proto.trace.v1.trace_pb2 import Span
from tests.instrumentation.recordings import Recording
from tests.otlp import attributes

from coldlight_lambda import frames, payloads
from coldlight_lambda.settings import Settings

REQUEST, RESPONSE = payloads.REQUEST, payloads.RESPONSE


@pytest.fixture
def recorded(recorded: Recording) -> Iterator[Recording]:
    payloads.set_up(Settings({"COLDLIGHT_ENDPOINT": "http://127.0.0.1"}))
    yield recorded
    payloads.set_up(Settings({"COLDLIGHT_PAYLOADS": "off"}))


def with_requests(url: str) -> None:
    requests.post(url, json={"size": "XL", "password": "hunter2"})


def with_urllib3(url: str) -> None:
    with urllib3.PoolManager() as pool:
        pool.request("POST", url, body=b'{"size": "XL", "password": "hunter2"}')


def with_httpx(url: str) -> None:
    httpx.post(url, json={"size": "XL", "password": "hunter2"})


def with_http_client(url: str) -> None:
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.netloc)
    try:
        connection.request("POST", parts.path, body='{"size": "XL", "password": "hunter2"}')
        connection.getresponse().read()
    finally:
        connection.close()


def with_urllib(url: str) -> None:
    request = urllib.request.Request(url, b'{"size": "XL", "password": "hunter2"}')
    try:
        with urllib.request.urlopen(request) as response:
            response.read()
    except urllib.error.HTTPError as error:
        with error:
            error.read()


def with_aiohttp(url: str) -> None:
    async def post() -> None:
        sent = '{"size": "XL", "password": "hunter2"}'
        async with aiohttp.ClientSession() as session, session.post(url, data=sent) as response:
            await response.read()

    asyncio.run(post())


def with_aiohttp_as_json(url: str) -> None:
    async def post() -> None:
        sent = {"size": "XL", "password": "hunter2"}
        async with aiohttp.ClientSession() as session, session.post(url, json=sent) as response:
            await response.read()

    asyncio.run(post())


CLIENTS = [
    with_requests,
    with_urllib3,
    with_httpx,
    with_http_client,
    with_urllib,
    with_aiohttp,
    with_aiohttp_as_json,
]


@pytest.mark.parametrize("post", CLIENTS)
def test_a_request_that_fails_tells_what_was_sent_and_answered(
    post: Callable[[str], Any], url: str, recorded: Recording
) -> None:
    recorded.invoke(lambda: post(f"{url}/status/500"))
    told = attributes(recorded.only())
    assert "XL" in told[REQUEST]
    assert "hunter2" not in told[REQUEST]
    answered = json.loads(told[RESPONSE])
    assert "content-length" in {name.lower() for name in answered["headers"]}
    assert "traceparent" in json.loads(answered["body"])  # the server answers with the headers that it got


@pytest.mark.parametrize("post", CLIENTS)
def test_a_request_that_goes_well_tells_neither(
    post: Callable[[str], Any], url: str, recorded: Recording
) -> None:
    recorded.invoke(lambda: post(f"{url}/echo"))
    assert not {REQUEST, RESPONSE} & set(attributes(recorded.only()))


def test_a_request_that_nobody_answers_tells_what_was_sent(recorded: Recording) -> None:
    with pytest.raises(requests.ConnectionError):
        recorded.invoke(lambda: with_requests("http://127.0.0.1:1/echo"))
    told = attributes(recorded.only())
    assert "XL" in told[REQUEST]
    assert RESPONSE not in told


def test_a_stream_is_never_read_for_its_payload(url: str, recorded: Recording) -> None:
    def handler() -> Any:
        with requests.get(f"{url}/status/500", stream=True) as response:
            return response.raw.read()

    assert b"traceparent" in recorded.invoke(handler)
    assert "traceparent" not in attributes(recorded.only())[RESPONSE]


Ask = Callable[[str], http.client.HTTPResponse]


@pytest.fixture
def ask(url: str) -> Iterator[Ask]:
    """Asks for a path, and leaves the body to be read."""
    with ExitStack() as connections:

        def asked(path: str) -> http.client.HTTPResponse:
            connection = http.client.HTTPConnection(urlsplit(url).netloc)
            connections.enter_context(closing(connection))
            connection.request("POST", path, b"{}")
            return connection.getresponse()

        yield asked


def read_in_pieces(response: http.client.HTTPResponse) -> bytes:
    return response.read(10) + response.read()


def read_by_lines(response: http.client.HTTPResponse) -> bytes:
    return b"".join(response)


def read_into_a_buffer(response: http.client.HTTPResponse) -> bytes:
    buffer = bytearray(1000)
    return bytes(buffer[: response.readinto(buffer)])


@pytest.mark.parametrize("read", [read_in_pieces, read_by_lines, read_into_a_buffer])
def test_a_body_that_is_read_in_pieces_is_the_functions_own(
    read: Callable[[http.client.HTTPResponse], bytes], ask: Ask, recorded: Recording
) -> None:
    body = recorded.invoke(lambda: read(ask("/status/500")))
    assert "traceparent" in json.loads(body)
    assert "body" not in json.loads(attributes(recorded.only())[RESPONSE])


def test_the_rest_of_a_stream_of_aiohttp_is_no_body(url: str, recorded: Recording) -> None:
    async def get() -> bytes:
        async with aiohttp.ClientSession() as session, session.get(f"{url}/status/500") as response:
            return await response.content.read(10) + await response.read()

    assert "traceparent" in json.loads(recorded.invoke(lambda: asyncio.run(get())))
    assert "body" not in json.loads(attributes(recorded.only())[RESPONSE])


def test_a_body_does_not_lengthen_its_request(ask: Ask, recorded: Recording) -> None:
    def handler() -> int:
        response = ask("/status/500")
        answered_ns = time.time_ns()
        response.read()
        return answered_ns

    answered_ns = recorded.invoke(handler)
    span = recorded.only()
    assert "body" in json.loads(attributes(span)[RESPONSE])
    assert span.end_time_unix_nano <= answered_ns


def test_a_body_that_nobody_reads_holds_nothing_up(ask: Ask, recorded: Recording) -> None:
    kept = []
    recorded.invoke(lambda: kept.append(ask("/status/500")))
    told = attributes(recorded.only())
    assert told["http.response.status_code"] == 500
    assert "body" not in json.loads(told[RESPONSE])


def test_a_body_that_is_read_after_its_invocation_changes_nothing(ask: Ask, recorded: Recording) -> None:
    kept = []
    recorded.invoke(lambda: kept.append(ask("/status/500")))
    sent = list(recorded.frames)
    assert b"traceparent" in kept[0].read()
    assert recorded.frames == sent


def test_a_function_that_dies_with_an_unread_body_has_told_the_status(ask: Ask, recorded: Recording) -> None:
    def handler() -> Any:
        kept = ask("/status/500")
        told = [Span.FromString(content) for kind, _, content in recorded.frames if kind == frames.OPEN]
        return attributes(told[-1])["http.response.status_code"], kept.status

    assert recorded.invoke(handler) == (500, 500)


def test_of_very_many_unread_bodies_only_so_many_are_waited_for(ask: Ask, recorded: Recording) -> None:
    def handler() -> tuple[int, int]:
        answers = [ask("/status/500") for _ in range(102)]
        before = len(recorded.spans())
        for answer in answers:
            answer.read()
        return before, len(recorded.spans())

    assert recorded.invoke(handler) == (2, 102)


def test_what_http_client_could_not_send_is_told(recorded: Recording) -> None:
    with pytest.raises(ConnectionRefusedError):
        recorded.invoke(lambda: with_http_client("http://127.0.0.1:1"))
    told = attributes(recorded.only())
    assert json.loads(json.loads(told[REQUEST])["body"]) == {"size": "XL", "password": "***"}
    assert RESPONSE not in told
