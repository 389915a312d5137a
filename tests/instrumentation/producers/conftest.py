"""AWS as moto serves it, in a process of its own, and functions that call it and are recorded."""

import json
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import boto3
import botocore.client
import pytest
from botocore.config import Config
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from coldlight_lambda import frames, recorder
from coldlight_lambda.bootstrap import wrap
from coldlight_lambda.patches import botocore as patches
from coldlight_lambda.producers import bodies, dynamodb

REGION, ACCOUNT = "eu-west-1", "123456789012"
RECEIVED = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=0;Lineage=1:73f724a8:0"


class LambdaContext:
    aws_request_id = "0b7e5a3c-7a52-4a0b-8a5e-6f1d5c1f5b0e"
    function_name = "shop"
    invoked_function_arn = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:shop"


class Frames:
    """What would go to the shipper."""

    def __init__(self) -> None:
        self.kept: list[tuple[bytes, bytes]] = []

    def send(self, kind: bytes, request_id: str, content: bytes) -> None:
        self.kept.append((kind, content))

    def spans(self) -> list[Span]:
        return [Span.FromString(content) for kind, content in self.kept if kind == frames.SPAN]

    def span(self) -> Span:
        (only,) = self.spans()
        return only


def value(of: Any) -> Any:
    kind = of.WhichOneof("value")
    return [value(item) for item in of.array_value.values] if kind == "array_value" else getattr(of, kind)


def attributes(of: Any) -> dict[str, Any]:
    return {each.key: value(each.value) for each in of.attributes}


def produced(span: Span) -> list[str]:
    keys: list[str] = attributes(span).get("coldlight.link.produced", [])
    return keys


class Aws:
    """A function's view of AWS: `call` runs something in an invocation, and `recorded` tells what came of it."""

    def __init__(self, client: Callable[[str], Any], resource: Callable[[str], Any], unpatched: Any) -> None:
        self.client = client
        self.resource = resource
        self.unpatched = unpatched
        self.recorded = Frames()

    def call(self, work: Callable[[], Any]) -> Any:
        return wrap(lambda event, context: work())({}, LambdaContext())

    def wire(self, service: str, work: Callable[[], Any]) -> Any:
        """The request as botocore sends it during a call."""
        seen: list[Any] = []
        events = self.client(service).meta.events

        def see(request: Any, **_: Any) -> None:
            seen.append(request)

        events.register("before-send", see)
        try:
            self.call(work)
        finally:
            events.unregister("before-send", see)
        return seen[-1]


@pytest.fixture(scope="session")
def endpoint(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    log = tmp_path_factory.mktemp("moto") / "log"
    with log.open("w") as written:
        command = [str(Path(sys.executable).with_name("moto_server")), "-p", str(port)]
        server = subprocess.Popen(
            command, stdout=written, stderr=written, env={**os.environ, "MOTO_ACCOUNT_ID": ACCOUNT}
        )
    url = f"http://127.0.0.1:{port}"
    try:
        _wait(server, url, log)
        yield url
    finally:
        server.kill()
        server.wait()


def _wait(server: subprocess.Popen[bytes], url: str, log: Path) -> None:
    settings = json.dumps({"lambda": {"use_docker": False}}).encode()
    while server.poll() is None:
        try:
            request = urllib.request.Request(f"{url}/moto-api/config", data=settings, method="POST")
            urllib.request.urlopen(request).close()
            return
        except (urllib.error.URLError, ConnectionError):
            time.sleep(0.1)
    raise RuntimeError(log.read_text())


@pytest.fixture(scope="session")
def clients(endpoint: str) -> tuple[Callable[[str], Any], Callable[[str], Any]]:
    session = boto3.Session("any", "any", region_name=REGION)
    config = Config(retries={"mode": "standard", "max_attempts": 3})

    @cache
    def client(service: str) -> Any:
        return session.client(service, endpoint_url=endpoint, config=config)

    @cache
    def resource(service: str) -> Any:
        return session.resource(service, endpoint_url=endpoint)

    return client, resource


@pytest.fixture
def aws(clients: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[Aws]:
    """Recorded as in a Lambda function; what the recorder complains of fails the test."""
    base = botocore.client.BaseClient
    unpatched = base._make_api_call
    monkeypatch.setattr(base, "_make_api_call", unpatched)
    monkeypatch.setattr(recorder, "sink", None)
    monkeypatch.setattr(recorder, "_told", set())
    monkeypatch.setitem(bodies.choice, "is_asked", False)
    monkeypatch.setattr(dynamodb, "_key_names", {})
    monkeypatch.setenv("AWS_LAMBDA_FUNCTION_NAME", "shop")
    monkeypatch.setenv("_X_AMZN_TRACE_ID", RECEIVED)
    patches.patch(botocore.client)
    up = Aws(clients[0], clients[1], unpatched)
    recorder.sink = up.recorded
    yield up
    assert "coldlight" not in capsys.readouterr().err
