"""Records that cannot be read: kept as they were sent, with the reason, and never at the cost of another record."""

import gzip
import json
import zlib
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.collector.conftest import BODY_BYTES
from tests.collector.firehose import (
    ACCOUNT,
    ARN,
    REQUEST_ID,
    Recorder,
    deliver,
    delivery,
    gzipped,
    log_event,
    plain,
    post,
    subscription,
)

from coldlight_collector.firehose.deliveries import UNREADABLE, payloads
from coldlight_collector.firehose.envelope import open_envelope, read_document
from coldlight_collector.firehose.records import MOST_ITEMS, MOST_RECORD_BYTES
from coldlight_storage.signals import Signal
from coldlight_storage.testing import clock_ns, sent_form

GOOD = gzipped(subscription(log_event("good")))
EMPTY = b" \t\n\r\v\f\0"
"""White space, and OTLP messages without content: nothing is kept of these."""
LATIN = "é".encode("latin-1")


def unreadable(stored: Recorder) -> list[Any]:
    return [record for record in stored.log_records() if record.event_name == UNREADABLE]


def content(record: Any) -> bytes:
    """The body of a record, as bytes."""
    sent: bytes = record.body.bytes_value or record.body.string_value.encode()
    return sent


@pytest.mark.parametrize(
    ("data", "kept", "reason"),
    [
        (b"hello world\n", b"hello world\n", "neither gzip, nor JSON, nor OTLP"),
        (LATIN * 9, LATIN * 9, "neither gzip, nor JSON, nor OTLP"),
        (b'{"a": 1', b'{"a": 1', "not a JSON object"),
        (b'{"a": \xff}', b'{"a": \xff}', "neither JSON nor text"),
        (b'{ "a": 1e0, "a":1}', b'{ "a": 1e0, "a":1}', "neither a CloudWatch Logs message nor a data point"),
        (GOOD[:-1], GOOD[:-1], "cut short"),
        (GOOD[:-4] + bytes(4), GOOD[:-4] + bytes(4), "the body is not gzip"),
        (b"\x1f\x8b", b"\x1f\x8b", "cut short"),
        (GOOD + b"more", GOOD + b"more", "the body is not gzip"),
        (gzip.compress(b"hello", mtime=0), b"hello", "neither gzip, nor JSON, nor OTLP"),
        (gzip.compress(GOOD, mtime=0), GOOD, "neither gzip, nor JSON, nor OTLP"),
        (b"[" * 5000, b"[" * 5000, "neither gzip, nor JSON, nor OTLP"),
        (b'{"a":' * 5000, b'{"a":' * 5000, "not a JSON object"),
    ],
)
async def test_what_cannot_be_read_is_kept_as_it_was_sent_and_costs_no_other(
    door: httpx.AsyncClient, stored: Recorder, data: bytes, kept: bytes, reason: str
) -> None:
    response = await deliver(door, GOOD, data, gzipped(subscription(log_event("good too", 2))))
    assert (response.status_code, response.json().keys()) == (200, {"requestId", "timestamp"})
    assert stored.bodies() == ["good", "good too"]
    (record,) = unreadable(stored)
    assert content(record) == kept
    attributes = plain(record.attributes)
    assert reason in attributes["coldlight.firehose.reason"]
    assert (attributes["coldlight.firehose.request_id"], attributes["coldlight.firehose.record"]) == (
        REQUEST_ID,
        1,
    )
    assert (record.severity_text, record.time_unix_nano) == ("WARN", clock_ns())


async def test_it_is_counted(door: httpx.AsyncClient, stored: Recorder) -> None:
    await deliver(door, b"hello", GOOD, b"hello\n{}")
    assert [payload.outcome.rejected for _, payload in stored.taken] == [2]


async def test_its_resource_is_the_stream_that_delivered_it(
    door: httpx.AsyncClient, stored: Recorder
) -> None:
    await deliver(door, b"hello")
    assert stored.log_resources() == [
        {
            "service.name": "to-coldlight",
            "cloud.provider": "aws",
            "cloud.account.id": ACCOUNT,
            "cloud.region": "eu-west-1",
            "aws.firehose.delivery_stream.arn": ARN,
        }
    ]


@pytest.mark.parametrize(
    ("record", "kept"),
    [
        ({"data": "!!"}, b"!!"),
        ({"data": "aGVsbG8"}, b"aGVsbG8"),
        ({"data": "é"}, "é".encode()),
        ({"data": 5}, b"5"),
        ({}, b"null"),
        ({"data": {"messageType": "x"}}, b'{"messageType":"x"}'),
        ("hello", b"hello"),
    ],
)
async def test_data_that_is_not_base64_is_kept_as_it_was_sent(
    door: httpx.AsyncClient, stored: Recorder, record: Any, kept: bytes
) -> None:
    body = delivery(GOOD)
    body["records"].append(record)
    assert (await post(door, json.dumps(body).encode())).status_code == 200
    assert stored.bodies() == ["good"]
    assert [content(one) for one in unreadable(stored)] == [kept]


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"messageType": "SOMETHING_NEW"}, "messageType: SOMETHING_NEW: expected DATA_MESSAGE"),
        ({"messageType": 5}, "messageType: expected a string"),
        ({"owner": None}, "owner: expected a string"),
        ({"logGroup": 5}, "logGroup: expected a string"),
        ({"logStream": None}, "logStream: expected a string"),
        ({"logEvents": {}}, "logEvents: expected an array"),
    ],
)
async def test_a_message_of_another_kind_is_kept_whole(
    door: httpx.AsyncClient, stored: Recorder, fields: dict[str, Any], reason: str
) -> None:
    message = subscription(log_event("hello"), **fields)
    await deliver(door, gzipped(subscription(log_event("good")), message))
    assert stored.bodies() == ["good"]
    (record,) = unreadable(stored)
    assert json.loads(record.body.string_value) == message
    assert reason in plain(record.attributes)["coldlight.firehose.reason"]


async def test_events_that_are_none_are_kept_and_cost_no_other(
    door: httpx.AsyncClient, stored: Recorder
) -> None:
    strange = [5, {"id": "1"}, {"id": "2", "message": 5}]
    await deliver(door, gzipped(subscription(strange[0], log_event("good"), *strange[1:])))
    assert stored.bodies() == ["good"]
    (record,) = unreadable(stored)
    assert json.loads(record.body.string_value) == strange


@pytest.mark.parametrize("timestamp", ["noon", None, -1, 1.5, 2**62, True])
async def test_an_event_without_a_usable_time_has_that_of_the_delivery_and_says_so(
    door: httpx.AsyncClient, stored: Recorder, timestamp: Any
) -> None:
    await deliver(door, gzipped(subscription({**log_event("hello"), "timestamp": timestamp})))
    (record,) = stored.log_records()
    assert (record.body.string_value, record.time_unix_nano) == ("hello", clock_ns())
    attributes = plain(record.attributes)
    assert attributes["coldlight.repaired"] == ["time_unix_nano"]
    assert attributes["coldlight.original.time_unix_nano"] == str(timestamp)


async def test_an_event_without_an_id_is_stored_however_often_it_comes(
    door: httpx.AsyncClient, stored: Recorder
) -> None:
    await deliver(
        door, gzipped(subscription({"message": "hello", "timestamp": 5}, {"message": "hello", "id": 5}))
    )
    assert stored.bodies() == ["hello", "hello"]


async def test_a_line_that_is_not_json_costs_only_itself(door: httpx.AsyncClient, stored: Recorder) -> None:
    message = json.dumps(subscription(log_event("good"))).encode()
    await deliver(door, message + b"\nhello {}\n[1]\n" + message + b"{}x\n")
    assert stored.bodies() == ["good"]
    (record,) = unreadable(stored)
    assert record.body.string_value == "hello {}\n[1]\n{}\nx"


# Bounds


async def test_a_bomb_in_a_record_is_kept_as_it_was_sent(door: httpx.AsyncClient, stored: Recorder) -> None:
    bomb = gzip.compress(bytes(MOST_RECORD_BYTES + 1), mtime=0)
    assert (await deliver(door, bomb, GOOD)).status_code == 200
    assert stored.bodies() == ["good"]
    (record,) = unreadable(stored)
    assert record.body.bytes_value == bomb
    assert "over the limit" in plain(record.attributes)["coldlight.firehose.reason"]


async def test_all_records_together_may_grow_only_so_much(door: httpx.AsyncClient, stored: Recorder) -> None:
    spaces = gzip.compress(b" " * BODY_BYTES, mtime=0)
    assert (await deliver(door, *[spaces] * 5, gzipped(subscription(log_event("late"))))).status_code == 200
    assert [content(record) for record in unreadable(stored)] == [
        spaces,
        gzipped(subscription(log_event("late"))),
    ]


async def test_more_lines_than_a_record_may_have_are_kept_together(
    door: httpx.AsyncClient, stored: Recorder
) -> None:
    assert (await deliver(door, gzip.compress(b"{}\n" * 100_000), GOOD)).status_code == 200
    assert stored.bodies() == ["good"]
    (record,) = unreadable(stored)
    assert record.body.string_value.count("{}") == 100_000


async def test_more_events_than_a_message_may_have_are_kept_together(
    door: httpx.AsyncClient, stored: Recorder
) -> None:
    events = [log_event("x", number) for number in range(MOST_ITEMS)]
    await deliver(door, gzipped(subscription(*events, log_event("one too many"))))
    assert stored.bodies() == ["x"] * MOST_ITEMS
    (record,) = unreadable(stored)
    assert json.loads(record.body.string_value) == [log_event("one too many")]


async def test_a_crowd_of_values_is_kept_without_being_parsed(
    door: httpx.AsyncClient, stored: Recorder
) -> None:
    crowd = b'{"messageType": [' + b"{}," * 1_000_000 + b"{}]}"
    assert (await deliver(door, gzip.compress(crowd, mtime=0), GOOD)).status_code == 200
    assert stored.bodies() == ["good"]
    assert [content(record) for record in unreadable(stored)] == [crowd]


async def test_empty_otlp_messages_without_end_are_kept_together(
    door: httpx.AsyncClient, stored: Recorder
) -> None:
    assert (await deliver(door, gzip.compress(b"\x00" * 100_000), GOOD)).status_code == 200
    assert stored.bodies() == ["good"]
    assert len(unreadable(stored)) == 1


@given(st.lists(st.binary() | st.binary().map(lambda data: b"{" + data) | st.binary().map(gzip.compress)))
def test_no_byte_of_any_record_is_lost_and_no_record_is_too_strange(records: list[bytes]) -> None:
    body = json.dumps(delivery(*records)).encode()
    kept = b""
    for signal, payload in payloads(open_envelope({}, clock_ns(), read_document(body)), 1 << 20):
        assert signal is Signal.LOGS
        for group in sent_form(payload.body, signal).resource_logs:
            kept += b"".join(content(record) for record in group.scope_logs[0].log_records)
    assert kept.translate(None, EMPTY) == b"".join(map(readable, records)).translate(None, EMPTY)


def readable(data: bytes) -> bytes:
    """A record as it is kept: without gzip, where that is whole."""
    try:
        return gzip.decompress(data) if data.startswith(b"\x1f\x8b") else data
    except (EOFError, OSError, zlib.error):
        return data
