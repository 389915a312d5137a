"""Platform lines in logs of any sender become events beside them; everything else stays as it was sent."""

import json

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord
from tests.collector.firehose import INVOCATION, Recorder, plain

from coldlight_collector.intake import TooLarge
from coldlight_collector.validate import validate
from coldlight_storage.signals import Signal
from coldlight_storage.testing import attributes, clock_ns, log_record, logs_request, sent_form, trace_id

REPORT = f"REPORT RequestId: {INVOCATION}\tDuration: 46.84 ms\tBilled Duration: 47 ms\n"
PROTOBUF = {"Content-Type": "application/x-protobuf"}
FUNCTION = {
    "faas.name": "orders",
    "faas.version": "7",
    "faas.instance": "2026/11/23/[7]0123",
    "cloud.resource_id": "arn:aws:lambda:eu-west-1:1:function:orders",
    "cloud.account.id": "1",
    "cloud.region": "eu-west-1",
}


def validated(request: ExportLogsServiceRequest) -> ExportLogsServiceRequest:
    stored = sent_form(validate(Signal.LOGS, request.SerializeToString()).body, Signal.LOGS)
    assert isinstance(stored, ExportLogsServiceRequest)
    return stored


def records_of(request: ExportLogsServiceRequest) -> list[LogRecord]:
    return list(request.resource_logs[0].scope_logs[0].log_records)


async def test_a_report_line_in_otlp_logs_becomes_an_event_beside_it(
    door: httpx.AsyncClient, stored: Recorder
) -> None:
    request = logs_request(log_record("hello"), log_record(REPORT, at=1))
    response = await door.post("/v1/logs", content=request.SerializeToString(), headers=PROTOBUF)
    assert (response.status_code, response.content) == (200, b"")
    hello, line, event = stored.log_records()
    assert (hello.body.string_value, line.body.string_value) == ("hello", REPORT)
    assert (event.event_name, event.time_unix_nano) == ("aws.lambda.report", clock_ns(1))
    assert plain(event.attributes) == {
        "event.name": "aws.lambda.report",
        "aws.lambda.source": "log",
        "faas.invocation_id": INVOCATION,
        "aws.lambda.duration_ms": 46.84,
        "aws.lambda.billed_duration_ms": 47,
    }
    assert [payload.items for _, payload in stored.taken] == [3]


async def test_a_report_line_in_otlp_json_becomes_an_event(door: httpx.AsyncClient, stored: Recorder) -> None:
    record = {"timeUnixNano": str(clock_ns()), "body": {"stringValue": REPORT}}
    body = {"resourceLogs": [{"scopeLogs": [{"logRecords": [record]}]}]}
    assert (await door.post("/v1/logs", json=body)).status_code == 200
    assert [record.event_name for record in stored.log_records()] == ["", "aws.lambda.report"]


def test_an_event_says_which_function_it_is_of_as_the_resource_does() -> None:
    request = logs_request(log_record(REPORT))
    request.resource_logs[0].resource.attributes.extend(attributes(FUNCTION))
    said = plain(records_of(validated(request))[1].attributes)
    assert {key: said.get(key) for key in FUNCTION} == FUNCTION


def test_a_resource_of_absurd_size_is_not_copied_into_every_event() -> None:
    request = logs_request(log_record(REPORT))
    request.resource_logs[0].resource.attributes.extend(
        attributes({"faas.name": "x" * 2000, "faas.version": "7"})
    )
    said = plain(records_of(validated(request))[1].attributes)
    assert ("faas.name" in said, said["faas.version"]) == (False, "7")


def test_a_start_line_knows_its_version_better_than_the_resource() -> None:
    request = logs_request(log_record(f"START RequestId: {INVOCATION} Version: 8"))
    request.resource_logs[0].resource.attributes.extend(attributes(FUNCTION))
    assert plain(records_of(validated(request))[1].attributes)["faas.version"] == "8"


def test_an_event_without_a_trace_of_its_own_has_that_of_its_line() -> None:
    line, event = records_of(validated(logs_request(log_record(REPORT, trace=1, span=2))))
    assert (event.trace_id, event.span_id) == (line.trace_id, line.span_id) == (trace_id(1), line.span_id)


def test_a_failed_invocation_is_an_event_of_severity_error() -> None:
    _, event = records_of(validated(logs_request(log_record(f"{REPORT.strip()}\tStatus: timeout"))))
    assert (event.severity_text, event.severity_number) == ("ERROR", 17)


def test_an_event_of_the_layer_makes_no_second_one() -> None:
    request = logs_request(log_record(REPORT, event_name="aws.lambda.report"))
    assert validated(request) == request


@pytest.mark.parametrize("body", [{"text": REPORT}, [REPORT], REPORT.encode(), 5, None])
def test_only_text_is_a_line(body: object) -> None:
    request = logs_request(log_record(body), log_record(REPORT))
    assert len(records_of(validated(request))) == 3


def test_a_request_without_platform_lines_is_stored_as_the_very_bytes_it_came_in() -> None:
    body = logs_request(log_record("hello"), log_record("the RequestId: is unknown")).SerializeToString()
    assert validate(Signal.LOGS, body).body is body


def test_a_full_request_may_be_platform_lines_alone() -> None:
    body = logs_request(*[log_record(REPORT)] * 50).SerializeToString()
    assert validate(Signal.LOGS, body, max_items=50).items == 100
    with pytest.raises(TooLarge):
        validate(Signal.LOGS, body, max_items=49)


@given(
    st.lists(st.text() | st.sampled_from([REPORT, f"END RequestId: {INVOCATION}", json.dumps({"a": "{"})]))
)
def test_every_line_is_stored_as_sent(lines: list[str]) -> None:
    stored = records_of(validated(logs_request(*map(log_record, lines))))
    assert [record.body.string_value for record in stored if not record.event_name] == lines
