"""Events of the Lambda platform in JSON, as the JSON log format and the Telemetry API write them."""

import json
from typing import Any

import pytest
from tests.collector.test_platform_logs import ID, REPORT_FIELDS, ROOT, SEGMENT, event, facts

from coldlight_storage.testing import clock_ns


def platform(kind: str, record: Any, time: Any = "2026-11-23T12:00:01.500Z") -> str:
    return json.dumps({"time": time, "type": f"platform.{kind}", "record": record})


TRACING = {
    "spanId": SEGMENT,
    "type": "X-Amzn-Trace-Id",
    "value": f"Root={ROOT};Parent=0efbd19962d95b05;Sampled=1",
}


def test_a_report_in_json_says_the_same_and_has_its_own_time() -> None:
    metrics = {"durationMs": 46.84, "billedDurationMs": 47, "memorySizeMB": 192, "maxMemoryUsedMB": 72}
    line = platform("report", {"requestId": ID, "status": "success", "metrics": metrics, "tracing": TRACING})
    found = event(line)
    assert facts(line) == {**REPORT_FIELDS, "aws.lambda.status": "success"}
    assert (found.name, found.time_unix_nano) == ("aws.lambda.report", clock_ns(1.5))
    assert found.trace_id.hex() == ROOT[2:].replace("-", "")
    assert (found.span_id.hex(), found.flags) == (SEGMENT, 1)


@pytest.mark.parametrize(
    ("line", "name", "said"),
    [
        (
            platform("start", {"requestId": ID, "version": "7", "tenantId": "blue"}),
            "start",
            {"faas.invocation_id": ID, "faas.version": "7", "aws.lambda.tenant_id": "blue"},
        ),
        (
            platform(
                "initStart",
                {
                    "initializationType": "on-demand",
                    "phase": "init",
                    "functionName": "orders",
                    "functionVersion": "7",
                },
            ),
            "init_start",
            {
                "aws.lambda.init_type": "on-demand",
                "aws.lambda.phase": "init",
                "faas.name": "orders",
                "faas.version": "7",
            },
        ),
        (
            platform(
                "initReport",
                {"initializationType": "snap-start", "phase": "init", "metrics": {"durationMs": 125.33}},
            ),
            "init_report",
            {
                "aws.lambda.init_type": "snap-start",
                "aws.lambda.phase": "init",
                "aws.lambda.init_duration_ms": 125.33,
            },
        ),
        (
            platform("restoreReport", {"metrics": {"durationMs": 70.87, "billedDurationMs": 13}}),
            "restore_report",
            {"aws.lambda.restore_duration_ms": 70.87, "aws.lambda.billed_restore_duration_ms": 13},
        ),
        (
            platform(
                "runtimeDone",
                {
                    "requestId": ID,
                    "status": "timeout",
                    "metrics": {"durationMs": 3000.0, "producedBytes": 42},
                    "spans": [
                        {"name": "responseLatency", "start": "", "durationMs": 23.02},
                        {"name": "other"},
                        5,
                    ],
                },
            ),
            "runtime_done",
            {
                "faas.invocation_id": ID,
                "aws.lambda.status": "timeout",
                "aws.lambda.duration_ms": 3000.0,
                "aws.lambda.produced_bytes": 42,
                "aws.lambda.response_latency_ms": 23.02,
            },
        ),
        (
            platform("report", {"requestId": ID, "status": "error", "errorType": "Runtime.OutOfMemory"}),
            "report",
            {
                "faas.invocation_id": ID,
                "aws.lambda.status": "error",
                "aws.lambda.error_type": "Runtime.OutOfMemory",
            },
        ),
        (
            platform("logsDropped", {"reason": "slow", "droppedRecords": 40, "droppedBytes": 12000}),
            "logs_dropped",
            {
                "aws.lambda.reason": "slow",
                "aws.lambda.dropped_records": 40,
                "aws.lambda.dropped_bytes": 12000,
            },
        ),
        (
            platform(
                "report", {"metrics": {"durationMs": "5", "memorySizeMB": True, "billedDurationMs": 10**30}}
            ),
            "report",
            {},
        ),
        (
            platform("somethingNew", {"requestId": ID, "spans": 5, "tracing": []}),
            "something_new",
            {"faas.invocation_id": ID},
        ),
    ],
)
def test_a_platform_event_in_json_is_read(line: str, name: str, said: dict[str, Any]) -> None:
    assert (event(line).name, facts(line)) == (f"aws.lambda.{name}", said)


@pytest.mark.parametrize("time", [None, 5, "yesterday", "2026-11-23T12:00:00", "0001-01-01T00:00:00Z"])
def test_without_a_time_of_its_own_an_event_has_that_of_its_line(time: Any) -> None:
    assert event(platform("report", {}, time)).time_unix_nano == clock_ns()
