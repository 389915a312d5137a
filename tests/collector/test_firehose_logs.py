"""CloudWatch Logs through Firehose: every event a log record, as it was written, with all that is known of it."""

import gzip
import json
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.collector.firehose import (
    ACCOUNT,
    ARN,
    INVOCATION,
    LAMBDA,
    LOG_STREAM,
    Recorder,
    control_message,
    deliver,
    delivery,
    gzipped,
    log_event,
    plain,
    subscription,
)

from coldlight_collector.firehose.deliveries import payloads
from coldlight_collector.firehose.envelope import open_envelope, read_document
from coldlight_storage.signals import Signal
from coldlight_storage.testing import clock_ns, sent_form

TRACE = "66d978e556c7378e556e94b5461da07c"
ROOT = "1-66d978e5-56c7378e556e94b5461da07c"
SPAN = "29c3839e6ecb5895"


async def test_an_event_is_a_log_record(door: httpx.AsyncClient, stored: Recorder) -> None:
    await deliver(door, gzipped(subscription(log_event("hello", 5))))
    (record,) = stored.log_records()
    assert record.body.string_value == "hello"
    assert (record.time_unix_nano, record.observed_time_unix_nano) == (clock_ns(0.005), clock_ns())
    assert plain(record.attributes) == {"log.record.uid": f"{5:056}"}


async def test_its_resource_is_the_log_stream(door: httpx.AsyncClient, stored: Recorder) -> None:
    await deliver(door, gzipped(subscription(log_event("hello"))))
    assert stored.log_resources() == [
        {
            "service.name": "shop",
            "cloud.provider": "aws",
            "cloud.account.id": ACCOUNT,
            "cloud.region": "eu-west-1",
            "aws.log.group.names": ["shop"],
            "aws.log.stream.names": ["host-1"],
        }
    ]


async def test_its_scope_names_the_filters_that_delivered_it(
    door: httpx.AsyncClient, stored: Recorder
) -> None:
    await deliver(door, gzipped(subscription(log_event("hello"), policyLevel="ACCOUNT_LEVEL_POLICY")))
    scope = stored.requests(Signal.LOGS)[0].resource_logs[0].scope_logs[0].scope
    assert plain(scope.attributes) == {
        "aws.log.subscription_filters": ["everything"],
        "aws.log.policy_level": "ACCOUNT_LEVEL_POLICY",
    }


async def test_a_log_group_of_lambda_is_a_function(door: httpx.AsyncClient, stored: Recorder) -> None:
    await deliver(door, gzipped(subscription(log_event("hello"), **LAMBDA)))
    (resource,) = stored.log_resources()
    expected = {
        "service.name": "orders",
        "cloud.platform": "aws_lambda",
        "cloud.resource_id": f"arn:aws:lambda:eu-west-1:{ACCOUNT}:function:orders",
        "faas.name": "orders",
        "faas.version": "$LATEST",
        "faas.instance": LOG_STREAM,
    }
    assert {key: resource.get(key) for key in expected} == expected


async def test_a_function_that_shares_a_log_group_is_known_by_its_log_stream(
    door: httpx.AsyncClient, stored: Recorder
) -> None:
    stream = LOG_STREAM.replace("[$LATEST]", "orders[7]")
    await deliver(door, gzipped(subscription(log_event("hello"), logStream=stream)))
    (resource,) = stored.log_resources()
    names = ("service.name", "faas.name", "faas.version", "faas.instance")
    assert [resource[name] for name in names] == ["orders", "orders", "7", stream]


async def test_what_is_not_known_is_absent(door: httpx.AsyncClient, stored: Recorder) -> None:
    record = gzipped(subscription(log_event("hello"), **LAMBDA))
    await deliver(door, record, headers={"X-Amz-Firehose-Source-Arn": ""})
    (resource,) = stored.log_resources()
    assert not {"cloud.region", "cloud.resource_id"} & resource.keys()


async def test_common_attributes_are_attributes_of_the_resource_and_may_name_the_service(
    door: httpx.AsyncClient, stored: Recorder
) -> None:
    common = {"deployment.environment.name": "prod", "service.name": "Bücher", "cloud.account.id": "another"}
    header = json.dumps({"commonAttributes": common}, ensure_ascii=False).encode().decode("latin-1")
    headers = {"X-Amz-Firehose-Common-Attributes": header, "X-Amz-Firehose-Source-Arn": ARN}
    encoded = {name.encode(): value.encode("latin-1") for name, value in headers.items()}
    body = json.dumps(delivery(gzipped(subscription(log_event("hello"))))).encode()
    assert (await door.post("/aws/firehose", content=body, headers=encoded)).status_code == 200
    (resource,) = stored.log_resources()
    assert resource["deployment.environment.name"] == "prod"
    assert (resource["service.name"], resource["cloud.account.id"]) == ("Bücher", ACCOUNT)


async def test_events_may_name_their_account_and_region(door: httpx.AsyncClient, stored: Recorder) -> None:
    fields = {"@aws.account": "999888777666", "@aws.region": "us-west-2", "@source.log": "x", "n": 5}
    events = log_event("far", 1, extractedFields=fields), log_event("near", 2)
    await deliver(door, gzipped(subscription(*events)))
    far, near = stored.log_resources()
    assert (far["cloud.account.id"], far["cloud.region"]) == ("999888777666", "us-west-2")
    assert (near["cloud.account.id"], near["cloud.region"]) == (ACCOUNT, "eu-west-1")
    attributes = plain(stored.log_records()[0].attributes)
    assert (attributes["aws.log.extracted.@source.log"], attributes["aws.log.extracted.n"]) == ("x", 5)


async def test_only_so_many_accounts_of_one_message_have_a_resource_of_their_own(
    door: httpx.AsyncClient, stored: Recorder
) -> None:
    events = [log_event("x", n, extractedFields={"@aws.account": f"{n:012}"}) for n in range(1, 151)]
    await deliver(door, gzipped(subscription(*events)))
    assert len(stored.log_resources()) == 101
    last = plain(stored.log_records()[-1].attributes)
    assert last["aws.log.extracted.@aws.account"] == f"{150:012}"


# Several of everything


async def test_events_of_one_stream_share_a_resource_across_records(
    door: httpx.AsyncClient, stored: Recorder
) -> None:
    await deliver(door, *[gzipped(subscription(log_event(str(number), number))) for number in range(5)])
    assert stored.bodies() == ["0", "1", "2", "3", "4"]
    assert len(stored.log_resources()) == 1


@pytest.mark.parametrize(
    "record",
    [
        gzipped(subscription(log_event("a", 1)), subscription(log_event("b", 2))),
        gzip.compress(
            json.dumps(subscription(log_event("a", 1))).encode()
            + json.dumps(subscription(log_event("b", 2))).encode()
        ),
        b"\n".join(json.dumps(subscription(log_event(text, n))).encode() for n, text in enumerate("ab"))
        + b"\n",
        json.dumps(subscription(log_event("a", 1), log_event("b", 2)), indent=1).encode(),
    ],
    ids=["gzip members", "glued objects", "lines, decompressed by Firehose", "indented"],
)
async def test_several_messages_in_one_record_are_all_read(
    door: httpx.AsyncClient, stored: Recorder, record: bytes
) -> None:
    await deliver(door, record)
    assert stored.bodies() == ["a", "b"]


async def test_an_event_that_comes_twice_is_stored_once(door: httpx.AsyncClient, stored: Recorder) -> None:
    event = log_event("hello")
    by_another_filter = subscription(event, subscriptionFilters=["errors"])
    await deliver(door, gzipped(subscription(event, event)), gzipped(by_another_filter))
    assert stored.bodies() == ["hello"]


async def test_events_of_one_id_that_differ_are_both_stored(
    door: httpx.AsyncClient, stored: Recorder
) -> None:
    elsewhere = subscription(log_event("a"), logStream="host-2")
    await deliver(door, gzipped(subscription(log_event("a"), log_event("b"))), gzipped(elsewhere))
    assert sorted(stored.bodies()) == ["a", "a", "b"]


async def test_a_control_message_is_dropped(door: httpx.AsyncClient, stored: Recorder) -> None:
    response = await deliver(door, gzipped(control_message()))
    assert (response.status_code, stored.taken) == (200, [])


# Lambda's lines

TIME = "2026-11-23T12:00:00.123Z"


@pytest.mark.parametrize(
    ("line", "severity", "invocation_id", "trace_id", "span_id"),
    [
        (f"{TIME}\t{INVOCATION}\tINFO\thello", ("INFO", 9), INVOCATION, "", ""),
        (f"{TIME}\t{INVOCATION}\twarn\thello", ("warn", 13), INVOCATION, "", ""),
        (f"{TIME}\tundefined\tERROR\tUncaught Exception", ("ERROR", 17), None, "", ""),
        (f"[INFO]\t{TIME}\t{INVOCATION}\thello", ("INFO", 9), INVOCATION, "", ""),
        (f"[WARNING]\t{TIME}\t\tLAMBDA_WARNING: hello", ("WARNING", 13), None, "", ""),
        (
            f"{TIME}\t{INVOCATION}\tINFO\tgot Root={ROOT};Parent={SPAN};Sampled=1",
            ("INFO", 9),
            INVOCATION,
            TRACE,
            SPAN,
        ),
        (f"START RequestId: {INVOCATION} Version: $LATEST\n", ("", 0), INVOCATION, "", ""),
        (f"RequestId: {INVOCATION} Error: Runtime exited", ("", 0), INVOCATION, "", ""),
        (f"{TIME} {INVOCATION} Task timed out after 3.00 seconds", ("", 0), INVOCATION, "", ""),
        (
            f"REPORT RequestId: {INVOCATION}\tDuration: 5 ms\tXRAY TraceId: {ROOT}\tSegmentId: {SPAN}\tSampled: true",
            ("", 0),
            INVOCATION,
            TRACE,
            SPAN,
        ),
        (
            json.dumps({"timestamp": TIME, "level": "DEBUG", "requestId": INVOCATION, "message": "hello"}),
            ("DEBUG", 5),
            INVOCATION,
            "",
            "",
        ),
        (
            json.dumps({"level": "CRITICAL", "AWSRequestId": INVOCATION, "traceId": TRACE, "spanId": SPAN}),
            ("CRITICAL", 21),
            INVOCATION,
            TRACE,
            SPAN,
        ),
        (
            json.dumps({"level": 40, "function_request_id": INVOCATION, "xray_trace_id": ROOT}),
            ("40", 13),
            INVOCATION,
            TRACE,
            "",
        ),
        (json.dumps({"traceparent": f"00-{TRACE}-{SPAN}-01"}), ("", 0), None, TRACE, SPAN),
        (
            json.dumps({"time": TIME, "type": "platform.start", "record": {"requestId": INVOCATION}}),
            ("", 0),
            INVOCATION,
            "",
            "",
        ),
        (json.dumps({"level": "loud", "requestId": 5, "traceId": "x" * 32}), ("", 0), None, "", ""),
        ("[INFO] hello", ("", 0), None, "", ""),
        ("{not json", ("", 0), None, "", ""),
        ("", ("", 0), None, "", ""),
    ],
)
async def test_a_line_tells_its_severity_its_invocation_and_its_trace(
    door: httpx.AsyncClient,
    stored: Recorder,
    line: str,
    severity: tuple[str, int],
    invocation_id: str | None,
    trace_id: str,
    span_id: str,
) -> None:
    await deliver(door, gzipped(subscription(log_event(line), **LAMBDA)))
    record = next(record for record in stored.log_records() if not record.event_name)
    assert record.body.string_value == line
    assert (record.severity_text, record.severity_number) == severity
    assert plain(record.attributes).get("faas.invocation_id") == invocation_id
    assert (record.trace_id.hex(), record.span_id.hex()) == (trace_id, span_id)


async def test_the_platforms_lines_become_events_of_the_function(
    door: httpx.AsyncClient, stored: Recorder
) -> None:
    timeout = f"{TIME} {INVOCATION} Task timed out after 3.00 seconds\n\n"
    await deliver(door, gzipped(subscription(log_event(timeout), **LAMBDA)))
    _, event = stored.log_records()
    attributes = plain(event.attributes)
    assert (event.event_name, attributes["aws.lambda.status"]) == ("aws.lambda.fault", "timeout")
    assert (attributes["faas.name"], attributes["faas.instance"]) == ("orders", LOG_STREAM)
    assert "log.record.uid" not in attributes


@given(st.lists(st.text(alphabet=st.characters(exclude_categories=["Cs"]))))
def test_every_message_is_stored_as_it_was_written(messages: list[str]) -> None:
    events: list[dict[str, Any]] = [log_event(text, number) for number, text in enumerate(messages)]
    body = json.dumps(delivery(gzipped(subscription(*events)))).encode()
    stored = list(payloads(open_envelope({}, 0, read_document(body)), 1 << 20))
    records = [
        record
        for signal, payload in stored
        if signal is Signal.LOGS
        for record in sent_form(payload.body, signal).resource_logs[0].scope_logs[0].log_records
    ]
    assert [record.body.string_value for record in records if not record.event_name] == messages
