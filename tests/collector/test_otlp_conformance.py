"""What OTLP's specification demands and no other test asks: docs/otlp.md has the whole list, with the test of each row."""

import asyncio
import gzip
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import grpc
import grpc.aio
import httpx
import pytest
from google.protobuf.json_format import Parse
from google.rpc.status_pb2 import Status
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from tests.collector.conftest import TOKEN
from tests.collector.firehose import Recorder
from tests.collector.gates import gate
from tests.collector.http_clients import Client, connected
from tests.collector.receivers import receiver

from coldlight_collector import front_door
from coldlight_collector.http.messages import Budget, Limits
from coldlight_collector.http.router import router
from coldlight_collector.http.server import HttpServer, serve
from coldlight_collector.intake import Accepted, Intake, Payload, Unavailable
from coldlight_collector.otlp_grpc import GrpcLimits
from coldlight_collector.otlp_grpc import serve as serve_grpc
from coldlight_collector.receiver import Receiver
from coldlight_storage.signals import Signal
from coldlight_storage.testing import span, traces_request

ROOT = Path(__file__).parents[2]
PROTOBUF, JSON = "application/x-protobuf", "application/json"
ENCODINGS = [PROTOBUF, JSON]
SHOP = "https://shop.example"
ONE_SPAN = traces_request(span(1)).SerializeToString()
EMPTY_GROUPS = {
    PROTOBUF: traces_request().SerializeToString(),
    JSON: b'{"resourceSpans":[{"scopeSpans":[]}]}',
}


async def open_port(intake: Intake, token: str | None, origins: tuple[str, ...] = ()) -> HttpServer:
    """A collector's HTTP port, with the sizes that it has by itself."""
    budget, limits = Budget(), Limits(header_timeout_s=0.2)
    routes, refuse = front_door.receivers(Receiver(lambda _: intake, budget, 1 << 20), gate(token), origins)
    return await serve(router(routes, refuse), refuse, "127.0.0.1", 0, limits, budget)


@pytest.fixture
async def server(stored: Recorder) -> AsyncIterator[HttpServer]:
    """A port with a token, and one web page that may send."""
    server = await open_port(stored, TOKEN, (SHOP,))
    yield server
    await server.stop(0)


@pytest.fixture
async def client(server: HttpServer) -> AsyncIterator[Client]:
    async with connected(server) as client:
        yield client


def request(*headers: str, body: bytes = b"", line: str = "POST /v1/traces") -> bytes:
    lines = [f"{line} HTTP/1.1", "Host: x", f"Authorization: Bearer {TOKEN}", *headers]
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + body


def length(size: int) -> str:
    return f"Content-Length: {size}"


REFUSALS = {
    "a body that is no request": (400, request(length(2), body=b"\xff\xff")),
    "no token": (401, request(length(0)).replace(TOKEN.encode(), b"guess")),
    "another path": (404, request(length(0), line="POST /v1/profiles")),
    "another verb": (405, request(length(0), line="PUT /v1/traces")),
    "headers that never end": (408, request().removesuffix(b"\r\n")),
    "a body over the limit": (413, request(length((64 << 20) + 1))),
    "another compression": (415, request(length(1), "Content-Encoding: br", body=b"x")),
    "another expectation": (417, request(length(0), "Expect: wonders")),
    "headers over the limit": (431, request(length(0), f"Cookie: {'x' * 17_000}")),
    "another transfer coding": (501, request("Transfer-Encoding: gzip, chunked")),
}


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize(("status", "sent"), REFUSALS.values(), ids=REFUSALS)
async def test_every_refusal_is_a_status_in_the_encoding_of_the_request(
    client: Client, status: int, sent: bytes, encoding: str
) -> None:
    line, _, rest = sent.partition(b"\r\n")
    answer = await client.ask(line + f"\r\nContent-Type: {encoding}\r\n".encode() + rest)
    assert (answer.status, answer.headers["content-type"]) == (status, encoding)
    told = Status.FromString(answer.body) if encoding == PROTOBUF else Parse(answer.body, Status())
    assert told.code
    assert told.message


@pytest.mark.parametrize("path", ["/v1/traces", "/v1/traces/"])
@pytest.mark.parametrize("encoding", ENCODINGS)
async def test_one_port_takes_both_encodings_with_a_slash_behind_the_path_or_without(
    door: httpx.AsyncClient, path: str, encoding: str
) -> None:
    response = await door.post(path, content=EMPTY_GROUPS[encoding], headers={"Content-Type": encoding})
    assert (response.status_code, response.headers["content-type"]) == (200, encoding)
    assert response.content == (b"" if encoding == PROTOBUF else b"{}")


async def test_64_mib_are_invited_and_not_a_byte_more(server: HttpServer) -> None:
    for size, status in ((64 << 20, b"100"), ((64 << 20) + 1, b"413")):
        async with connected(server) as client:
            await client.send(request(length(size), "Expect: 100-continue"))
            assert (await client.reader.readline()).split()[1] == status


async def test_gzip_of_several_members_is_one_body(door: httpx.AsyncClient, stored: Recorder) -> None:
    body = b"".join(map(gzip.compress, (ONE_SPAN[:9], b"", ONE_SPAN[9:])))
    headers = {"Content-Type": PROTOBUF, "Content-Encoding": "gzip"}
    assert (await door.post("/v1/traces", content=body, headers=headers)).content == b""
    [(_, payload)] = stored.taken
    assert payload.body == ONE_SPAN


async def test_a_preflight_needs_no_token_and_invites_no_cookies(client: Client) -> None:
    asked = f"OPTIONS /v1/traces HTTP/1.1\r\nHost: x\r\nOrigin: {SHOP}\r\nAccess-Control-Request-Method: POST\r\n\r\n"
    answer = await client.ask(asked.encode())
    assert (answer.status, answer.headers["access-control-allow-origin"]) == (204, SHOP)
    assert "access-control-allow-credentials" not in answer.headers


async def test_cross_origin_requests_are_off_unless_origins_are_named(door: httpx.AsyncClient) -> None:
    preflight = {"Origin": SHOP, "Access-Control-Request-Method": "POST"}
    assert (await door.options("/v1/traces", headers=preflight)).status_code == 405
    answer = await door.post("/v1/traces", content=b"{}", headers={"Content-Type": JSON, "Origin": SHOP})
    assert "access-control-allow-origin" not in answer.headers


async def test_the_sdk_sends_again_over_http_what_was_unavailable() -> None:
    calls: list[Payload] = []

    async def full_at_first(_: Signal, payload: Payload) -> Accepted:
        calls.append(payload)
        if len(calls) == 1:
            raise Unavailable("the journal is full", retry_after_s=0)
        return Accepted()

    server = await open_port(full_at_first, None)
    await asyncio.to_thread(export_one_span, f"http://127.0.0.1:{server.port}/v1/traces")
    await server.stop(0)
    first, second = calls
    assert first == second


def export_one_span(endpoint: str) -> None:
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(OTLPSpanExporter(endpoint=endpoint)))
    provider.get_tracer("shop").start_span("checkout").end()
    provider.shutdown()


async def test_a_grpc_request_may_be_larger_than_grpc_takes_by_itself(stored: Recorder) -> None:
    server = await serve_grpc(receiver(stored), gate(), "127.0.0.1", 0, GrpcLimits())
    large = traces_request(
        span(1, attributes={f"part {i}": "x" * 1_000_000 for i in range(5)})
    ).SerializeToString()
    async with grpc.aio.insecure_channel(f"127.0.0.1:{server.port}") as channel:
        export: Any = channel.unary_unary("/opentelemetry.proto.collector.trace.v1.TraceService/Export")
        assert await export(large) == b""
    await server.stop(0)


# The list


def test_every_row_of_the_list_names_tests_that_exist() -> None:
    page = (ROOT / "docs" / "otlp.md").read_text()
    known = "\n".join(file.read_text() for file in (ROOT / "tests").rglob("test_*.py"))
    named = re.findall(r"`(test_\w+)`", page)
    rows = [line for line in page.splitlines() if re.match(r"\| [HGS]\d+ ", line)]
    assert len(rows) >= 25
    assert [row for row in rows if "`test_" not in row] == []
    assert [name for name in named if f"def {name}(" not in known] == []
