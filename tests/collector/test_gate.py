"""Who may send: every receiver lets in by token, role and rate, and says no in the form that its senders read."""

import base64
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import grpc
import httpx
import pytest
from google.rpc.error_details_pb2 import RetryInfo
from prometheus_client import CollectorRegistry, generate_latest

from coldlight_collector import front_door, otlp_grpc
from coldlight_collector.gate import Gate
from coldlight_collector.http.messages import Budget, Limits
from coldlight_collector.http.router import router
from coldlight_collector.http.server import serve
from coldlight_collector.intake import Accepted, Intake, Payload
from coldlight_collector.receiver import Receiver
from coldlight_storage.access import Access
from coldlight_storage.signals import Signal
from coldlight_storage.state.tokens import UNLIMITED, Rates, Role
from coldlight_storage.testing import span, token, tokens_known, traces_request

SENDER, SENDERS_TEXT = token(1, Role.INGEST, tenant="a")
READER, READERS_TEXT = token(2, Role.READ, tenant="a")
SLOW, SLOW_TEXT = token(3, Role.INGEST, tenant="b", rates=Rates(items=1))
NOBODYS_TEXT = token(4)[1]
TOKENS = (SENDER, READER, SLOW)
BODY = traces_request(*map(span, range(1, 22))).SerializeToString()
"""21 spans: at one a second, 10 of which may come at once, 11 seconds too many."""
ZIPKIN = json.dumps([{"traceId": f"{1:016x}", "id": f"{number:016x}"} for number in range(1, 22)]).encode()
SEGMENTS = [
    json.dumps(
        {
            "name": "x",
            "id": f"{number:016x}",
            "trace_id": f"1-00000000-{1:024x}",
            "start_time": 1,
            "end_time": 2,
        }
    )
    for number in range(1, 22)
]
XRAY = json.dumps({"TraceSegmentDocuments": SEGMENTS}).encode()
LOG_EVENTS = [{"id": str(number), "timestamp": 1, "message": "x"} for number in range(21)]
SUBSCRIPTION = {
    "messageType": "DATA_MESSAGE",
    "owner": "1",
    "logGroup": "g",
    "logStream": "s",
    "logEvents": LOG_EVENTS,
}
RECORD = {"data": base64.b64encode(json.dumps(SUBSCRIPTION).encode()).decode()}
FIREHOSE = json.dumps({"requestId": "r-1", "timestamp": 1, "records": [RECORD]}).encode()


def bearer(text: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {text}"}


def password(text: str) -> dict[str, str]:
    return {"Authorization": f"Basic {base64.b64encode(f'shop:{text}'.encode()).decode()}"}


def access_key(text: str) -> dict[str, str]:
    return {"X-Amz-Firehose-Access-Key": text}


def signature(text: str) -> dict[str, str]:
    return {
        "Authorization": f"AWS4-HMAC-SHA256 Credential={text}/20260101/eu-west-1/xray/aws4_request, Signature=0"
    }


@dataclass(frozen=True)
class Door:
    """A path and a request for it; `proofs` are the ways to show a token, `statuses` what is said instead of OTLP's."""

    path: str
    body: bytes
    media_type: str
    proofs: tuple[Any, ...]
    statuses: dict[int, int] = field(default_factory=dict)

    def status(self, status: int) -> int:
        return self.statuses.get(status, status)


DOORS = {
    "otlp": Door("/v1/traces", BODY, "application/x-protobuf", (bearer,)),
    "zipkin": Door("/api/v2/spans", ZIPKIN, "application/json", (bearer, password), {200: 202}),
    "xray": Door("/TraceSegments", XRAY, "application/json", (bearer, signature), {401: 403}),
    "firehose": Door("/aws/firehose", FIREHOSE, "application/json", (bearer, access_key), {429: 503}),
}
WAYS = [
    pytest.param(door, proof, id=f"{name} {proof.__name__}")
    for name, door in DOORS.items()
    for proof in door.proofs
]
EACH_DOOR = pytest.mark.parametrize("door", DOORS.values(), ids=DOORS)


@dataclass
class Collected:
    """What was stored, by tenant; and the time by which rates are reckoned."""

    taken: list[tuple[str, int]] = field(default_factory=list)
    now_s: float = 0.0

    def intake(self, tenant: str) -> Intake:
        async def take(_: Signal, payload: Payload) -> Accepted:
            self.taken.append((tenant, payload.items))
            return payload.outcome

        return take


@dataclass(frozen=True)
class Front:
    """A collector's front door with a gate before it."""

    client: httpx.AsyncClient
    collected: Collected
    gate: Gate

    async def send(self, door: Door, headers: dict[str, str]) -> httpx.Response:
        kind = {"Content-Type": door.media_type}
        return await self.client.post(door.path, content=door.body, headers=kind | headers)


@asynccontextmanager
async def open_front(access: Access, rates: Rates = UNLIMITED) -> AsyncIterator[Front]:
    collected, budget = Collected(), Budget()
    gate = Gate(access, rates, clock_s=lambda: collected.now_s)
    routes, refuse = front_door.receivers(Receiver(collected.intake, budget, 1 << 20), gate, ())
    server = await serve(router(routes, refuse), refuse, "127.0.0.1", 0, Limits(), budget)
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{server.port}") as client:
        yield Front(client, collected, gate)
    await server.stop(0)


@pytest.fixture
async def front() -> AsyncIterator[Front]:
    async with open_front(tokens_known(*TOKENS)) as front:
        yield front


@pytest.mark.parametrize(("door", "proof"), WAYS)
async def test_a_token_lets_in_and_says_whose_the_rows_are(front: Front, door: Door, proof: Any) -> None:
    assert (await front.send(door, proof(SENDERS_TEXT))).status_code == door.status(200)
    assert front.collected.taken == [("a", 21)]


@pytest.mark.parametrize(("door", "proof"), WAYS)
async def test_a_token_of_another_role_is_told_which_is_needed(front: Front, door: Door, proof: Any) -> None:
    answer = await front.send(door, proof(READERS_TEXT))
    assert answer.status_code == 403
    assert b"this token has the role read; here the role ingest is needed" in answer.content
    assert front.collected.taken == []


@pytest.mark.parametrize(("door", "proof"), WAYS)
async def test_an_unknown_token_is_told_so_and_not_repeated(front: Front, door: Door, proof: Any) -> None:
    answer = await front.send(door, proof(NOBODYS_TEXT))
    assert answer.status_code == door.status(401)
    assert b"this token is unknown or revoked" in answer.content
    assert NOBODYS_TEXT[-64:] not in answer.text
    assert front.collected.taken == []


@EACH_DOOR
async def test_who_shows_no_token_is_told_how_to(front: Front, door: Door) -> None:
    answer = await front.send(door, {})
    assert answer.status_code == door.status(401)
    assert b"no token was sent" in answer.content
    assert b"header " in answer.content
    assert front.collected.taken == []


@EACH_DOOR
async def test_while_the_tokens_cannot_be_read_senders_are_to_come_again(door: Door) -> None:
    async with open_front(Access(tuple)) as front:
        for headers in ({}, bearer(SENDERS_TEXT)):
            answer = await front.send(door, headers)
            assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
        assert front.gate.refusals == {"state_unavailable": 2}
        assert front.collected.taken == []


@EACH_DOOR
async def test_who_sends_too_much_is_to_wait_and_then_is_let_in(front: Front, door: Door) -> None:
    assert (await front.send(door, bearer(SLOW_TEXT))).status_code == door.status(200)
    answer = await front.send(door, bearer(SLOW_TEXT))
    assert (answer.status_code, answer.headers["retry-after"]) == (door.status(429), "11")
    assert b"wait 11 s" in answer.content
    assert (await front.send(door, bearer(SENDERS_TEXT))).status_code == door.status(200)  # others are free
    front.collected.now_s = 11.0
    assert (await front.send(door, bearer(SLOW_TEXT))).status_code == door.status(200)
    assert front.collected.taken == [("b", 21), ("a", 21), ("b", 21)]


async def test_bytes_have_a_rate_too_and_settings_give_one_to_tokens_without() -> None:
    async with open_front(tokens_known(SENDER, SLOW), Rates(bytes=len(BODY) // 20)) as front:
        sent = [await front.send(DOORS["otlp"], bearer(SENDERS_TEXT)) for _ in range(2)]
        assert [answer.status_code for answer in sent] == [200, 429]
        assert sent[1].headers["retry-after"] == "11"  # twenty seconds' worth came, ten of which were free
        [slow] = [await front.send(DOORS["otlp"], bearer(SLOW_TEXT))]
        assert slow.status_code == 200  # each token has its own


async def test_what_was_not_let_in_is_counted_by_reason(front: Front) -> None:
    registry = CollectorRegistry()
    registry.register(front.gate)
    for headers in ({}, bearer(NOBODYS_TEXT), bearer(READERS_TEXT), bearer(SLOW_TEXT), bearer(SLOW_TEXT)):
        await front.send(DOORS["otlp"], headers)
    shown = generate_latest(registry).decode()
    for reason, count in {"unauthenticated": 2, "forbidden": 1, "rate_limited": 1}.items():
        assert f'coldlight_denied_requests_total{{reason="{reason}"}} {count}.0' in shown


async def test_no_path_is_open_that_should_not_be() -> None:
    """Each path of every port, as a stranger meets it. What SDKs ask about sampling is the same for everybody."""
    receiver = Receiver(Collected().intake, Budget(), 1 << 20)
    gate = Gate(tokens_known(*TOKENS))
    for routes, refuse in (
        front_door.receivers(receiver, gate, ()),
        front_door.zipkin_port(receiver, gate, ()),
        front_door.xray_port(receiver, gate),
    ):
        server = await serve(router(routes, refuse), refuse, "127.0.0.1", 0, Limits(), Budget())
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{server.port}") as client:
            answers = {path: (await client.post(path)).status_code for path in routes}
        await server.stop(0)
        open_paths = {path for path, status in answers.items() if status not in (401, 403)}
        assert open_paths <= {"/GetSamplingRules", "/SamplingTargets"}


# OTLP/gRPC


EXPORT = "/opentelemetry.proto.collector.trace.v1.TraceService/Export"


@asynccontextmanager
async def open_grpc(access: Access) -> AsyncIterator[tuple[Any, Collected]]:
    collected = Collected()
    gate = Gate(access, clock_s=lambda: collected.now_s)
    server = await otlp_grpc.serve(
        Receiver(collected.intake, Budget(), 1 << 20), gate, "127.0.0.1", 0, otlp_grpc.GrpcLimits()
    )
    async with grpc.aio.insecure_channel(f"127.0.0.1:{server.port}") as channel:
        export: Any = channel.unary_unary(EXPORT)

        async def send(text: str | None) -> Any:
            return await export(BODY, metadata=[("authorization", f"Bearer {text}")] if text else None)

        yield send, collected
    await server.stop(0)


async def test_over_grpc_a_token_lets_in_and_says_whose_the_rows_are() -> None:
    async with open_grpc(tokens_known(*TOKENS)) as (send, collected):
        await send(SENDERS_TEXT)
        await send(SLOW_TEXT)
    assert collected.taken == [("a", 21), ("b", 21)]


@pytest.mark.parametrize(
    ("text", "code", "said"),
    [
        (None, grpc.StatusCode.UNAUTHENTICATED, "no token was sent"),
        (NOBODYS_TEXT, grpc.StatusCode.UNAUTHENTICATED, "unknown or revoked"),
        (READERS_TEXT, grpc.StatusCode.PERMISSION_DENIED, "the role ingest is needed"),
    ],
    ids=["none", "unknown", "reader"],
)
async def test_over_grpc_the_code_says_what_is_wrong(
    text: str | None, code: grpc.StatusCode, said: str
) -> None:
    async with open_grpc(tokens_known(*TOKENS)) as (send, collected):
        with pytest.raises(grpc.RpcError) as refused:
            await send(text)
    assert refused.value.code() is code
    assert said in str(refused.value.details())
    assert collected.taken == []


def retry_delay_s(error: Any) -> int:
    return int(
        RetryInfo.FromString(dict(error.trailing_metadata())["google.rpc.retryinfo-bin"]).retry_delay.seconds
    )


async def test_over_grpc_who_sends_too_much_is_told_how_long_to_wait() -> None:
    async with open_grpc(tokens_known(*TOKENS)) as (send, collected):
        await send(SLOW_TEXT)
        with pytest.raises(grpc.RpcError) as refused:
            await send(SLOW_TEXT)
        assert refused.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
        assert retry_delay_s(refused.value) == 11
        collected.now_s = 11.0
        await send(SLOW_TEXT)


async def test_over_grpc_senders_come_again_while_the_tokens_cannot_be_read() -> None:
    async with open_grpc(Access(tuple)) as (send, _):
        with pytest.raises(grpc.RpcError) as refused:
            await send(SENDERS_TEXT)
    assert (refused.value.code(), retry_delay_s(refused.value)) == (grpc.StatusCode.UNAVAILABLE, 5)
