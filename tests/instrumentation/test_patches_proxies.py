"""A call through a proxy is a call of the server behind it: that is what its span names."""

import asyncio
import http.client
import urllib.request
from collections.abc import Callable

import aiohttp
import httpx
import pytest
import requests
import urllib3
from tests.instrumentation.recordings import Recording
from tests.otlp import attributes

TARGET = "http://shop.example/echo?next=http://elsewhere.example/"


def with_http_client(proxy: str) -> int:
    connection = http.client.HTTPConnection(proxy.removeprefix("http://"))
    connection.request("GET", TARGET)
    return _status(connection)


def through_a_tunnel(proxy: str) -> int:
    connection = http.client.HTTPConnection(proxy.removeprefix("http://"))
    connection.set_tunnel("shop.example", 80)
    connection.request("GET", TARGET.removeprefix("http://shop.example"))
    return _status(connection)


def _status(connection: http.client.HTTPConnection) -> int:
    response = connection.getresponse()
    response.read()
    connection.close()
    return response.status


def with_urllib(proxy: str) -> int:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({"http": proxy}))
    with opener.open(TARGET) as response:
        return int(response.status)


def with_urllib3(proxy: str) -> int:
    with urllib3.ProxyManager(proxy) as pool:
        return pool.request("GET", TARGET).status


def with_requests(proxy: str) -> int:
    return requests.get(TARGET, proxies={"http": proxy}).status_code


def with_httpx(proxy: str) -> int:
    with httpx.Client(proxy=proxy) as client:
        return client.get(TARGET).status_code


def with_aiohttp(proxy: str) -> int:
    async def ask() -> int:
        async with aiohttp.ClientSession() as session, session.get(TARGET, proxy=proxy) as response:
            return response.status

    return asyncio.run(ask())


CLIENTS = [
    with_http_client,
    through_a_tunnel,
    with_urllib,
    with_urllib3,
    with_requests,
    with_httpx,
    with_aiohttp,
]


@pytest.mark.parametrize("get", CLIENTS, ids=lambda get: get.__name__)
def test_the_span_names_the_server_and_not_the_proxy(
    get: Callable[[str], int], url: str, recorded: Recording
) -> None:
    """The echo is a proxy to whoever takes it for one: it answers for every server."""
    assert recorded.invoke(lambda: get(url)) == 200
    told = attributes(recorded.only())
    assert (told["server.address"], told["server.port"], told["url.full"]) == ("shop.example", 80, TARGET)
