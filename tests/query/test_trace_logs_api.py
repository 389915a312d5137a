"""The log records of a trace: all of them, in order of time, as they were sent."""

from typing import Any

import pytest
from opentelemetry.proto.logs.v1.logs_pb2 import SEVERITY_NUMBER_ERROR
from tests.query.api import Api

from coldlight_storage import Store
from coldlight_storage.attributes import KeyValues
from coldlight_storage.testing import (
    Put,
    attributes,
    clock_ns,
    log_record,
    logs_request,
    span,
    trace_id,
    traces_request,
)


async def test_a_log_record_is_shown_as_it_was_sent(api: Api, put: Put) -> None:
    request = logs_request(
        log_record(
            "declined",
            trace=1,
            span=2,
            at=1,
            observed_time_unix_nano=clock_ns(2),
            severity_number=SEVERITY_NUMBER_ERROR,
            severity_text="ERROR",
            event_name="payment.declined",
            flags=0x1FF,
            attributes={"attempt": 2**53 + 1},
            dropped_attributes_count=1,
        )
    )
    of_resource = request.resource_logs[0]
    of_resource.schema_url, of_resource.resource.dropped_attributes_count = "https://schemas/1", 2
    of_scope = of_resource.scope_logs[0]
    of_scope.schema_url = "https://schemas/2"
    of_scope.scope.version, of_scope.scope.dropped_attributes_count = "2.1", 3
    of_scope.scope.attributes.extend(attributes({"beta": False}))
    put(request)
    answer = await api.logs()
    assert answer["trace_id"] == trace_id(1).hex()
    assert answer["next_cursor"] is None
    [record] = answer["logs"]
    assert record.pop("id")
    assert record == (
        {
            "time_unix_nano": clock_ns(1),
            "observed_time_unix_nano": clock_ns(2),
            "trace_id": trace_id(1).hex(),
            "span_id": "0000000000000002",
            "flags": 0x1FF,
            "severity_number": 17,
            "severity_text": "ERROR",
            "event_name": "payment.declined",
            "service": "orders",
            "body": "declined",
            "attributes": {"attempt": 2**53 + 1},
            "resource": {"service.name": "orders"},
            "scope": {
                "name": "testing",
                "version": "2.1",
                "attributes": {"beta": False},
                "schema_url": "https://schemas/2",
                "dropped_attributes_count": 3,
            },
            "dropped_attributes_count": 1,
            "resource_schema_url": "https://schemas/1",
            "resource_dropped_attributes_count": 2,
        }
    )


BODIES: list[tuple[Any, Any, Any]] = [
    ("", "", {"stringValue": ""}),
    ("200", "200", {"stringValue": "200"}),
    (True, True, {"boolValue": True}),
    (2**53 + 1, 2**53 + 1, {"intValue": str(2**53 + 1)}),
    (float("nan"), "NaN", {"doubleValue": "NaN"}),
    (b"\xff", "/w==", {"bytesValue": "/w=="}),
    (None, None, {}),
    ([1, ["a"]], [1, ["a"]], None),
    (
        KeyValues((("k", 1), ("k", 2.0))),
        {"k": 2.0},
        {
            "kvlistValue": {
                "values": [
                    {"key": "k", "value": {"intValue": "1"}},
                    {"key": "k", "value": {"doubleValue": 2.0}},
                ]
            }
        },
    ),
]


async def test_a_body_has_any_type(api: Api, put: Put) -> None:
    put(logs_request(*[log_record(sent, trace=1, at=at) for at, (sent, _, _) in enumerate(BODIES)]))
    found = [record["body"] for record in (await api.logs())["logs"]]
    assert repr(found) == repr([plain for _, plain, _ in BODIES])


async def test_an_otlp_body_loses_nothing(api: Api, put: Put) -> None:
    bodies = [(sent, otlp) for sent, _, otlp in BODIES if otlp is not None]
    put(logs_request(*[log_record(sent, trace=1, at=at) for at, (sent, _) in enumerate(bodies)]))
    found = [record["body"] for record in (await api.logs(attributes="otlp"))["logs"]]
    assert repr(found) == repr([otlp for _, otlp in bodies])


async def test_otlp_is_for_all_attributes_of_a_record(api: Api, put: Put) -> None:
    put(logs_request(log_record(trace=1, attributes={"n": 1})))
    [record] = (await api.logs(attributes="otlp"))["logs"]
    assert record["attributes"] == {"n": {"intValue": "1"}}
    assert record["resource"] == {"service.name": {"stringValue": "orders"}}


async def test_records_of_all_services_are_in_order_of_time(api: Api, put: Put) -> None:
    put(logs_request(log_record("third", trace=1, at=3), log_record("first", trace=1, at=1)))
    put(logs_request(log_record("second", trace=1, at=2), service="payments"))
    assert [record["body"] for record in (await api.logs())["logs"]] == ["first", "second", "third"]


async def test_a_record_without_a_time_has_the_one_it_was_observed_at(api: Api, put: Put) -> None:
    unsure = log_record("when?", trace=1, at=5)
    unsure.time_unix_nano = 0
    put(logs_request(unsure))
    [record] = (await api.logs())["logs"]
    assert record["time_unix_nano"] == record["observed_time_unix_nano"] == clock_ns(5)


async def test_a_record_of_no_span_says_so(api: Api, put: Put) -> None:
    put(logs_request(log_record(trace=1)))
    [record] = (await api.logs())["logs"]
    assert record["span_id"] is None


async def test_records_of_other_traces_are_not_shown(api: Api, put: Put) -> None:
    put(logs_request(log_record("mine", trace=1), log_record("other", trace=2), log_record("nobody's")))
    assert [record["body"] for record in (await api.logs())["logs"]] == ["mine"]


async def test_a_trace_may_have_no_records(api: Api, put: Put) -> None:
    put(traces_request(span(1)))
    assert await api.logs() == {"trace_id": trace_id(1).hex(), "logs": [], "next_cursor": None}


async def test_records_may_come_before_their_spans(api: Api, put: Put) -> None:
    """So a trace that is not known is no error here."""
    put(logs_request(log_record("early", trace=7)))
    assert len((await api.logs(7))["logs"]) == 1


@pytest.mark.parametrize("limit", [1, 2, 3, 10, 11])
async def test_pages_hold_every_record_once_in_order(api: Api, put: Put, limit: int) -> None:
    """Also where many have the same time, and where some are alike to the last byte."""
    records = [log_record(f"record {number}", trace=1, at=number // 3) for number in range(8)]
    put(logs_request(*records, log_record("alike", trace=1, at=1), log_record("alike", trace=1, at=1)))
    whole = (await api.logs())["logs"]
    assert len(whole) == 10
    page = await api.logs(limit=limit)
    shown = page["logs"]
    while page["next_cursor"] is not None:
        page = await api.logs(limit=limit, cursor=page["next_cursor"])
        assert len(page["logs"]) <= limit + 1  # those that are alike stay together
        shown += page["logs"]
    assert shown == whole


async def test_records_that_come_later_do_not_disturb_the_pages(api: Api, put: Put) -> None:
    put(logs_request(*[log_record(f"record {number}", trace=1, at=number) for number in range(4)]))
    page = await api.logs(limit=2)
    put(logs_request(log_record("late, of long ago", trace=1, at=0.5), log_record("new", trace=1, at=9)))
    rest = await api.logs(limit=10, cursor=page["next_cursor"])
    assert [record["body"] for record in rest["logs"]] == ["record 2", "record 3", "new"]


async def test_rows_of_the_exporter_are_shown_too(api: Api, store: Store) -> None:
    """It knows nothing of our own columns."""
    store.command(
        "INSERT INTO otel_logs (Timestamp, TraceId, SpanId, TraceFlags, SeverityText, SeverityNumber, ServiceName, Body,"
        " ResourceAttributes, ScopeName, LogAttributes)"
        f" VALUES (fromUnixTimestamp64Nano({clock_ns(3)}), '{trace_id(1).hex()}', '0000000000000002', 1, 'INFO', 9,"
        """ 'payments', '{"not": "a map"}', {'service.name': 'payments'}, 'exporter', {'retries': '3'})"""
    )
    [record] = (await api.logs())["logs"]
    assert (record["body"], record["attributes"], record["flags"]) == (
        '{"not": "a map"}',
        {"retries": "3"},
        1,
    )
    assert record["time_unix_nano"] == record["observed_time_unix_nano"] == clock_ns(3)
