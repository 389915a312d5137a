import asyncio
import http.client
import json
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import httpx
import pytest
import requests
import urllib3
from tests.instrumentation.recordings import Recording
from tests.otlp import attributes

from coldlight_lambda import payloads
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
    with suppress(urllib.error.HTTPError), urllib.request.urlopen(request):
        pass


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


THAT_READ = [with_requests, with_urllib3, with_httpx]
CLIENTS = [*THAT_READ, with_http_client, with_urllib, with_aiohttp, with_aiohttp_as_json]


@pytest.mark.parametrize("post", CLIENTS)
def test_a_request_that_fails_tells_what_was_sent_and_answered(
    post: Callable[[str], Any], url: str, recorded: Recording
) -> None:
    recorded.invoke(lambda: post(f"{url}/status/500"))
    told = attributes(recorded.only())
    assert "XL" in told[REQUEST]
    assert "hunter2" not in told[REQUEST]
    if post in THAT_READ:
        assert "traceparent" in told[RESPONSE]  # the server answers with the headers that it got
    else:
        assert "Content-Length" in json.loads(told[RESPONSE])["headers"]


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


def test_of_http_client_the_answers_body_is_the_functions_to_read(url: str, recorded: Recording) -> None:
    def handler() -> Any:
        connection = http.client.HTTPConnection(urlsplit(url).netloc)
        connection.request("POST", "/status/500", b"{}")
        body = connection.getresponse().read()
        connection.close()
        return body

    assert b"traceparent" in recorded.invoke(handler)
    assert "body" not in json.loads(attributes(recorded.only())[RESPONSE])


def test_what_http_client_could_not_send_is_told(recorded: Recording) -> None:
    with pytest.raises(ConnectionRefusedError):
        recorded.invoke(lambda: with_http_client("http://127.0.0.1:1"))
    told = attributes(recorded.only())
    assert json.loads(json.loads(told[REQUEST])["body"]) == {"size": "XL", "password": "***"}
    assert RESPONSE not in told
