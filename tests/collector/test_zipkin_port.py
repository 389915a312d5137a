"""What Zipkin's senders are told, and what of a request with something wrong in it is taken."""

import gzip
import json
from base64 import b64encode
from collections.abc import AsyncIterator
from typing import Any

import pytest
from tests.collector.zipkin_port import (
    BODY_BYTES,
    JSON,
    NOTE,
    PROTOBUF,
    V1,
    V2,
    ZipkinPort,
    v2_span,
    zipkin_port,
)

from coldlight_collector.intake import Unavailable
from coldlight_collector.journal.repeats import digest
from coldlight_storage.signals import Signal
from coldlight_storage.testing import span_id

TOKEN = "correct-horse-battery-staple"


@pytest.fixture
async def guarded() -> AsyncIterator[ZipkinPort]:
    async with zipkin_port(TOKEN) as port:
        yield port


# Success


@pytest.mark.parametrize("path", [V1, V2, f"/zipkin{V1}", f"/zipkin{V2}", f"{V2}/"])
async def test_spans_are_taken_on_all_of_zipkins_paths(zipkin: ZipkinPort, path: str) -> None:
    [span] = await zipkin.store(v2_span(1), path=path)
    assert span.span_id == span_id(1)


async def test_a_full_success_is_202_without_a_body_or_a_note(zipkin: ZipkinPort) -> None:
    response = await zipkin.post([v2_span()])
    assert (response.status_code, response.content) == (202, b"")
    assert NOTE not in response.headers


@pytest.mark.parametrize("body", [b"", b"[]", b" [ ] "])
@pytest.mark.parametrize("path", [V1, V2])
async def test_nothing_is_a_success(zipkin: ZipkinPort, path: str, body: bytes) -> None:
    response = await zipkin.post(body, path)
    assert response.status_code == 202
    assert zipkin.stored_spans == []


@pytest.mark.parametrize(
    "content_type",
    [
        "application/json; charset=utf-8",
        "Application/JSON",
        "text/plain",
        "application/x-www-form-urlencoded",
        "",
    ],
)
async def test_what_is_not_declared_as_protobuf_is_read_as_json(
    zipkin: ZipkinPort, content_type: str
) -> None:
    response = await zipkin.post([v2_span()], content_type=content_type)
    assert (response.status_code, len(zipkin.stored_spans)) == (202, 1)


async def test_bodies_may_be_compressed(zipkin: ZipkinPort) -> None:
    response = await zipkin.post(gzip.compress(json.dumps([v2_span()]).encode()), content_encoding="gzip")
    assert (response.status_code, len(zipkin.stored_spans)) == (202, 1)


# Some spans are wrong

NO_SPANS: dict[str, list[Any]] = {
    "traceId: expected 1 to 32 hexadecimal digits": [
        v2_span(traceId=None),
        v2_span(traceId=""),
        v2_span(traceId="1" * 33),
        v2_span(traceId="0x12"),
        v2_span(traceId="+1"),
        v2_span(traceId="٣"),
    ],
    "id: expected 1 to 16 hexadecimal digits": [v2_span(id=None), v2_span(id="1" * 17), v2_span(id="g")],
    "traceId: zeros are no id": [v2_span(traceId="0" * 32), v2_span(traceId="0")],
    "id: zeros are no id": [v2_span(id="0" * 16)],
    "traceId: expected a string": [v2_span(traceId=1), v2_span(traceId=["1"])],
    "parentId: expected a string": [v2_span(parentId=1)],
    "name: expected a string": [v2_span(name={})],
    "kind: expected a string": [v2_span(kind=1)],
    "timestamp: expected an integer": [
        v2_span(timestamp="noon"),
        v2_span(timestamp=1.5),
        v2_span(timestamp=True),
        v2_span(timestamp="9" * 5000),
    ],
    "duration: expected an integer": [v2_span(duration=[])],
    "debug: expected true or false": [v2_span(debug="true")],
    "shared: expected true or false": [v2_span(shared=1)],
    "localEndpoint: expected an object": [v2_span(localEndpoint="a")],
    "remoteEndpoint.port: expected an integer": [v2_span(remoteEndpoint={"port": "http"})],
    "localEndpoint.serviceName: expected a string": [v2_span(localEndpoint={"serviceName": 5})],
    "annotations: expected an array": [v2_span(annotations={})],
    "annotations: expected an object": [v2_span(annotations=["a"]), v2_span(annotations=[None])],
    "annotations.value: expected a string": [v2_span(annotations=[{"value": 1}])],
    "tags: expected an object": [v2_span(tags=[])],
    "tags.value: expected a string": [v2_span(tags={"a": {}}), v2_span(tags={"a": ["b"]})],
    "a span: expected an object": [None, 1, "a", [], [v2_span()]],
    "binaryAnnotations: only v1 spans have them, send those to /api/v1/spans": [
        v2_span(binaryAnnotations=[])
    ],
}


@pytest.mark.parametrize("reason", NO_SPANS)
async def test_a_bad_span_is_left_out_and_the_others_are_taken(zipkin: ZipkinPort, reason: str) -> None:
    bad = NO_SPANS[reason]
    response = await zipkin.post([v2_span(1), *bad, v2_span(2)])
    assert (response.status_code, response.content) == (202, b"")
    assert response.headers[NOTE] == f"rejected: {reason} ({len(bad)})"
    assert [span.span_id for span in zipkin.stored_spans] == [span_id(1), span_id(2)]
    assert zipkin.intake.taken[0].outcome.rejected == len(bad)


async def test_a_request_of_bad_spans_alone_is_400(zipkin: ZipkinPort) -> None:
    response = await zipkin.post([v2_span(id="x"), v2_span(id="y"), {}])
    assert response.status_code == 400
    assert response.headers["content-type"] == "text/plain; charset=utf-8"
    assert response.text == (
        "the body holds no sound span: id: expected 1 to 16 hexadecimal digits (2), "
        "traceId: expected 1 to 32 hexadecimal digits (1)\n"
    )
    assert zipkin.intake.taken == []


async def test_what_was_repaired_is_noted_and_counted(zipkin: ZipkinPort) -> None:
    response = await zipkin.post([v2_span(1, duration=None), v2_span(2, duration=None, kind="x")])
    assert response.headers[NOTE] == "repaired: end_time_unix_nano (2), kind (1)"
    assert zipkin.intake.taken[0].outcome.repaired == 3


async def test_v2_spans_on_the_path_of_v1_are_told_where_to_go(zipkin: ZipkinPort) -> None:
    response = await zipkin.post([v2_span(tags={})], V1)
    assert response.status_code == 400
    assert "tags: only v2 spans have it, send those to /api/v2/spans" in response.text


async def test_spans_without_a_time_are_known_when_they_are_sent_again(zipkin: ZipkinPort) -> None:
    """What is stored tells when they came, and that is another time."""
    for _ in range(2):
        await zipkin.post([v2_span(timestamp=None)])
    first, again = [digest(Signal.TRACES, payload) for payload in zipkin.intake.taken]
    assert first == again


# The whole request is wrong

NO_LISTS = {
    "nothing but spaces": b"  ",
    "no JSON": b"[{",
    "an object": json.dumps(v2_span()).encode(),
    "a number": b"7",
    "null": b"null",
    "bytes that are no UTF-8": b'[{"traceId": \xff}]',
    "nested without end": b"[" * 100_000 + b"]" * 100_000,
    "protobuf": b"\x0a\x02\x08\x01",
    "not a number": b'[{"timestamp": NaN}]',
}


@pytest.mark.parametrize("body", NO_LISTS.values(), ids=NO_LISTS)
@pytest.mark.parametrize("path", [V1, V2])
async def test_what_is_no_list_of_spans_is_400_in_plain_text(
    zipkin: ZipkinPort, path: str, body: bytes
) -> None:
    response = await zipkin.post(body, path)
    assert (response.status_code, response.headers["content-type"]) == (400, "text/plain; charset=utf-8")
    assert response.text.startswith("the body is not ")
    assert zipkin.intake.taken == []


@pytest.mark.parametrize(
    "body",
    [
        b"[" + b"0," * 100_000 + b"0]",
        b"[" + b"{}," * 1_000_000 + b"{}]",
        b'[{"annotations":[' + b"[]," * 1_000_000 + b"[]]}]",
        b" " * (BODY_BYTES + 1),
    ],
    ids=["items", "spans", "arrays", "bytes"],
)
async def test_too_much_is_413(zipkin: ZipkinPort, body: bytes) -> None:
    response = await zipkin.post(body)
    assert (response.status_code, response.headers["content-type"]) == (413, "text/plain; charset=utf-8")
    assert zipkin.intake.taken == []


async def test_damaged_compression_is_400(zipkin: ZipkinPort) -> None:
    response = await zipkin.post(gzip.compress(b"[]")[:-1], content_encoding="gzip")
    assert response.status_code == 400


@pytest.mark.parametrize(("content_type", "encoding"), [("application/x-thrift", ""), (JSON, "br")])
async def test_formats_that_are_not_served_are_415(
    zipkin: ZipkinPort, content_type: str, encoding: str
) -> None:
    response = await zipkin.post(b"[]", V1, content_type, content_encoding=encoding)
    assert response.status_code == 415
    assert (encoding or content_type) in response.text


async def test_an_unavailable_intake_is_503_with_the_seconds_to_wait(zipkin: ZipkinPort) -> None:
    zipkin.intake.failure = Unavailable("the journal is full", retry_after_s=7)
    response = await zipkin.post([v2_span()])
    assert (response.status_code, response.headers["retry-after"]) == (503, "7")
    assert response.text == "the journal is full\n"


async def test_other_paths_are_404_and_other_verbs_405_in_plain_text(zipkin: ZipkinPort) -> None:
    unknown = await zipkin.post(b"", "/api/v3/spans", PROTOBUF)
    assert (unknown.status_code, unknown.headers["content-type"]) == (404, "text/plain; charset=utf-8")
    verb = await zipkin.client.get(V2)
    assert (verb.status_code, verb.headers["allow"]) == (405, "POST")


# A token


@pytest.mark.parametrize(
    "authorization",
    [f"Bearer {TOKEN}", *(f"Basic {b64encode(f'{who}:{TOKEN}'.encode()).decode()}" for who in ("", "shop"))],
)
async def test_the_token_may_come_as_bearer_or_as_password(guarded: ZipkinPort, authorization: str) -> None:
    response = await guarded.post([v2_span()], authorization=authorization)
    assert response.status_code == 202


@pytest.mark.parametrize(
    "authorization",
    [
        "",
        TOKEN,
        f"Bearer {TOKEN[:-1]}",
        "Basic",
        "Basic !",
        "Basic /w==",
        f"Basic {b64encode(TOKEN.encode()).decode()}",
        f"Basic {b64encode(f'{TOKEN}:'.encode()).decode()}",
    ],
)
async def test_who_does_not_know_the_token_is_turned_away(guarded: ZipkinPort, authorization: str) -> None:
    response = await guarded.post([v2_span()], authorization=authorization)
    assert (response.status_code, response.headers["www-authenticate"]) == (401, 'Basic realm="Coldlight"')
    assert TOKEN not in response.text
    assert guarded.intake.taken == []
