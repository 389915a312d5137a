"""Invocations that died: their finished spans arrive, and their own span says what killed them."""

from collections.abc import Callable
from typing import Any

from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status
from tests.instrumentation.lambda_api.collectors import Collector
from tests.instrumentation.lambda_api.sandbox import Answer, Sandbox
from tests.otlp import attributes

SandboxOf = Callable[..., Sandbox]
FINISHED = ["finished 0", "finished 1", "finished 2"]


def died(collector: Collector, answer: Answer) -> tuple[Span, Span, dict[str, Any]]:
    """The invocation's own span, the call that it died in, and the attributes of the first."""
    assert answer.is_error
    spans = {span.name: span for span in collector.spans()}
    assert sorted(spans) == sorted(["call", "orders", *FINISHED])
    own, call = spans["orders"], spans["call"]
    assert own.status.code == call.status.code == Status.STATUS_CODE_ERROR
    assert own.end_time_unix_nano >= call.start_time_unix_nano >= own.start_time_unix_nano
    assert call.end_time_unix_nano == own.end_time_unix_nano
    assert attributes(own)["faas.invocation_id"] == answer.request_id
    assert attributes(call)["coldlight.unfinished"] is True
    return own, call, attributes(own)


def test_a_function_that_takes_too_long(sandbox_of: SandboxOf, collector: Collector) -> None:
    answer = sandbox_of("spans.dies", timeout_s=0.7).invoke("timeout")
    own, _, told = died(collector, answer)
    assert told["error.type"] == "Sandbox.Timedout"
    assert told["aws.lambda.status"] == "timeout"
    assert own.status.message.startswith("Task timed out")
    assert 0.5e9 < own.end_time_unix_nano - own.start_time_unix_nano <= 0.7e9


def test_a_function_that_takes_too_much_memory(sandbox_of: SandboxOf, collector: Collector) -> None:
    answer = sandbox_of("spans.dies", memory_mb=150).invoke("memory")
    _, _, told = died(collector, answer)
    assert told["error.type"] == "Runtime.OutOfMemory"
    assert told["aws.lambda.status"] == "error"


def test_a_function_whose_process_exits(sandbox_of: SandboxOf, collector: Collector) -> None:
    answer = sandbox_of("spans.dies").invoke("exit")
    _, _, told = died(collector, answer)
    assert told["error.type"] == "Runtime.ExitError"


def test_the_report_of_a_killed_invocation_arrives_with_the_shutdown(
    sandbox_of: SandboxOf, collector: Collector
) -> None:
    answer = sandbox_of("spans.dies", timeout_s=0.5).invoke("timeout")
    reports = [attributes(record) for record in collector.logs() if record.event_name == "aws.lambda.report"]
    assert [report["faas.invocation_id"] for report in reports] == [answer.request_id]
    assert reports[0]["aws.lambda.status"] == "timeout"


def test_the_sandbox_after_a_kill_is_a_new_one_and_is_followed_again(
    sandbox_of: SandboxOf, collector: Collector
) -> None:
    sandbox = sandbox_of("spans.dies", timeout_s=0.5)
    first, second = sandbox.invoke("timeout"), sandbox.invoke("timeout")
    own = [attributes(span) for span in collector.spans() if span.name == "orders"]
    assert [told["faas.invocation_id"] for told in own] == [first.request_id, second.request_id]
    assert sandbox.deaths == []


def test_a_function_that_leaves_by_itself_says_so_itself(sandbox_of: SandboxOf, collector: Collector) -> None:
    assert sandbox_of("app.leaves").invoke(None).is_error
    [own] = collector.spans()
    assert attributes(own)["error.type"] == "SystemExit"
    assert "coldlight.completed_by" not in attributes(own)
