from collections.abc import Callable, Iterator
from typing import Any

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


CLIENTS = [with_requests, with_urllib3, with_httpx]


@pytest.mark.parametrize("post", CLIENTS)
def test_a_request_that_fails_tells_what_was_sent_and_answered(
    post: Callable[[str], Any], url: str, recorded: Recording
) -> None:
    recorded.invoke(lambda: post(f"{url}/status/500"))
    told = attributes(recorded.only())
    assert "XL" in told[REQUEST]
    assert "hunter2" not in told[REQUEST]
    assert "traceparent" in told[RESPONSE]  # the server answers with the headers that it got


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
