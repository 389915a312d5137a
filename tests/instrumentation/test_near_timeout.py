import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
from opentelemetry.proto.trace.v1 import trace_pb2 as trace
from tests.instrumentation.injection import harm, hooks_of
from tests.otlp import attributes
from tests.system.processes import eventually

from coldlight_lambda import frames, near_timeout, payloads, recorder
from coldlight_lambda.bootstrap import wrap
from coldlight_lambda.settings import Settings

ENVIRONMENT = {"COLDLIGHT_ENDPOINT": "http://127.0.0.1:4318"}


class Kept:
    """A sink that keeps what it is sent."""

    def __init__(self) -> None:
        self.sent: list[tuple[bytes, str, bytes]] = []
        self.came = threading.Condition()

    def send(self, kind: bytes, request_id: str, content: bytes) -> None:
        with self.came:
            self.sent.append((kind, request_id, content))
            self.came.notify_all()

    def open_spans(self) -> list[trace.Span]:
        return [trace.Span.FromString(content) for kind, _, content in self.sent if kind == frames.OPEN]

    def wait_for_open(self, count: int) -> None:
        with self.came:
            assert self.came.wait_for(lambda: len(self.open_spans()) >= count, 30)


class FunctionContext:
    function_name = "orders"
    invoked_function_arn = "arn:aws:lambda:eu-west-1:123456789012:function:orders"

    def __init__(self, request_id: str, remaining_ms: int) -> None:
        self.aws_request_id = request_id
        self._until = time.time() + remaining_ms / 1000

    def get_remaining_time_in_millis(self) -> int:
        return int((self._until - time.time()) * 1000)


@pytest.fixture
def sink() -> Iterator[Kept]:
    kept = Kept()
    recorder.sink = kept
    chosen = Settings(ENVIRONMENT)
    near_timeout.set_up(chosen)
    payloads.set_up(chosen)
    yield kept
    recorder.sink = None
    payloads.set_up(Settings({"COLDLIGHT_PAYLOADS": "off"}))


def test_what_a_function_does_when_its_time_is_nearly_up_is_sent_at_once(sink: Kept) -> None:
    def handler(event: Any, context: Any) -> str:
        span = recorder.start("wait for stock", 3)
        assert span
        sink.wait_for_open(2)
        recorder.end(span)
        return "in the end"

    assert wrap(handler)({"order": 7}, FunctionContext("r1", 300)) == "in the end"
    call, root = sink.open_spans()
    assert call.name == "wait for stock"
    assert not root.end_time_unix_nano
    (event,) = root.events
    assert event.name == "coldlight.near_timeout"
    found = attributes(event)
    assert "in handler" in found["coldlight.near_timeout.stacks"]
    assert "coldlight_lambda" not in found["coldlight.near_timeout.stacks"]
    assert 0 < found["coldlight.near_timeout.remaining_ms"] <= 100
    (listed,) = found["coldlight.near_timeout.open_spans"]
    assert listed.startswith("wait for stock (")
    assert attributes(root)["coldlight.payload.request"] == '{"order":7}'


def test_a_function_that_answers_in_time_is_left_alone(sink: Kept) -> None:
    wrap(lambda event, context: None)({}, FunctionContext("r1", 300))
    wrap(lambda event, context: sink.wait_for_open(1))({}, FunctionContext("r2", 300))
    assert {request_id for kind, request_id, _ in sink.sent if kind == frames.OPEN} == {"r2"}


def test_each_of_several_invocations_at_once_has_its_own_snapshot(sink: Kept) -> None:
    def handler(event: Any, context: Any) -> None:
        sink.wait_for_open(3)

    invocations = [
        threading.Thread(target=wrap(handler), args=({}, FunctionContext(f"r{number}", 400 - 100 * number)))
        for number in range(3)
    ]
    for invocation in invocations:
        invocation.start()
    for invocation in invocations:
        invocation.join()
    opened = [request_id for kind, request_id, _ in sink.sent if kind == frames.OPEN]
    assert sorted(opened) == ["r0", "r1", "r2"]


def test_one_thread_serves_all_invocations(sink: Kept) -> None:
    for number in range(20):
        wrap(lambda event, context: None)({}, FunctionContext(str(number), 60_000))
    assert [thread.name for thread in threading.enumerate()].count("coldlight-near-timeout") == 1


@pytest.fixture
def uncaught(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What ends a thread, as the function is told of it."""
    found: list[Any] = []
    monkeypatch.setattr(threading, "excepthook", found.append)
    return found


def test_whatever_fails_in_its_thread_the_function_does_not_notice(sink: Kept, uncaught: list[Any]) -> None:
    def handler(event: Any, context: Any) -> str:
        recorder.contained(recorder.start, "wait for stock", 3)
        time.sleep(0.02)
        return "in time"

    def work() -> Any:
        recorder.contained(near_timeout._forget_all)
        return wrap(handler)({"order": 7}, FunctionContext("r1", 2)), len(uncaught)

    names = [hook.code.co_name for hook in hooks_of(work)]
    assert {"_look", "snapshot", "_all_stacks"} <= set(names)
    assert harm(work) == []


def test_should_its_thread_end_the_next_invocation_begins_another(
    sink: Kept, uncaught: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    near_timeout._forget_all()
    with monkeypatch.context() as failing:
        failing.setattr(near_timeout, "_look", None)
        wrap(lambda event, context: None)({}, FunctionContext("r1", 300))
        eventually(lambda: near_timeout._watch.thread is None, "the end of the thread")
    wrap(lambda event, context: sink.wait_for_open(1))({}, FunctionContext("r2", 300))
    assert not uncaught


def test_an_invocation_with_an_unknown_deadline_is_not_watched(sink: Kept) -> None:
    def handler(event: Any, context: Any) -> int:
        return len(near_timeout._watch.notes)

    assert wrap(handler)({}, None) == 0


def test_it_can_be_switched_off(sink: Kept) -> None:
    near_timeout.set_up(Settings({**ENVIRONMENT, "COLDLIGHT_NEAR_TIMEOUT_MS": "0"}))
    assert wrap(lambda event, context: len(near_timeout._watch.notes))({}, FunctionContext("r", 1000)) == 0


@pytest.mark.skipif(not hasattr(os, "fork"), reason="forks")
def test_a_process_that_was_forked_has_a_thread_of_its_own() -> None:
    script = """
import os, sys, threading, time
from coldlight_lambda import near_timeout
from coldlight_lambda.invocations import Invocation
from coldlight_lambda.settings import Settings
from coldlight_lambda.spans import Context, Span
near_timeout.set_up(Settings({"COLDLIGHT_ENDPOINT": "http://127.0.0.1:1"}))
def invocation(remaining_ms):
    return Invocation("r", Span(Context(b"t" * 16, b"s" * 8), b"", "n", 2, 1), int(time.time() * 1000) + remaining_ms)
near_timeout.watch(invocation(60_000), {})
child = os.fork()
if not child:
    mine = invocation(300)
    near_timeout.watch(mine, {})
    while not mine.root.events:
        time.sleep(0.01)
    os._exit(7)
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", script], capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout.strip() == "7"
