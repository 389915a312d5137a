"""The whole way: a function in a sandbox, the shipper, Coldlight's own collector, and what its query API then tells."""

from collections.abc import Callable, Iterator

import pytest
from tests.instrumentation.lambda_api.functions import ARN, NAME
from tests.instrumentation.lambda_api.sandbox import Sandbox
from tests.system.processes import ANY_PORTS, Service, start

SandboxOf = Callable[..., Sandbox]
TRACE_ID = "5759e988bd862e3fe1be46a994272793"
TRACE = f"Root=1-{TRACE_ID[:8]}-{TRACE_ID[8:]};Parent=53995c3f42cd8ad8;Sampled=0;Lineage=1:a87bd80c:0"


@pytest.fixture(scope="module")
def coldlight(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    folder = tmp_path_factory.mktemp("coldlight")
    service = start("up", "--data", str(folder / "data"), *ANY_PORTS, folder=folder)
    yield service
    service.stop()


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


def test_a_killed_invocation_shows_its_spans_and_why(sandbox_of: SandboxOf, coldlight: Service) -> None:
    trace_id = TRACE_ID[::-1]
    root = f"Root=1-{trace_id[:8]}-{trace_id[8:]}"
    sandbox = sandbox_of("spans.dies", {"COLDLIGHT_ENDPOINT": coldlight.otlp_http}, timeout_s=0.7)
    assert sandbox.invoke("timeout", trace=root).is_error
    spans = {span["name"]: span for span in coldlight.trace(trace_id, spans=5)["spans"]}
    assert len(spans) == 5
    assert spans[NAME]["attributes"]["error.type"] == "Sandbox.Timedout"
    assert spans[NAME]["status"]["code"] == "error"
