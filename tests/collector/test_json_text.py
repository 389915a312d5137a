"""JSON with text that UTF-8 cannot carry: it costs what is wrong with it, whoever receives it."""

import json
from typing import Any

import httpx
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.collector.firehose import Recorder, deliver, log_event, subscription
from tests.collector.xray_documents import segment
from tests.collector.zipkin_port import JSON, v2_span
from tests.otlp import attributes

from coldlight_collector.json_body import parse_json
from coldlight_collector.stand_ins import decode_json, replace_stand_ins
from coldlight_storage.testing import sent_form, span_id, trace_id

HALF = "a \ud83d b"
MENDED = "a \N{REPLACEMENT CHARACTER} b"
IDS = {"traceId": trace_id(1).hex(), "spanId": span_id(1).hex()}
OTLP = {"resourceSpans": [{"scopeSpans": [{"spans": [{**IDS, "name": HALF}, {**IDS, "name": "fine"}]}]}]}
TEXTS = st.text(st.characters() | st.sampled_from('\\ud8dbcef"\ud83d\ude00\udfff'))


async def post(door: httpx.AsyncClient, path: str, document: Any) -> httpx.Response:
    return await door.post(path, content=json.dumps(document), headers={"Content-Type": JSON})


def spans_of(stored: Recorder) -> list[Any]:
    [(_, payload)] = stored.taken
    return list(sent_form(payload.body).resource_spans[0].scope_spans[0].spans)


async def test_otlp_mends_the_text_and_says_where(door: httpx.AsyncClient, stored: Recorder) -> None:
    response = await post(door, "/v1/traces", OTLP)
    assert response.json() == {"partialSuccess": {"errorMessage": "repaired: name (1)"}}
    mended, fine = spans_of(stored)
    assert (mended.name, attributes(mended)) == (MENDED, {"coldlight.repaired": ["name"]})
    assert (fine.name, attributes(fine)) == ("fine", {})


async def test_bytes_that_are_no_utf8_are_mended_as_well(door: httpx.AsyncClient, stored: Recorder) -> None:
    body = json.dumps(OTLP).encode().replace(rb"\ud83d", b"\xf0\x9f")
    assert (await door.post("/v1/traces", content=body, headers={"Content-Type": JSON})).status_code == 200
    assert spans_of(stored)[0].name == MENDED


async def test_nested_values_are_mended_before_they_are_rendered(
    door: httpx.AsyncClient, stored: Recorder
) -> None:
    halves = [{"key": half, "value": {"intValue": half[-1]}} for half in ("k\ud83d1", "k\ud83e1")]
    value = {"kvlistValue": {"values": halves}}
    spans = [{**IDS, "attributes": [{"key": "map", "value": value}]}]
    await post(door, "/v1/traces", {"resourceSpans": [{"scopeSpans": [{"spans": spans}]}]})
    [span] = spans_of(stored)
    assert attributes(span)["coldlight.repaired"] == ["attributes"]
    assert [pair.key for pair in span.attributes[0].value.kvlist_value.values] == ["k\ufffd1", "k\ufffd1_2"]


async def test_zipkin_mends_the_text_and_counts_it(door: httpx.AsyncClient, stored: Recorder) -> None:
    tags = {"k": HALF, **{f"k{half}": str(number) for number, half in enumerate("\ud83d\ud83e", 1)}}
    response = await post(door, "/api/v2/spans", [v2_span(1, tags=tags), v2_span(2)])
    assert response.headers["Coldlight-Partial-Success"] == "repaired: attributes (1)"
    mended, fine = spans_of(stored)
    assert attributes(mended) == {
        "k": MENDED,
        "k\ufffd": "1",
        "k\ufffd_2": "2",
        "coldlight.repaired": ["attributes"],
    }
    assert attributes(fine) == {}


@pytest.mark.parametrize("is_raw", [True, False])
async def test_xray_mends_a_document_inside_a_request(
    door: httpx.AsyncClient, stored: Recorder, is_raw: bool
) -> None:
    documents = [json.dumps(segment(user=HALF), ensure_ascii=not is_raw), json.dumps(segment(2))]
    response = await post(door, "/TraceSegments", {"TraceSegmentDocuments": documents})
    assert response.json() == {"UnprocessedTraceSegments": []}
    [mended] = spans_of(stored)
    assert attributes(mended) == {"enduser.id": MENDED, "coldlight.repaired": ["attributes"]}


async def test_firehose_mends_a_log_event(door: httpx.AsyncClient, stored: Recorder) -> None:
    message = subscription(log_event(HALF), log_event("fine", 2))
    await deliver(door, json.dumps(message).encode())
    mended, fine = stored.log_records()
    assert (mended.body.string_value, fine.body.string_value) == (MENDED, "fine")
    assert attributes(mended)["coldlight.repaired"] == ["body"]
    assert "coldlight.repaired" not in attributes(fine)


async def test_what_is_mostly_no_text_is_refused(door: httpx.AsyncClient) -> None:
    body = b'{"a": "%b"}' % (b"\xff" * 200_000)
    response = await door.post("/v1/traces", content=body, headers={"Content-Type": JSON})
    assert (response.status_code, "is not JSON" in response.text) == (400, True)


@given(TEXTS)
def test_only_what_is_no_text_is_changed(text: str) -> None:
    read = parse_json(json.dumps(text).encode())
    utf16 = text.encode("utf-16-le", "surrogatepass")
    assert replace_stand_ins(read.encode()).decode() == utf16.decode("utf-16-le", "replace")


@given(TEXTS.map(lambda text: text.encode("utf-8", "surrogatepass")) | st.binary())
def test_bytes_are_mended_as_python_mends_them(text: bytes) -> None:
    assert replace_stand_ins(decode_json(text).encode()) == text.decode("utf-8", "replace").encode() or (
        b"\\ud" in text.lower()
    )


@given(st.recursive(st.text() | st.integers(-9, 9), lambda of: st.lists(of) | st.dictionaries(st.text(), of)))
def test_sound_json_is_read_as_ever(value: Any) -> None:
    assert orjson.loads(decode_json(json.dumps(value).encode())) == value
