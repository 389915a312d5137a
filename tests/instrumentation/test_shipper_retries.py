"""An asynchronous invocation that fails is tried again with the same request id, and may come to the same sandbox."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.instrumentation.lambda_api.collectors import Collector
from tests.instrumentation.lambda_api.sandbox import Sandbox
from tests.otlp import attributes

from coldlight_lambda import frames, otlp
from coldlight_lambda.shipper.attempts import MOST_KNOWN, Known
from coldlight_lambda.shipper.ledger import Ledger
from coldlight_lambda.shipper.outbox import TRACES, Outbox
from coldlight_lambda.spans import SERVER, Context, Span

SandboxOf = Callable[..., Sandbox]
REQUEST_ID = "8476a536-e9f4-11e8-9739-2dfe598c3fcd"
FAILS_AND_DIES = """
import os
from coldlight_lambda import recorder
from coldlight_lambda.spans import CLIENT

attempts = []

def handler(event, context):
    attempts.append(event)
    if len(attempts) == 1:
        raise ValueError(event)
    call = recorder.start("call", CLIENT)
    recorder.announce(call)
    os._exit(1)
"""


def test_both_attempts_are_there_once_the_second_has_ended(
    sandbox_of: SandboxOf, collector: Collector
) -> None:
    sandbox = sandbox_of("app.broken")
    for _ in range(2):
        sandbox.invoke("order 1", REQUEST_ID)
    assert [attributes(span)["faas.invocation_id"] for span in collector.spans()] == [REQUEST_ID] * 2
    assert len({span.span_id for span in collector.spans()}) == 2


def test_a_second_attempt_that_dies_is_completed_with_what_it_was_doing(
    sandbox_of: SandboxOf, collector: Collector, tmp_path: Path
) -> None:
    (tmp_path / "fails.py").write_text(FAILS_AND_DIES)
    sandbox = sandbox_of("fails.handler", task_root=tmp_path)
    for _ in range(2):
        assert sandbox.invoke("order 1", REQUEST_ID).is_error
    first, second, call = sorted(collector.spans(), key=lambda span: span.start_time_unix_nano)
    assert attributes(first)["error.type"] == "ValueError"
    assert attributes(second)["error.type"] == "Runtime.ExitError"
    assert attributes(second)["coldlight.completed_by"] == "shipper"
    assert (call.name, call.parent_span_id) == ("call", second.span_id)
    assert attributes(call)["coldlight.unfinished"] is True


def test_log_lines_and_events_belong_to_their_own_attempt(
    sandbox_of: SandboxOf, collector: Collector
) -> None:
    sandbox = sandbox_of("app.logs")
    for _ in range(3):
        sandbox.invoke("order 1", REQUEST_ID)
    sandbox.shutdown()
    own = [span.span_id for span in collector.spans()]
    assert len(own) == 3
    for told in ("aws.lambda.start", "aws.lambda.runtime_done", "aws.lambda.report"):
        assert [record.span_id for record in collector.logs() if record.event_name == told] == own
    printed = [record.span_id for record in collector.logs() if record.body.string_value == "printed"]
    assert printed == own


def root(number: int) -> bytes:
    return otlp.span(Span(Context(b"t" * 16, bytes([number]) * 8), b"", "orders", SERVER, 1))


def told(ledger: Ledger, kind: str, **more: Any) -> None:
    ledger.event({"type": f"platform.{kind}", "record": {"requestId": REQUEST_ID, **more}})


def spans(outbox: Outbox) -> list[bytes]:
    """Of what waits: the beginnings, which are as the recorder encoded them."""
    taken = outbox.take()
    return [record[:28] for record in taken[1]] if taken and taken[0] == TRACES else []


def begin(ledger: Ledger, number: int) -> Known:
    known = ledger.invoked(REQUEST_ID, "", 5)
    ledger.frame(frames.START, REQUEST_ID, b"{}\0" + root(number))
    return known


@pytest.mark.parametrize("behind", [1, 2])
def test_the_platforms_word_of_an_attempt_says_nothing_of_the_next_one(behind: int) -> None:
    """It comes when the sandbox runs again: for the next attempt, or, where a busy one waits for no telemetry, the one after."""
    outbox = Outbox()
    ledger = Ledger(outbox, {})
    for number in range(behind):
        begin(ledger, number)
        ledger.frame(frames.END, REQUEST_ID, root(number))
    known = begin(ledger, behind)
    for _ in range(behind):
        told(ledger, "start")
        told(ledger, "runtimeDone", status="success")
        told(ledger, "report", status="success")
    assert not known.is_over()
    assert len(spans(outbox)) == behind
    told(ledger, "start")
    told(ledger, "runtimeDone", status="timeout")
    assert known.is_over()
    ledger.shut_down("timeout")
    assert known.facts["aws.lambda.status"] == "timeout"


def test_memory_of_invocations_is_bounded_and_what_is_forgotten_ends() -> None:
    outbox = Outbox()
    ledger = Ledger(outbox, {})
    ledger.frame(frames.START, "first", b"{}\0" + root(1))
    for number in range(MOST_KNOWN):
        ledger.event({"type": "platform.start", "record": {"requestId": f"request {number % 300}"}})
    assert spans(outbox) == [root(1)[:28]]
