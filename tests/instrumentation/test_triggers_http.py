from typing import Any

import pytest
from tests.instrumentation.samples import FIRST, SECOND, XRAY, known, parent, sample, trigger

from coldlight_lambda.spans import ERROR, SERVER, UNSET, Context, Span
from coldlight_lambda.triggers import answered, trigger_of


def test_a_rest_api_tells_route_path_query_and_client() -> None:
    found = trigger("apigateway-rest")
    assert known(found) == {
        "faas.trigger": "http",
        "coldlight.trigger": "apigateway-rest",
        "coldlight.trigger.name": "a1b2c3d4e5",
        "http.request.method": "GET",
        "http.route": "/pets/{id}",
        "url.path": "/pets/10",
        "url.query": "color=black&color=light+brown&apiToken=REDACTED",
        "url.scheme": "https",
        "server.address": "a1b2c3d4e5.execute-api.eu-central-1.amazonaws.com",
        "server.port": 443,
        "client.address": "203.0.113.7",
        "user_agent.original": "okhttp/4.12",
        "network.protocol.version": "1.1",
    }
    assert found.consumed == ["apigateway:c6af9ac6-7b61-11e6-9a41-93e8deadbeef"]


def test_the_caller_is_the_parent_with_its_whole_trace_state() -> None:
    found = trigger("apigateway-rest")
    assert parent(found) == FIRST
    assert found.parent is not None
    assert found.parent.trace_state == "shop=1,other=2"
    assert found.links == []


def test_an_http_api_tells_its_route_and_follows_xrays_header() -> None:
    found = trigger("apigateway-http")
    assert parent(found) == XRAY
    assert known(found)["http.route"] == "/orders/{id}"
    assert known(found)["url.query"] == "dry=1&access_token=REDACTED"
    assert found.consumed == ["apigateway:JKJaXmPLvHcESHA="]


def test_an_http_api_may_speak_the_older_format() -> None:
    found = trigger("apigateway-http-1.0")
    assert known(found)["coldlight.trigger"] == "apigateway-http-1.0"
    assert found.consumed == ["apigateway:JKKbYnQMwIdFTIB="]


def test_a_websocket_connects_with_headers_and_sends_without() -> None:
    connect, message = trigger("apigateway-websocket-connect"), trigger("apigateway-websocket-message")
    assert parent(connect) == SECOND
    assert parent(message) is None
    assert (
        known(connect)["coldlight.websocket.connection_id"]
        == known(message)["coldlight.websocket.connection_id"]
    )
    assert known(message)["coldlight.websocket.route"] == "sendmessage"
    assert "http.request.method" not in known(message)
    assert message.consumed == ["apigateway:JKMbYnQMwIdFTIB="]


def test_an_authorizer_shares_the_requests_link_key() -> None:
    found = trigger("apigateway-authorizer-request")
    assert known(found)["coldlight.trigger"] == "apigateway-authorizer"
    assert found.consumed == trigger("apigateway-rest").consumed
    assert known(trigger("apigateway-authorizer-token"))["coldlight.trigger.name"] == "a1b2c3d4e5"


def test_a_function_urls_request_id_is_the_invocations() -> None:
    found = trigger("function-url")
    assert parent(found) == SECOND
    assert known(found)["coldlight.trigger"] == "function-url"
    assert "http.route" not in known(found)
    assert found.consumed == ["lambda:e1506fd5-9e7b-434f-bd42-4f8fa224b599"]


def test_a_load_balancer_passes_the_query_on_as_it_was_sent() -> None:
    found = trigger("alb")
    assert parent(found) == XRAY
    assert known(found)["coldlight.trigger.name"] == "shop-checkout"
    assert known(found)["url.query"] == "q=a%20b"
    assert known(found)["http.request.method"] == "_OTHER"
    assert known(found)["http.request.method_original"] == "PURGE"
    assert known(found)["client.address"] == "72.12.164.125"
    assert found.consumed == []


def test_a_load_balancers_headers_may_have_several_values() -> None:
    found = trigger("alb-multi-value")
    assert parent(found) == FIRST
    assert found.parent is not None
    assert found.parent.trace_state == "a=1,b=2"
    assert known(found)["url.query"] == "item=1&item=2"


def test_two_traceparents_are_none() -> None:
    event = sample("alb-multi-value")
    event["multiValueHeaders"]["traceparent"] *= 2
    assert parent(trigger_of(event, None)) is None


def test_an_api_that_the_console_tries_out_has_no_headers() -> None:
    event = sample("apigateway-rest")
    event.update(
        headers=None, multiValueHeaders=None, queryStringParameters=None, multiValueQueryStringParameters=None
    )
    assert known(trigger_of(event, None))["http.route"] == "/pets/{id}"


def span(name: str) -> Span:
    return Span(Context(*FIRST), b"", "function", SERVER, 1, trigger(name).attributes)


@pytest.mark.parametrize(
    ("name", "result", "status", "code", "error"),
    [
        ("apigateway-rest", {"statusCode": 201}, 201, UNSET, None),
        ("apigateway-rest", {"statusCode": "404"}, 404, UNSET, None),
        ("apigateway-rest", {"statusCode": 503}, 503, ERROR, "503"),
        ("apigateway-rest", {"message": "no proxy response"}, 502, ERROR, "502"),
        ("apigateway-rest", None, 502, ERROR, "502"),
        ("apigateway-rest", {"statusCode": True}, 502, ERROR, "502"),
        ("alb", {"statusCode": 200}, 200, UNSET, None),
        ("alb", "text", 502, ERROR, "502"),
        ("apigateway-http-1.0", {}, 500, ERROR, "500"),
        ("apigateway-http", {"total": 7}, 200, UNSET, None),
        ("function-url", "text", 200, UNSET, None),
        ("function-url", {"statusCode": 500}, 500, ERROR, "500"),
        ("apigateway-websocket-message", None, None, UNSET, None),
        ("apigateway-authorizer-request", {"principalId": "somebody"}, None, UNSET, None),
        ("appsync", {"id": 7}, None, UNSET, None),
        ("sqs", {"statusCode": 500}, None, UNSET, None),
    ],
)
def test_the_answer_gives_the_status(
    name: str, result: Any, status: int | None, code: int, error: str | None
) -> None:
    invocation = span(name)
    answered(invocation, result)
    assert invocation.attributes.get("http.response.status_code") == status
    assert invocation.status == code
    assert invocation.attributes.get("error.type") == error


@pytest.mark.parametrize(
    ("host", "address", "port"),
    [
        ("shop.example:8080", "shop.example", 8080),
        ("[2001:db8::1]:8080", "2001:db8::1", 8080),
        ("[2001:db8::1]", "2001:db8::1", None),
        ("[2001:db8::1", "2001:db8::1", None),
        ("192.0.2.7", "192.0.2.7", None),
        ("[]", None, None),
    ],
)
def test_the_host_of_a_request_is_a_name_or_an_address_and_perhaps_a_port(
    host: str, address: str | None, port: int | None
) -> None:
    context = {"elb": {"targetGroupArn": "arn:aws:elasticloadbalancing:eu-west-1:1:targetgroup/shop/1"}}
    event = {"requestContext": context, "httpMethod": "GET", "path": "/", "headers": {"host": host}}
    found = known(trigger_of(event, None))
    assert (found.get("server.address"), found.get("server.port")) == (address, port)
