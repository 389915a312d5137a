"""The whole way: a function in a sandbox, the shipper, Coldlight's own collector, and what its query API then tells."""

import os
import random
import time
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from tests.instrumentation.lambda_api.functions import ARN, NAME
from tests.instrumentation.lambda_api.sandbox import Sandbox
from tests.system.processes import ANY_PORTS, Service, start

SandboxOf = Callable[..., Sandbox]
INVOCATIONS = int(os.environ.get("COLDLIGHT_TEST_INVOCATIONS", "1000"))
TRACE_ID = "5759e988bd862e3fe1be46a994272793"
TRACE = f"Root=1-{TRACE_ID[:8]}-{TRACE_ID[8:]};Parent=53995c3f42cd8ad8;Sampled=0;Lineage=1:a87bd80c:0"


@pytest.fixture(scope="module")
def coldlight(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    folder = tmp_path_factory.mktemp("coldlight")
    service = start("up", "--data", str(folder / "data"), *ANY_PORTS, folder=folder)
    yield service
    service.stop()


def root_of(trace_id: str) -> str:
    return f"Root=1-{trace_id[:8]}-{trace_id[8:]}"


def test_spans_log_lines_and_platform_events_of_an_invocation_are_one_trace(
    sandbox_of: SandboxOf, coldlight: Service
) -> None:
    sandbox = sandbox_of("app.logs", {"COLDLIGHT_ENDPOINT": coldlight.otlp_http})
    answer = sandbox.invoke("order 1", trace=TRACE)
    sandbox.shutdown()

    [span] = coldlight.trace(TRACE_ID)["spans"]
    assert span["name"] == NAME
    assert span["attributes"]["faas.invocation_id"] == answer.request_id
    assert span["resource"]["faas.name"] == NAME
    assert span["attributes"]["cloud.resource_id"] == ARN

    logs = coldlight.logs(TRACE_ID, records=5)
    bodies = [log["body"] for log in logs if log["body"]]
    assert any(body == "printed" for body in bodies)
    assert any("warned of order 1" in body for body in bodies)
    told = {log["attributes"].get("event.name"): log["attributes"] for log in logs}
    assert told["aws.lambda.report"]["aws.lambda.billed_duration_ms"] > 0
    assert told["aws.lambda.runtime_done"]["aws.lambda.status"] == "success"
    assert {log["span_id"] for log in logs} == {span["span_id"]}


def test_nothing_is_lost_over_many_invocations_with_random_freezes(
    sandbox_of: SandboxOf, coldlight: Service
) -> None:
    trace_id, chance, asked = "1" * 32, random.Random(1), []
    sandbox = sandbox_of("spans.some", {"COLDLIGHT_ENDPOINT": coldlight.otlp_http})
    for _ in range(INVOCATIONS):
        answer = sandbox.invoke(2, trace=root_of(trace_id))
        assert answer.body == b"2"
        asked.append(answer.request_id)
        time.sleep(chance.choice((0, 0, 0, 0.001, 0.01)))
    sandbox.shutdown()

    trace = coldlight.trace(trace_id, spans=3 * INVOCATIONS)
    assert trace["span_count"] == 3 * INVOCATIONS
    own = {span["span_id"]: span for span in trace["spans"] if span["name"] == NAME}
    assert sorted(span["attributes"]["faas.invocation_id"] for span in own.values()) == sorted(asked)
    below = Counter(span["parent_span_id"] for span in trace["spans"] if span["span_id"] not in own)
    assert below == dict.fromkeys(own, 2)


@pytest.mark.parametrize(
    ("way", "error_type", "limits"),
    [
        ("timeout", "Sandbox.Timedout", {"timeout_s": 0.7}),
        ("memory", "Runtime.OutOfMemory", {"memory_mb": 150}),
        ("exit", "Runtime.ExitError", {}),
    ],
)
def test_a_killed_invocation_shows_its_spans_and_why(
    sandbox_of: SandboxOf, coldlight: Service, way: str, error_type: str, limits: dict[str, Any]
) -> None:
    trace_id = way.encode().hex().ljust(32, "a")
    sandbox = sandbox_of("spans.dies", {"COLDLIGHT_ENDPOINT": coldlight.otlp_http}, **limits)
    assert sandbox.invoke(way, trace=root_of(trace_id)).is_error
    spans = {span["name"]: span for span in coldlight.trace(trace_id, spans=5)["spans"]}
    assert sorted(spans) == ["call", "finished 0", "finished 1", "finished 2", NAME]
    assert spans[NAME]["attributes"]["error.type"] == error_type
    assert spans[NAME]["status"]["code"] == spans["call"]["status"]["code"] == "error"


def test_a_function_that_sleeps_past_its_deadline_tells_what_it_did_before_it_is_killed(
    sandbox_of: SandboxOf, coldlight: Service
) -> None:
    trace_id = "2" * 32
    near = {"COLDLIGHT_ENDPOINT": coldlight.otlp_http, "COLDLIGHT_NEAR_TIMEOUT_MS": "300"}
    answer = sandbox_of("spans.dies", near, timeout_s=1.0).invoke("timeout", trace=root_of(trace_id))
    assert answer.value["errorType"] == "Sandbox.Timedout"

    spans = {span["name"]: span for span in coldlight.trace(trace_id, spans=5)["spans"]}
    own, call = spans[NAME], spans["call"]
    [snapshot] = [event for event in own["events"] if event["name"] == "coldlight.near_timeout"]
    told = {
        name.removeprefix("coldlight.near_timeout."): value for name, value in snapshot["attributes"].items()
    }
    assert 0 < told["remaining_ms"] <= 300
    assert "in dies\n    time.sleep(60)" in told["stacks"]
    assert [each.partition(" (")[0] for each in told["open_spans"]] == ["call"]
    assert own["attributes"]["coldlight.payload.request"] == "timeout"
    assert own["attributes"]["error.type"] == "Sandbox.Timedout"
    assert own["attributes"]["aws.lambda.status"] == "timeout"
    assert call["attributes"]["coldlight.unfinished"] is True
