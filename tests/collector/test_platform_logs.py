"""The platform's own log lines, in every form that is known of them, and what they become."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coldlight_collector.platform_logs import PlatformEvent, read
from coldlight_storage.testing import clock_ns

ID = "79b4f56e-95b1-4643-9700-2807f4e68189"
ROOT, SEGMENT = "1-66d978e5-56c7378e556e94b5461da07c", "29c3839e6ecb5895"
REPORT_FIELDS = {
    "faas.invocation_id": ID,
    "aws.lambda.duration_ms": 46.84,
    "aws.lambda.billed_duration_ms": 47,
    "aws.lambda.memory_size_mb": 192,
    "aws.lambda.max_memory_used_mb": 72,
}
REPORT = f"REPORT RequestId: {ID}\tDuration: 46.84 ms\tBilled Duration: 47 ms\tMemory Size: 192 MB\tMax Memory Used: 72 MB"


def event(text: str) -> PlatformEvent:
    found = read(clock_ns(), text)
    assert found is not None, text
    return found


def facts(text: str) -> dict[str, Any]:
    """What a line says, without the source, which is the same for all of them."""
    said = dict(event(text).attributes)
    assert said.pop("aws.lambda.source") == "log"
    return said


# REPORT


@pytest.mark.parametrize("end", ["", "\t", "\t\n", "\n", "\t\n\n"])
def test_a_report_says_what_an_invocation_took(end: str) -> None:
    found = event(REPORT + end)
    assert (found.name, found.time_unix_nano) == ("aws.lambda.report", clock_ns())
    assert facts(REPORT + end) == REPORT_FIELDS
    assert (found.trace_id, found.span_id, found.flags) == (b"", b"", 0)


def test_a_report_may_have_spaces_in_place_of_tabs() -> None:
    assert facts(REPORT.replace("\t", " ")) == REPORT_FIELDS


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ("Init Duration: 463.51 ms", {"init_duration_ms": 463.51}),
        (
            "Restore Duration: 518.37 ms\tBilled Restore Duration: 303 ms",
            {"restore_duration_ms": 518.37, "billed_restore_duration_ms": 303},
        ),
        ("Status: timeout", {"status": "timeout"}),
        (
            "Status: error\tError Type: Runtime.OutOfMemory",
            {"status": "error", "error_type": "Runtime.OutOfMemory"},
        ),
        (
            "Init Duration: 80.52 ms\tStatus: error\tError Type: Runtime.ExitError",
            {"init_duration_ms": 80.52, "status": "error", "error_type": "Runtime.ExitError"},
        ),
        ("Tenant Id: blue", {"tenant_id": "blue"}),
        ("Something New: 7 ms\tAnother: word", {}),
    ],
)
def test_a_report_may_say_more(more: str, said: dict[str, Any]) -> None:
    expected = REPORT_FIELDS | {f"aws.lambda.{name}": value for name, value in said.items()}
    assert facts(f"{REPORT}\t{more}\n") == expected
    assert facts(f"{REPORT}\t{more}".replace("\t", " ")) == expected


def test_a_managed_instance_reports_its_duration_alone() -> None:
    assert facts(f"REPORT RequestId: {ID}\tDuration: 5.12 ms") == {
        "faas.invocation_id": ID,
        "aws.lambda.duration_ms": 5.12,
    }


@pytest.mark.parametrize("separator", ["\t", "\n", " "])
def test_the_xray_trace_of_a_report_is_that_of_its_record(separator: str) -> None:
    xray = f"XRAY TraceId: {ROOT}\tSegmentId: {SEGMENT}\tSampled: true\t".replace("\t", separator)
    found = event(f"{REPORT}{separator}{xray}")
    assert found.trace_id.hex() == ROOT[2:].replace("-", "")
    assert (found.span_id.hex(), found.flags) == (SEGMENT, 1)


@pytest.mark.parametrize(
    "root", ["1-66d978e5", "hello", "1-66d978e5-56c7378e556e94b5461da07", f"1-{0:08}-{0:024}", ""]
)
def test_a_trace_id_that_is_none_is_left_out(root: str) -> None:
    found = event(f"{REPORT}\tXRAY TraceId: {root}\tSegmentId: {SEGMENT}\tSampled: true")
    assert (found.trace_id, found.span_id, found.flags) == (b"", b"", 0)


def test_a_value_that_cannot_be_read_is_absent_and_costs_no_other() -> None:
    assert facts(f"REPORT RequestId: {ID}\tDuration: soon\tBilled Duration: 9 s\tMemory Size: 128 MB") == {
        "faas.invocation_id": ID,
        "aws.lambda.memory_size_mb": 128,
    }


LABELLED = st.permutations(
    [
        f"RequestId: {ID}",
        "Duration: 46.84 ms",
        "Billed Duration: 47 ms",
        "Memory Size: 192 MB",
        "Max Memory Used: 72 MB",
        "Init Duration: 463.51 ms",
        "Restore Duration: 518.37 ms",
        "Billed Restore Duration: 303 ms",
        "Status: error",
        "Error Type: Runtime.ExitError",
        f"XRAY TraceId: {ROOT}",
        f"SegmentId: {SEGMENT}",
        "Sampled: true",
        "Not Yet Known: 5 ms",
    ]
)


@given(LABELLED, st.sampled_from(["\t", " ", "\n", "\t\n"]))
def test_the_order_of_a_reports_fields_does_not_matter(fields: list[str], separator: str) -> None:
    found = event("REPORT " + separator.join(fields))
    assert found.attributes == {
        **REPORT_FIELDS,
        "aws.lambda.source": "log",
        "aws.lambda.init_duration_ms": 463.51,
        "aws.lambda.restore_duration_ms": 518.37,
        "aws.lambda.billed_restore_duration_ms": 303,
        "aws.lambda.status": "error",
        "aws.lambda.error_type": "Runtime.ExitError",
    }
    assert (found.trace_id.hex(), found.span_id.hex()) == (ROOT[2:].replace("-", ""), SEGMENT)


# The other lines


@pytest.mark.parametrize(
    ("line", "name", "said"),
    [
        (f"START RequestId: {ID} Version: $LATEST\n", "start", {"faas.version": "$LATEST", "id": ID}),
        (f"START RequestId: {ID} Version: 42", "start", {"faas.version": "42", "id": ID}),
        (f"END RequestId: {ID}\n", "end", {"id": ID}),
        (
            "INIT_START Runtime Version: python:3.13.v30\tRuntime Version ARN: arn:aws:lambda:eu-west-1::runtime:0a\n",
            "init_start",
            {
                "aws.lambda.runtime_version": "python:3.13.v30",
                "aws.lambda.runtime_version_arn": "arn:aws:lambda:eu-west-1::runtime:0a",
            },
        ),
        ("INIT_REPORT Init Duration: 1331.06 ms", "init_report", {"aws.lambda.init_duration_ms": 1331.06}),
        (
            "INIT_REPORT Init Duration: 9999.79 ms\tPhase: init\tStatus: timeout\n",
            "init_report",
            {
                "aws.lambda.init_duration_ms": 9999.79,
                "aws.lambda.phase": "init",
                "aws.lambda.status": "timeout",
            },
        ),
        (
            "INIT_REPORT Init Duration: 5.36 ms Phase: invoke Status: error Error Type: Runtime.InvalidEntrypoint",
            "init_report",
            {
                "aws.lambda.init_duration_ms": 5.36,
                "aws.lambda.phase": "invoke",
                "aws.lambda.status": "error",
                "aws.lambda.error_type": "Runtime.InvalidEntrypoint",
            },
        ),
        (
            "RESTORE_START Runtime Version: java:21.v40\tRuntime Version ARN: arn:aws:lambda:eu-west-1::runtime:0b\n",
            "restore_start",
            {
                "aws.lambda.runtime_version": "java:21.v40",
                "aws.lambda.runtime_version_arn": "arn:aws:lambda:eu-west-1::runtime:0b",
            },
        ),
        (
            "RESTORE_REPORT Restore Duration: 511.25 ms\n",
            "restore_report",
            {"aws.lambda.restore_duration_ms": 511.25},
        ),
        (
            "RESTORE_REPORT Restore Duration: 1236.04 ms Status: error Error Type: Runtime.ExitError",
            "restore_report",
            {
                "aws.lambda.restore_duration_ms": 1236.04,
                "aws.lambda.status": "error",
                "aws.lambda.error_type": "Runtime.ExitError",
            },
        ),
        (
            f"2026-11-23T12:00:03.003Z {ID} Task timed out after 3.00 seconds\n\n",
            "fault",
            {"id": ID, "aws.lambda.status": "timeout", "aws.lambda.duration_ms": 3000.0},
        ),
        (
            f"RequestId: {ID} Error: Task timed out after 900.10 seconds",
            "fault",
            {"id": ID, "aws.lambda.status": "timeout", "aws.lambda.duration_ms": 900100.0},
        ),
        (
            f"RequestId: {ID} Error: Runtime exited with error: signal: killed\nRuntime.ExitError\n",
            "fault",
            {"id": ID, "aws.lambda.status": "error", "aws.lambda.error_type": "Runtime.OutOfMemory"},
        ),
        (
            f"RequestId: {ID} Error: Runtime exited with error: exit status 1 Runtime.ExitError",
            "fault",
            {"id": ID, "aws.lambda.status": "error", "aws.lambda.error_type": "Runtime.ExitError"},
        ),
        (
            f"RequestId: {ID} Error: Runtime exited without providing a reason\nRuntime.ExitError",
            "fault",
            {"id": ID, "aws.lambda.status": "error", "aws.lambda.error_type": "Runtime.ExitError"},
        ),
        (
            f"RequestId: {ID} Error: fork/exec /var/task/bootstrap: no such file or directory\nRuntime.InvalidEntrypoint",
            "fault",
            {"id": ID, "aws.lambda.status": "error", "aws.lambda.error_type": "Runtime.InvalidEntrypoint"},
        ),
        (
            f"RequestId: {ID} Process exited before completing request\n",
            "fault",
            {"id": ID, "aws.lambda.status": "error"},
        ),
        (
            "Error: Runtime exited with error: exit status 129\nRuntime.ExitError",
            "fault",
            {"aws.lambda.status": "error", "aws.lambda.error_type": "Runtime.ExitError"},
        ),
    ],
)
def test_a_line_of_the_platform_is_read(line: str, name: str, said: dict[str, Any]) -> None:
    if "id" in said:
        said = {**said, "faas.invocation_id": said["id"]}
        del said["id"]
    assert event(line).name == f"aws.lambda.{name}"
    assert facts(line) == said


@pytest.mark.parametrize(
    "line",
    [
        "",
        " ",
        "hello",
        "START of the batch: 5",
        "REPORT: all is well",
        "REPORT Duration: 5 ms",
        "END",
        "REPORTED RequestId: 5",
        "my Task timed out after 3.00 seconds",
        f"{ID} Task timed out after a while",
        "Error: out of stock",
        "RequestId: 5",
        "{",
        '{"type": "platform.report"',
        '{"type": "platform.report", "record": "text"}',
        '{"type": "platform.", "record": {}}',
        '{"type": ["platform.report"], "record": {}}',
        '["platform.report"]',
        f"REPORT RequestId: {ID}\t" + "x" * 20_000,
    ],
)
def test_anybody_elses_line_is_left_alone(line: str) -> None:
    assert read(clock_ns(), line) is None


@given(st.text())
def test_no_text_is_too_strange_to_be_looked_at(text: str) -> None:
    read(clock_ns(), text)
    read(clock_ns(), f"REPORT RequestId: {text}")
    read(clock_ns(), f"RequestId: {text} Error: {text}")


@pytest.mark.parametrize("year", ["1969", "2262", "9999"])
def test_a_time_that_cannot_be_stored_is_not_taken_over(year: str) -> None:
    line = f'{{"time":"{year}-12-31T23:59:59Z","type":"platform.start","record":{{"requestId":"{ID}"}}}}'
    assert event(line).time_unix_nano == clock_ns()


def test_a_span_id_of_zeros_is_none() -> None:
    line = f"{REPORT}\tXRAY TraceId: {ROOT}\tSegmentId: 0000000000000000\tSampled: true"
    assert event(line).span_id == b""
