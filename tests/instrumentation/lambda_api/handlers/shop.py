"""A function that calls AWS with AWS's own SDK, and an HTTP API with what Python has."""

import json
import urllib.request
from functools import cache
from typing import Any

import boto3

_sent: dict[str, str] = {}
"""The headers of the last request to AWS."""


def calls(event: Any, context: Any) -> Any:
    """Makes the calls that the event lists: of a service, an operation, with parameters. Gives each answer, and the headers sent."""
    return json.loads(json.dumps([_call(*call) for call in event], default=str))


def _call(service: str, operation: str, parameters: dict[str, Any]) -> Any:
    if service == "http":
        return {"answer": _get(**parameters), "sent": {}}
    answer = getattr(_client(service), operation)(**parameters)
    return {"answer": answer, "sent": dict(_sent)}


@cache
def _client(service: str) -> Any:
    client = boto3.client(service)
    client.meta.events.register("before-send", _see)
    return client


def _see(request: Any, **_: Any) -> None:
    _sent.clear()
    for name, value in request.headers.items():
        _sent[name] = value.decode("latin-1") if isinstance(value, bytes) else str(value)


def _get(url: str) -> Any:
    with urllib.request.urlopen(url) as answer:
        return {"headers": json.load(answer), "request_id": answer.headers["Apigw-Requestid"]}


def calls_nobody(event: Any, context: Any) -> Any:
    return _client("sqs").list_queues()


def forgets_what_to_say(event: Any, context: Any) -> Any:
    return _client("sqs").send_message()


def asks_nobody(event: Any, context: Any) -> Any:
    return _get("http://127.0.0.1:9/orders")
