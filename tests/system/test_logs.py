"""What Coldlight tells in its logs: lines for programs, and never what was sent."""

import io
import json
import logging
import socket
from collections.abc import Iterator
from typing import Any

import grpc
import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2_grpc import TraceServiceStub
from tests.system.processes import ANY_PORTS, HTTP, Service, start

from coldlight_cli import logs
from coldlight_storage.testing import span, traces_request

SECRET = "s3cret-4111111111111111"
PROTOBUF, JSON = {"Content-Type": "application/x-protobuf"}, {"Content-Type": "application/json"}


@pytest.fixture(scope="module")
def talkative(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A service that logs all that it ever would."""
    flags = ("--log-level", "debug", "--self-trace", "1", "--memory", "1G")
    service = start("up", *ANY_PORTS, *flags, folder=tmp_path_factory.mktemp("talkative"))
    yield service
    assert service.stop() == 0


def post_the_secret_everywhere(url: str) -> None:
    good = traces_request(span(1, name=SECRET, attributes={SECRET: SECRET})).SerializeToString()
    for body in (good, good[:-3], f"\xff{SECRET}".encode(), b"\x0a\x7f" + SECRET.encode()):
        HTTP.post(f"{url}/v1/traces", content=body, headers={**PROTOBUF, "Authorization": f"Bearer {SECRET}"})
    for path in (
        "/v1/traces",
        "/v1/logs",
        "/v1/metrics",
        "/api/v1/spans",
        "/api/v2/spans",
        "/aws/firehose",
        "/TraceSegments",
    ):
        for text in (
            SECRET,
            f'{{"{SECRET}": 1}}',
            f'[{{"traceId": "{SECRET}", "id": "{SECRET}"}}]',
            f'"{SECRET}"',
        ):
            headers = {**JSON, "X-Secret": SECRET, "X-Amz-Firehose-Access-Key": SECRET}
            HTTP.post(f"{url}{path}?q={SECRET}", content=text, headers=headers)
    HTTP.request(SECRET.upper(), f"{url}/{SECRET}")
    HTTP.post(
        f"{url}/v1/traces",
        content=SECRET.encode(),
        headers={"Content-Type": SECRET, "Content-Encoding": SECRET},
    )


def ask_for_the_secret(url: str) -> None:
    traces = f"{url}/api/v1/traces"
    for question in (f'name = "{SECRET}"', f'name ~ "{SECRET}a{{1001}}"', f'name = "{SECRET}', SECRET):
        HTTP.get(traces, params={"filter": question})
    for parameter in ("service", "cursor", "start", "min_duration", SECRET):
        HTTP.get(traces, params={parameter: SECRET})
    HTTP.get(f"{traces}/{SECRET}")
    HTTP.get(f"{url}/{SECRET}", headers={"Authorization": SECRET})


def send_it_over_grpc_and_udp(service: Service) -> None:
    with grpc.insecure_channel(service.otlp_grpc.removeprefix("http://")) as channel:
        raw: Any = channel.stream_unary("/opentelemetry.proto.collector.trace.v1.TraceService/Export")
        with pytest.raises(grpc.RpcError):
            raw(iter([f"\xff{SECRET}".encode()]), metadata=[("authorization", SECRET)], timeout=10)
        export = TraceServiceStub(channel).Export  # type: ignore[no-untyped-call]
        export(traces_request(span(2, name=SECRET)), metadata=(("x-secret", SECRET),), timeout=10)
    host, _, port = service.xray.rpartition(":")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        for datagram in (SECRET, f'{{"format": "json", "version": 1}}\n{{"name": "{SECRET}"}}'):
            sender.sendto(datagram.encode(), (host, int(port)))


def test_no_payload_is_ever_logged(talkative: Service) -> None:
    post_the_secret_everywhere(talkative.otlp_http)
    ask_for_the_secret(talkative.query)
    send_it_over_grpc_and_udp(talkative)
    assert len(talkative.trace(f"{1:032x}")["spans"]) >= 1
    logged = talkative.log.read_text()
    assert SECRET not in logged
    assert SECRET.upper() not in logged
    for path in ("/metrics", "/readyz"):
        for url in (talkative.otlp_http, talkative.query):
            assert SECRET not in HTTP.get(url + path).text


def test_what_is_no_terminal_gets_a_json_object_a_line(talkative: Service) -> None:
    lines = [json.loads(line) for line in talkative.log.read_text().splitlines()]
    assert lines
    assert all({"message", "level", "logger", "timestamp"} <= line.keys() for line in lines)


def fail() -> None:
    try:
        raise ValueError(SECRET)
    except ValueError as error:
        raise LookupError(f"not even {SECRET} in a cause") from error


def log_a_failure(form: logs.Format) -> str:
    said = io.StringIO()
    root = logging.getLogger()
    before = (root.level, root.handlers[:])
    try:
        logs.configure("info", form, said)
        fail()
    except LookupError:
        logging.getLogger("coldlight").exception("%s of %d failed", "traces", 7)
    finally:
        root.handlers[:] = before[1]
        root.setLevel(before[0])
    return said.getvalue()


def test_an_exception_is_told_by_its_type_and_place() -> None:
    line = json.loads(log_a_failure("json"))
    assert (line["level"], line["logger"], line["message"]) == ("error", "coldlight", "traces of 7 failed")
    assert line["exception.type"] == "builtins.LookupError <- builtins.ValueError"
    assert line["exception.stacktrace"][-1].endswith(" fail")
    assert SECRET not in str(line)


def test_people_get_text() -> None:
    said = log_a_failure("text")
    assert "traces of 7 failed" in said
    assert "builtins.LookupError" in said
    assert SECRET not in said
    assert not said.startswith("{")
