import asyncio
import http.client
import json
import ssl
import urllib.request
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import httpx
import pytest
import requests
import urllib3
from tests.instrumentation.injection import harm
from tests.instrumentation.recordings import (
    CLIENT,
    ERROR,
    Recording,
)
from tests.otlp import attributes

from coldlight_lambda import recorder

TRUST = ssl.create_default_context()  # once, for it is dear
Headers = dict[str, str]
Get = Callable[[str, Headers], tuple[int, Any]]


def with_http_client(url: str, headers: Headers) -> tuple[int, Any]:
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.netloc.rpartition("@")[2])
    try:
        connection.request(
            "GET", f"{parts.path}?{parts.query}" if parts.query else parts.path, headers=headers
        )
        response = connection.getresponse()
        return response.status, json.loads(response.read())
    finally:
        connection.close()


def with_urllib(url: str, headers: Headers) -> tuple[int, Any]:
    try:
        with urllib.request.urlopen(urllib.request.Request(url, headers=headers)) as response:
            return response.status, json.loads(response.read())
    except urllib.error.HTTPError as answer:
        with answer:
            return answer.code, json.loads(answer.read())


def with_urllib3(url: str, headers: Headers) -> tuple[int, Any]:
    with urllib3.PoolManager(retries=urllib3.Retry(connect=0, status=0)) as pool:
        response = pool.request("GET", url, headers=headers)
        return response.status, response.json()


def with_requests(url: str, headers: Headers) -> tuple[int, Any]:
    with requests.Session() as session:
        response = session.get(url, headers=headers)
        return response.status_code, response.json()


def with_httpx(url: str, headers: Headers) -> tuple[int, Any]:
    with httpx.Client(verify=TRUST, follow_redirects=True) as client:
        response = client.get(url, headers=headers)
        return response.status_code, response.json()


def with_async_httpx(url: str, headers: Headers) -> tuple[int, Any]:
    async def ask() -> tuple[int, Any]:
        async with httpx.AsyncClient(verify=TRUST, follow_redirects=True) as client:
            response = await client.get(url, headers=headers)
            return response.status_code, response.json()

    return asyncio.run(ask())


def with_aiohttp(url: str, headers: Headers) -> tuple[int, Any]:
    async def ask() -> tuple[int, Any]:
        async with aiohttp.ClientSession() as session, session.get(url, headers=headers) as response:
            return response.status, await response.json(content_type=None)

    return asyncio.run(ask())


CLIENTS = [
    with_http_client,
    with_urllib,
    with_urllib3,
    with_requests,
    with_httpx,
    with_async_httpx,
    with_aiohttp,
]
THAT_FOLLOW = [with_urllib3, with_requests, with_httpx, with_async_httpx, with_aiohttp]
REFUSED = (OSError, urllib3.exceptions.HTTPError, httpx.ConnectError)
every_client = pytest.mark.parametrize("get", CLIENTS, ids=lambda get: get.__name__[5:])


@every_client
def test_a_request_is_one_span_that_says_what_was_asked_and_answered(
    get: Get, url: str, recorded: Recording
) -> None:
    status, _ = recorded.invoke(lambda: get(f"{url}/echo?page=2", {}))
    span = recorded.only()
    assert status == 200
    assert (span.name, span.kind, span.status.code) == ("GET", CLIENT, 0)
    assert span.parent_span_id == recorded.root().span_id
    assert attributes(span) == {
        "http.request.method": "GET",
        "url.full": f"{url}/echo?page=2",
        "server.address": "127.0.0.1",
        "server.port": urlsplit(url).port,
        "http.response.status_code": 200,
        "network.protocol.version": "1.1",
    }


@every_client
def test_a_request_carries_the_context_of_its_span(get: Get, url: str, recorded: Recording) -> None:
    _, headers = recorded.invoke(lambda: get(f"{url}/echo", {"X-Mine": "kept"}))
    span = recorded.only()
    assert headers["traceparent"] == f"00-{span.trace_id.hex()}-{span.span_id.hex()}-01"
    assert headers["x-mine"] == "kept"


@every_client
def test_a_request_is_announced_before_it_leaves(get: Get, url: str, recorded: Recording) -> None:
    recorded.invoke(lambda: get(f"{url}/echo", {}))
    assert recorded.announced() == [recorded.only().span_id]


@every_client
def test_what_the_function_set_itself_is_kept(get: Get, url: str, recorded: Recording) -> None:
    own = f"00-{'1' * 32}-{'2' * 16}-01"
    _, headers = recorded.invoke(lambda: get(f"{url}/echo", {"Traceparent": own}))
    assert headers["traceparent"] == own


@every_client
def test_a_request_that_is_signed_for_aws_is_left_as_it_was_signed(
    get: Get, url: str, recorded: Recording
) -> None:
    def handler() -> list[Any]:
        signed = get(f"{url}/echo", {"Authorization": "AWS4-HMAC-SHA256 Credential=a, Signature=b"})
        presigned = get(f"{url}/echo?X-Amz-Signature=b", {})
        return [signed[1], presigned[1]]

    for headers in recorded.invoke(handler):
        assert "traceparent" not in headers
    assert len(recorded.spans()) == 2


@every_client
def test_an_error_that_is_answered_fails_the_span_alone(get: Get, url: str, recorded: Recording) -> None:
    status, _ = recorded.invoke(lambda: get(f"{url}/status/503", {}))
    span = recorded.only()
    assert status == 503
    assert span.status.code == ERROR
    assert attributes(span)["error.type"] == "503"
    assert attributes(span)["http.response.status_code"] == 503


@every_client
def test_an_exception_reaches_the_function_as_it_was(get: Get, recorded: Recording) -> None:
    nobody = "http://127.0.0.1:1/echo"
    with pytest.raises(REFUSED) as plain:
        get(nobody, {})
    with pytest.raises(REFUSED) as seen:
        recorded.invoke(lambda: get(nobody, {}))
    span = recorded.only()
    assert type(seen.value) is type(plain.value)
    assert span.status.code == ERROR
    assert "Error" in attributes(span)["error.type"]


@every_client
def test_outside_of_an_invocation_nothing_is_recorded_or_added(
    get: Get, url: str, recorded: Recording
) -> None:
    status, headers = get(f"{url}/echo", {})
    assert status == 200
    assert "traceparent" not in headers
    assert recorded.frames == []


@every_client
def test_an_error_in_the_recorder_changes_nothing(get: Get, url: str, recorded: Recording) -> None:
    def call() -> tuple[int, str]:
        status, headers = get(f"{url}/echo?a=1", {"X-Mine": "kept"})
        return status, headers["x-mine"]

    assert harm(call, recorded.invoke) == []


@every_client
def test_an_error_in_the_recorder_hides_no_exception(get: Get, recorded: Recording) -> None:
    assert harm(lambda: get("http://127.0.0.1:1/echo", {}), recorded.invoke, under="patches/") == []


@pytest.mark.parametrize("get", THAT_FOLLOW, ids=lambda get: get.__name__[5:])
def test_redirects_belong_to_the_call(get: Get, url: str, recorded: Recording) -> None:
    status, headers = recorded.invoke(lambda: get(f"{url}/redirect", {}))
    span = recorded.only()
    assert status == 200
    assert attributes(span)["url.full"] == f"{url}/redirect"
    assert span.span_id.hex() in headers["traceparent"]


@every_client
def test_what_api_gateway_answers_is_a_link_key(get: Get, url: str, recorded: Recording) -> None:
    recorded.invoke(lambda: get(f"{url}/gateway", {}))
    assert attributes(recorded.only())["coldlight.link.produced"] == ["apigateway:gw-1"]


@every_client
def test_a_url_within_a_url_is_none_of_the_servers(get: Get, url: str, recorded: Recording) -> None:
    asked = f"{url}/echo?next=https://elsewhere.example/"
    recorded.invoke(lambda: get(asked, {}))
    told = attributes(recorded.only())
    assert (told["url.full"], told["server.address"]) == (asked, "127.0.0.1")


def test_secrets_in_a_url_stay_in_the_function(url: str, recorded: Recording) -> None:
    host = url.removeprefix("http://")
    asked = f"http://jane:hunter2@{host}/echo?sig=abc&X-Goog-Signature=def&access_token=ghi&AWSAccessKeyId=jkl&page=2"
    recorded.invoke(lambda: with_requests(asked, {}))
    assert attributes(recorded.only())["url.full"] == (
        f"http://REDACTED:REDACTED@{host}/echo"
        "?sig=REDACTED&X-Goog-Signature=REDACTED&access_token=REDACTED&AWSAccessKeyId=REDACTED&page=2"
    )


def test_a_method_that_nobody_knows_makes_no_new_name(url: str, recorded: Recording) -> None:
    recorded.invoke(lambda: requests.request("BREW", url))
    span = recorded.only()
    assert span.name == "HTTP"
    assert attributes(span)["http.request.method"] == "_OTHER"
    assert attributes(span)["http.request.method_original"] == "BREW"


def test_a_stream_lasts_until_it_is_closed(url: str, recorded: Recording) -> None:
    def handler() -> None:
        with httpx.Client(verify=TRUST) as client, client.stream("GET", f"{url}/echo") as response:
            assert recorded.spans() == []
            with_requests(f"{url}/status/404", {})
            response.read()

    recorded.invoke(handler)
    inner, stream = recorded.spans()
    root = recorded.root().span_id
    assert (inner.parent_span_id, stream.parent_span_id) == (root, root)
    assert inner.end_time_unix_nano <= stream.end_time_unix_nano


def test_an_asynchronous_stream_lasts_until_it_is_read(url: str, recorded: Recording) -> None:
    async def read() -> int:
        async with httpx.AsyncClient(verify=TRUST) as client, client.stream("GET", f"{url}/echo") as response:
            assert recorded.spans() == []
            return len([chunk async for chunk in response.aiter_bytes()])

    assert recorded.invoke(lambda: asyncio.run(read())) == 1
    assert recorded.only().status.code == 0


def test_a_stream_that_breaks_off_fails_its_span(url: str, recorded: Recording) -> None:
    def handler() -> None:
        with httpx.Client(verify=TRUST) as client, client.stream("GET", f"{url}/cut") as response:
            response.read()

    with pytest.raises(httpx.RemoteProtocolError):
        recorded.invoke(handler)
    assert attributes(recorded.only())["error.type"] == "httpx.RemoteProtocolError"


def test_a_stream_that_is_not_read_to_its_end_is_no_failure(url: str, recorded: Recording) -> None:
    def handler() -> None:
        with httpx.Client(verify=TRUST) as client, client.stream("GET", f"{url}/echo") as response:
            next(response.iter_raw(1))

    recorded.invoke(handler)
    assert recorded.only().status.code == 0


def test_the_same_request_sent_twice_carries_the_context_of_each(url: str, recorded: Recording) -> None:
    def with_session() -> list[str]:
        with requests.Session() as session:
            prepared = session.prepare_request(requests.Request("GET", f"{url}/echo"))
            answers = [session.send(prepared).json()["traceparent"] for _ in range(2)]
            assert "traceparent" not in prepared.headers
            return answers

    def with_client() -> list[str]:
        with httpx.Client(verify=TRUST) as client:
            request = client.build_request("GET", f"{url}/echo")
            return [client.send(request).json()["traceparent"] for _ in range(2)]

    sent = recorded.invoke(lambda: with_session() + with_client())
    assert [header.split("-")[2] for header in sent] == [span.span_id.hex() for span in recorded.spans()]


def test_headers_that_the_function_gives_stay_its_own(url: str, recorded: Recording) -> None:
    given = {"X-Mine": "kept"}
    recorded.invoke(lambda: [with_urllib3(f"{url}/echo", given), with_aiohttp(f"{url}/echo", given)])
    assert given == {"X-Mine": "kept"}


def test_the_pool_of_one_host_is_recorded_like_any_other(url: str, recorded: Recording) -> None:
    parts = urlsplit(url)

    def handler() -> int:
        with urllib3.HTTPConnectionPool(parts.hostname or "", parts.port) as pool:
            return pool.request("POST", "/echo", body=b"{}").status

    assert recorded.invoke(handler) == 200
    assert attributes(recorded.only())["url.full"] == f"{url}/echo"


def test_a_connection_that_is_used_again_makes_a_span_a_request(url: str, recorded: Recording) -> None:
    def handler() -> None:
        connection = http.client.HTTPConnection(urlsplit(url).netloc)
        for path in ("/echo", "/status/404"):
            connection.putrequest("GET", path)
            connection.putheader("X-Mine", "1")
            connection.endheaders()
            connection.getresponse().read()
        connection.close()

    recorded.invoke(handler)
    first, second = recorded.spans()
    assert attributes(first)["http.response.status_code"] == 200
    assert attributes(second)["http.response.status_code"] == 404


def test_a_request_whose_answer_nobody_reads_ends_with_its_connection(url: str, recorded: Recording) -> None:
    def handler() -> None:
        connection = http.client.HTTPConnection(urlsplit(url).netloc)
        connection.request("GET", "/echo")
        connection.close()

    recorded.invoke(handler)
    assert "http.response.status_code" not in attributes(recorded.only())


def test_calls_within_a_call_are_that_call(url: str, recorded: Recording) -> None:
    def handler() -> Headers:
        span = recorder.start("SQS.SendMessage", CLIENT)
        assert span is not None
        token = recorder.enter(span)
        headers: Headers = with_requests(f"{url}/echo", {})[1]
        recorder.leave(token)
        recorder.end(span)
        return headers

    assert "traceparent" not in recorded.invoke(handler)
    assert recorded.only().name == "SQS.SendMessage"


def test_a_call_of_boto3_is_the_span_of_its_own_patch_alone(url: str, recorded: Recording) -> None:
    import boto3

    def handler() -> Any:
        keys = {"aws_access_key_id": "a", "aws_secret_access_key": "b"}
        client = boto3.client("lambda", "eu-west-1", endpoint_url=f"{url}/echo?", **keys)
        return json.loads(client.invoke(FunctionName="shop")["Payload"].read())

    headers = recorded.invoke(handler)
    assert recorded.only().name == "Lambda.Invoke"
    assert "traceparent" not in headers
    assert headers["authorization"].startswith("AWS4-HMAC-SHA256")


def test_what_botocore_asks_beside_its_calls_is_left_alone(url: str, recorded: Recording) -> None:
    from botocore.awsrequest import AWSRequest
    from botocore.httpsession import URLLib3Session

    def handler() -> Headers:
        headers: Headers = json.loads(
            URLLib3Session().send(AWSRequest("GET", f"{url}/echo").prepare()).content
        )
        return headers

    assert "traceparent" not in recorded.invoke(handler)
    assert recorded.spans() == []
