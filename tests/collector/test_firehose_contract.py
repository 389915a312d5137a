"""Firehose's contract, whatever its records hold: admission, answers, and what is never said."""

import gzip
import json
import time
from typing import Any

import httpx
import pytest
from tests.collector.conftest import BODY_BYTES, TOKEN
from tests.collector.firehose import (
    REQUEST_ID,
    Recorder,
    deliver,
    delivery,
    gzipped,
    log_event,
    post,
    subscription,
)

from coldlight_collector.intake import Unavailable
from coldlight_storage.signals import Signal

EMF = json.dumps(
    {
        "_aws": {"CloudWatchMetrics": [{"Namespace": "shop", "Dimensions": [], "Metrics": [{"Name": "n"}]}]},
        "n": 1,
    }
)


def answer_of(response: httpx.Response) -> dict[str, Any]:
    """The body of an answer, which always has the request's id and the time in milliseconds, and one type."""
    assert response.headers["content-type"] == "application/json"
    assert "content-encoding" not in response.headers
    answer: dict[str, Any] = response.json()
    assert answer["requestId"] == REQUEST_ID
    assert abs(answer.pop("timestamp") - time.time_ns() // 10**6) < 60_000
    return answer


async def test_a_delivery_is_answered_with_its_id_and_the_time(
    door: httpx.AsyncClient, stored: Recorder
) -> None:
    response = await deliver(door, gzipped(subscription(log_event("hello"))))
    assert (response.status_code, answer_of(response)) == (200, {"requestId": REQUEST_ID})
    assert stored.bodies() == ["hello"]


async def test_the_body_may_be_gzipped(door: httpx.AsyncClient, stored: Recorder) -> None:
    body = gzip.compress(json.dumps(delivery(gzipped(subscription(log_event("hello"))))).encode())
    response = await post(door, body, {"Content-Encoding": "gzip"})
    assert (response.status_code, stored.bodies()) == (200, ["hello"])


async def test_ten_thousand_records_are_taken(door: httpx.AsyncClient, stored: Recorder) -> None:
    records = [gzipped(subscription(log_event("hello", number))) for number in range(10_000)]
    response = await deliver(door, *records)
    assert (response.status_code, len(stored.bodies())) == (200, 10_000)


async def test_more_than_ten_thousand_records_are_refused(door: httpx.AsyncClient, stored: Recorder) -> None:
    response = await deliver(door, *[b""] * 10_001)
    assert response.status_code == 400
    assert "at most 10000" in answer_of(response)["errorMessage"]
    assert stored.taken == []


async def test_no_records_and_empty_records_are_nothing_to_store(
    door: httpx.AsyncClient, stored: Recorder
) -> None:
    assert (await deliver(door)).status_code == 200
    assert (await deliver(door, b"", b"\n")).status_code == 200
    assert stored.taken == []


# Admission


@pytest.mark.parametrize(
    "headers",
    [{"X-Amz-Firehose-Access-Key": TOKEN}, {"Authorization": f"Bearer {TOKEN}"}],
    ids=["access key", "bearer token"],
)
async def test_the_token_admits(guarded_door: httpx.AsyncClient, headers: dict[str, str]) -> None:
    assert (await deliver(guarded_door, headers=headers)).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"X-Amz-Firehose-Access-Key": ""},
        {"X-Amz-Firehose-Access-Key": "another"},
        {"X-Amz-Firehose-Access-Key": f"Bearer {TOKEN}"},
        {"X-Amz-Firehose-Access-Key": f"{TOKEN}, {TOKEN}"},
        {"X-Amz-Firehose-Access-Key": "é".encode("latin-1").decode("latin-1")},
        {"Authorization": TOKEN},
    ],
)
async def test_without_the_token_it_is_401_in_the_form_of_firehose(
    guarded_door: httpx.AsyncClient, stored: Recorder, headers: dict[str, str]
) -> None:
    body = json.dumps(delivery(gzipped(subscription(log_event("hello"))))).encode()
    encoded = {name: value.encode("latin-1") for name, value in headers.items()}
    response = await guarded_door.post(
        "/aws/firehose",
        content=body,
        headers={b"X-Amz-Firehose-Request-Id": REQUEST_ID.encode(), **_b(encoded)},
    )
    assert response.status_code == 401
    assert "X-Amz-Firehose-Access-Key" in answer_of(response)["errorMessage"]
    assert stored.taken == []


def _b(headers: dict[str, bytes]) -> dict[bytes, bytes]:
    return {name.encode(): value for name, value in headers.items()}


# Requests that are none


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"hello", "the body is not JSON"),
        (b"[]", "the body: expected an object"),
        (b"{}", "records: expected an array"),
        (b'{"records": {}}', "records: expected an array"),
        (b'{"requestId": 5, "records": []}', "requestId: expected a string"),
        (b'{"requestId": "another", "records": []}', "requestId: must be the same"),
        (b'{"records": [' + b"{}," * 60_000 + b"{}]}", "more than 10000 records"),
    ],
)
async def test_a_body_that_is_not_firehoses_is_400_and_says_what_is_wrong(
    door: httpx.AsyncClient, stored: Recorder, body: bytes, message: str
) -> None:
    response = await post(door, body)
    assert response.status_code == 400
    assert message in answer_of(response)["errorMessage"]
    assert stored.taken == []


async def test_another_protocol_version_is_refused(door: httpx.AsyncClient) -> None:
    response = await deliver(door, headers={"X-Amz-Firehose-Protocol-Version": "2.0"})
    assert response.status_code == 400
    assert "only 1.0 is served" in answer_of(response)["errorMessage"]


async def test_a_request_without_an_id_is_refused(door: httpx.AsyncClient) -> None:
    response = await door.post("/aws/firehose", content=b'{"records": []}')
    assert (response.status_code, response.json()["requestId"]) == (400, "")
    assert "X-Amz-Firehose-Request-Id is missing" in response.json()["errorMessage"]


async def test_the_id_in_the_body_is_enough(door: httpx.AsyncClient) -> None:
    response = await door.post("/aws/firehose", content=json.dumps(delivery()).encode())
    assert response.status_code == 200
    assert answer_of(response) == {"requestId": REQUEST_ID}


async def test_a_refusal_names_the_request_whose_id_is_in_the_body_alone(door: httpx.AsyncClient) -> None:
    body = {**delivery(), "records": "none"}
    response = await door.post("/aws/firehose", content=json.dumps(body).encode())
    assert (response.status_code, answer_of(response)["requestId"]) == (400, REQUEST_ID)


@pytest.mark.parametrize(
    "header", ["hello", "[]", '{"commonAttributes": 5}', '{"commonAttributes": {"a": 5}}', '{"a": "b"}']
)
async def test_common_attributes_that_are_none_are_refused(door: httpx.AsyncClient, header: str) -> None:
    response = await deliver(door, headers={"X-Amz-Firehose-Common-Attributes": header})
    assert response.status_code == 400
    assert "X-Amz-Firehose-Common-Attributes" in answer_of(response)["errorMessage"]


async def test_damaged_compression_of_the_body_is_refused(door: httpx.AsyncClient) -> None:
    response = await post(door, gzip.compress(b"{}")[:-1], {"Content-Encoding": "gzip"})
    assert (response.status_code, answer_of(response)["requestId"]) == (400, REQUEST_ID)


async def test_413_is_never_said_because_firehose_would_drop_the_records(door: httpx.AsyncClient) -> None:
    plain = await post(door, bytes(BODY_BYTES + 1))
    compressed = await post(door, gzip.compress(bytes(BODY_BYTES + 1)), {"Content-Encoding": "gzip"})
    assert (plain.status_code, compressed.status_code) == (400, 400)
    for response in (plain, compressed):
        assert "over the limit" in answer_of(response)["errorMessage"]


async def test_another_verb_is_405_in_the_form_of_firehose(door: httpx.AsyncClient) -> None:
    response = await door.get("/aws/firehose", headers={"X-Amz-Firehose-Request-Id": REQUEST_ID})
    assert (response.status_code, response.headers["allow"]) == (405, "POST")
    assert "errorMessage" in answer_of(response)


# Not now


async def test_an_intake_that_cannot_take_it_now_is_503(door: httpx.AsyncClient, stored: Recorder) -> None:
    stored.failure = Unavailable("the journal is full", retry_after_s=7)
    response = await deliver(door, gzipped(subscription(log_event("hello"))))
    assert (response.status_code, response.headers["retry-after"]) == (503, "7")
    assert answer_of(response)["errorMessage"] == "the journal is full"


async def test_a_mistake_of_ours_is_503_without_its_text(door: httpx.AsyncClient, stored: Recorder) -> None:
    stored.failure = ZeroDivisionError("secrets")
    response = await deliver(door, gzipped(subscription(log_event("hello"))))
    assert response.status_code == 503
    assert "secrets" not in answer_of(response)["errorMessage"]


async def test_log_records_are_stored_before_data_points(door: httpx.AsyncClient, stored: Recorder) -> None:
    await deliver(door, gzipped(subscription(log_event(EMF))))
    assert [signal for signal, _ in stored.taken] == [Signal.LOGS, Signal.METRICS]


async def test_a_repeated_delivery_gives_the_same_bytes(door: httpx.AsyncClient, stored: Recorder) -> None:
    record = gzipped(subscription(log_event(EMF), log_event("hello", 2)))
    stored.failure, stored.patience = Unavailable("the journal is full"), 1
    assert (await deliver(door, record, b"?")).status_code == 503
    stored.failure = None
    assert (await deliver(door, record, b"?")).status_code == 200
    (first, again, _) = stored.taken
    assert first == again


async def test_a_large_delivery_is_stored_in_parts(door: httpx.AsyncClient, stored: Recorder) -> None:
    records = [
        gzipped(subscription(*(log_event("hello", number) for number in range(start, start + 10_000))))
        for start in range(0, 60_000, 10_000)
    ]
    assert (await deliver(door, *records)).status_code == 200
    assert [payload.items for _, payload in stored.taken] == [30_000, 30_000]
