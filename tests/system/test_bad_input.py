"""Whatever is sent to a running Coldlight gets the answer that OTLP names, and harms no other sender."""

import gzip
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from math import nan
from typing import Any
from uuid import uuid4

import grpc
import httpx
import pytest
from google.rpc.status_pb2 import Status
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse
from tests.system.load import sending, stored
from tests.system.processes import HTTP, Service

from coldlight_storage.testing import span, traces_request

PROTOBUF, JSON = "application/x-protobuf", "application/json"
TRACES = "/opentelemetry.proto.collector.trace.v1.TraceService/Export"
FAR_FUTURE = 2**64 - 1
GOOD = traces_request(span(1, trace=0xBAD)).SerializeToString()


@dataclass(frozen=True)
class Post:
    """An HTTP request, and the status with which it must be answered."""

    status: int
    body: bytes = GOOD
    path: str = "/v1/traces"
    method: str = "POST"
    headers: dict[str, str] = field(default_factory=lambda: {"Content-Type": PROTOBUF})


def in_json(text: str) -> Post:
    return Post(400, text.encode(), headers={"Content-Type": JSON})


def compressed(status: int, body: bytes, encoding: str = "gzip") -> Post:
    return Post(status, body, headers={"Content-Type": PROTOBUF, "Content-Encoding": encoding})


MIB = b"\0" * 2**20
BAD_REQUESTS = {
    "bytes that are no protobuf": Post(400, b"\xff" * 100),
    "a cut-off request": Post(400, GOOD[:-3]),
    "a length beyond the end": Post(400, b"\x0a\xff\xff\xff\xff\x0f"),
    "text that is no JSON": in_json('{"resourceSpans": ['),
    "JSON of another form": in_json('{"resourceSpans": 7}'),
    "an id that is no hex": in_json('{"resourceSpans":[{"scopeSpans":[{"spans":[{"traceId":"xyz"}]}]}]}'),
    "JSON nested without end": in_json('{"a":' * 100_000),
    "a number of 5,000 digits": in_json(
        '{"resourceSpans":[{"scopeSpans":[{"spans":[{"flags":' + "9" * 5000 + "}]}]}]}"
    ),
    "another content type": Post(415, headers={"Content-Type": "text/plain"}),
    "no content type": Post(415, headers={}),
    "another path": Post(404, path="/v1/profiles"),
    "the wrong verb": Post(405, b"", method="GET"),
    "more bytes than the limit": Post(413, MIB + b"\0"),
    "a bomb": compressed(413, gzip.compress(MIB * 64)),
    "broken gzip": compressed(400, gzip.compress(GOOD)[:-9]),
    "an unknown compression": compressed(415, GOOD, "br"),
    "several compressions": compressed(415, gzip.compress(gzip.compress(GOOD)), "gzip, gzip"),
}


def post(up: Service, sent: Post) -> httpx.Response:
    return HTTP.request(sent.method, up.otlp_http + sent.path, content=sent.body, headers=sent.headers)


@pytest.mark.parametrize("sent", BAD_REQUESTS.values(), ids=BAD_REQUESTS)
def test_over_http_a_bad_request_is_refused_in_its_own_encoding(up: Service, sent: Post) -> None:
    answer = post(up, sent)
    assert answer.status_code == sent.status
    if sent.headers.get("Content-Type") == PROTOBUF:
        assert answer.headers["content-type"] == PROTOBUF
        assert Status.FromString(answer.content).message
    else:
        assert answer.headers["content-type"] == JSON
        assert answer.json()["message"]


def test_the_wrong_verb_is_told_the_right_one(up: Service) -> None:
    assert post(up, BAD_REQUESTS["the wrong verb"]).headers["allow"] == "POST"


@pytest.mark.parametrize("body", [b"", b"\x0a\x00", traces_request().SerializeToString()])
def test_an_empty_request_is_a_success(up: Service, body: bytes) -> None:
    answer = post(up, Post(200, body))
    assert (answer.status_code, answer.content) == (200, b"")


def call(up: Service, body: bytes, method: str = TRACES, **options: Any) -> bytes:
    """A gRPC call of raw bytes. Raises `grpc.RpcError`."""
    with grpc.insecure_channel(up.otlp_grpc.removeprefix("http://")) as channel:
        export: Any = channel.unary_unary(method)  # typed for messages, but sends bytes as they are
        answer: bytes = export(body, timeout=10, **options)
        return answer


BAD_CALLS: dict[str, tuple[grpc.StatusCode, Callable[[Service], bytes]]] = {
    "bytes that are no protobuf": (
        grpc.StatusCode.INVALID_ARGUMENT,
        lambda up: call(up, b"\xff" * 100),
    ),
    "a cut-off request": (
        grpc.StatusCode.INVALID_ARGUMENT,
        lambda up: call(up, GOOD[:-3]),
    ),
    "another service": (
        grpc.StatusCode.UNIMPLEMENTED,
        lambda up: call(
            up, b"", "/opentelemetry.proto.collector.profiles.v1development.ProfilesService/Export"
        ),
    ),
    "another method": (
        grpc.StatusCode.UNIMPLEMENTED,
        lambda up: call(up, b"", TRACES.replace("Export", "Import")),
    ),
    "more bytes than the limit": (
        grpc.StatusCode.RESOURCE_EXHAUSTED,
        lambda up: call(up, MIB * 5),
    ),
    "a bomb": (
        grpc.StatusCode.RESOURCE_EXHAUSTED,
        lambda up: call(up, MIB * 8, compression=grpc.Compression.Gzip),
    ),
}


@pytest.mark.parametrize(("status", "make"), BAD_CALLS.values(), ids=BAD_CALLS)
def test_over_grpc_a_bad_request_is_refused(
    up: Service, status: grpc.StatusCode, make: Callable[[Service], bytes]
) -> None:
    with pytest.raises(grpc.RpcError) as refused:
        make(up)
    assert refused.value.code() is status


def test_over_grpc_an_empty_request_is_a_success(up: Service) -> None:
    assert call(up, b"") == b""


Exchange = Callable[[Service, Any], ExportTraceServiceResponse]


def over_http(up: Service, request: Any) -> ExportTraceServiceResponse:
    answer = post(up, Post(200, request.SerializeToString()))
    assert answer.status_code == 200
    return ExportTraceServiceResponse.FromString(answer.content)


def over_grpc(up: Service, request: Any) -> ExportTraceServiceResponse:
    return ExportTraceServiceResponse.FromString(call(up, request.SerializeToString()))


@pytest.fixture(params=[over_http, over_grpc])
def exchange(request: pytest.FixtureRequest) -> Exchange:
    chosen: Exchange = request.param
    return chosen


@pytest.fixture
def trace() -> int:
    """The number of a trace that no other test has."""
    return uuid4().int


def test_of_spans_with_and_without_ids_the_sound_ones_are_stored(
    up: Service, exchange: Exchange, trace: int
) -> None:
    without = [span(2, trace=trace), span(3, trace=trace), span(4, trace=trace)]
    without[0].trace_id, without[1].span_id, without[2].span_id = b"", b"", b"short"
    answer = exchange(up, traces_request(span(1, trace=trace), *without))
    assert answer.partial_success.rejected_spans == 3
    assert "span_id must be 8 bytes" in answer.partial_success.error_message
    assert [one["span_id"] for one in up.trace(f"{trace:032x}")["spans"]] == [f"{1:016x}"]


def test_odd_times_are_stored_and_what_was_changed_says_so(
    up: Service, exchange: Exchange, trace: int
) -> None:
    backwards = span(1, trace=trace, at=10, lasts=-5)
    timeless, future = span(2, trace=trace), span(3, trace=trace)
    timeless.start_time_unix_nano = timeless.end_time_unix_nano = 0
    future.start_time_unix_nano = future.end_time_unix_nano = FAR_FUTURE
    answer = exchange(up, traces_request(backwards, timeless, future))
    assert answer.partial_success.rejected_spans == 0
    assert "repaired" in answer.partial_success.error_message

    spans = {one["span_id"]: one for one in up.trace(f"{trace:032x}", spans=3)["spans"]}
    assert [spans[f"{number:016x}"]["duration_ns"] for number in (1, 2, 3)] == [0, 0, 0]
    assert spans[f"{2:016x}"]["start_time_unix_nano"] == 0
    repaired = {"coldlight.repaired" in one["attributes"] for one in spans.values()}
    assert repaired == {True, False}
    original = spans[f"{3:016x}"]["attributes"]["coldlight.original.start_time_unix_nano"]
    assert original == str(FAR_FUTURE)


def test_text_that_is_no_utf_8_costs_neither_its_span_nor_the_others(
    up: Service, exchange: Exchange, trace: int
) -> None:
    request = traces_request(span(1, trace=trace, name="bad name"), span(2, trace=trace))
    body = request.SerializeToString().replace(b"bad name", b"bad\xff\xfename"[:8])
    answer = exchange(up, Raw(body))
    assert answer.partial_success.rejected_spans == 0
    first, second = up.trace(f"{trace:032x}", spans=2)["spans"]
    assert first["name"].startswith("bad\ufffd")
    assert first["attributes"]["coldlight.repaired"] == ["name"]
    assert "coldlight.repaired" not in second["attributes"]


@dataclass(frozen=True)
class Raw:
    """Bytes in the place of a message."""

    body: bytes

    def SerializeToString(self) -> bytes:  # noqa: N802 (protobuf's name)
        return self.body


def test_not_a_number_is_a_value_like_any_other(up: Service, exchange: Exchange, trace: int) -> None:
    answer = exchange(up, traces_request(span(1, trace=trace, attributes={"ratio": nan})))
    assert not answer.HasField("partial_success")
    [stored_span] = up.trace(f"{trace:032x}")["spans"]
    assert stored_span["attributes"] == {"ratio": "NaN"}


def test_every_refusal_is_json_for_who_asks_without_an_encoding(up: Service) -> None:
    answer = HTTP.get(f"{up.otlp_http}/nowhere")
    assert (answer.status_code, json.loads(answer.content)["code"]) == (404, 5)


def test_good_senders_beside_lose_nothing(up: Service) -> None:
    with sending(up, pause_s=0.01) as load:
        for sent in BAD_REQUESTS.values():
            assert post(up, sent).status_code == sent.status
        for status, make in BAD_CALLS.values():
            with pytest.raises(grpc.RpcError) as refused:
                make(up)
            assert refused.value.code() is status
    assert load.failures == []
    assert sorted(stored(up, load)) == sorted(load.sent)
