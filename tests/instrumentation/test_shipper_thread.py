"""The shipper as a thread of the function's process, for images and packages without the extension."""

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.instrumentation.lambda_api.api import Api
from tests.instrumentation.lambda_api.collectors import Collector
from tests.instrumentation.lambda_api.sandbox import Sandbox
from tests.otlp import attributes

from coldlight_lambda.settings import Settings
from coldlight_lambda.shipper import threads
from coldlight_lambda.shipper.cycle import PATIENCE_S
from coldlight_lambda.shipper.extension import Refused

SandboxOf = Callable[..., Sandbox]
THREAD = {"COLDLIGHT_SHIPPER": "thread"}


def test_spans_and_log_lines_are_sent_at_each_end(sandbox_of: SandboxOf, collector: Collector) -> None:
    sandbox = sandbox_of("app.logs", THREAD)
    asked = [sandbox.invoke(number).request_id for number in range(30)]
    assert [attributes(span)["faas.invocation_id"] for span in collector.spans()] == asked
    assert sum(record.body.string_value == "printed" for record in collector.logs()) == 30


def test_a_collector_that_hangs_keeps_no_answer(sandbox_of: SandboxOf, collector: Collector) -> None:
    collector.hangs = True
    sandbox = sandbox_of("app.hello", THREAD)
    answers = [sandbox.invoke("you") for _ in range(4)]
    assert all(answer.body for answer in answers)
    assert sum(answer.total_s - answer.response_s >= PATIENCE_S * 0.9 for answer in answers) == 1


def test_the_extension_beside_it_takes_part_in_nothing(sandbox_of: SandboxOf) -> None:
    sandbox = sandbox_of("app.hello", THREAD)
    sandbox.start()
    registered = {extension.name: extension.events for extension in sandbox.api.extensions.values()}
    assert registered == {"coldlight": ["SHUTDOWN"], "coldlight-thread": ["INVOKE"]}


def test_an_error_of_the_platform_does_not_keep_later_invocations(
    sandbox_of: SandboxOf, collector: Collector
) -> None:
    sandbox = sandbox_of("app.hello", THREAD, timeout_s=8)
    sandbox.start()
    sandbox.api.failures = 1
    asked = [sandbox.invoke("you").request_id for _ in range(2)]
    assert list(sandbox.api.outcomes) == asked  # in one life of the sandbox: nobody's time was up
    assert len(collector.spans()) == 2


FORKS = """
import os
from coldlight_lambda import recorder

def handler(event, context):
    child = os.fork()
    if not child:
        span = recorder.start("in the child")
        os._exit(0 if span is None else 1)
    return os.waitpid(child, 0)[1]
"""


def test_a_process_that_the_function_forks_records_nothing(
    sandbox_of: SandboxOf, collector: Collector, tmp_path: Path
) -> None:
    (tmp_path / "forks.py").write_text(FORKS)
    sandbox = sandbox_of("forks.handler", THREAD, task_root=tmp_path)
    assert [sandbox.invoke().value for _ in range(2)] == [0, 0]
    assert len(collector.spans()) == 2


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch) -> Iterator[Api]:
    api = Api("orders", managed=True)
    monkeypatch.setenv("AWS_LAMBDA_RUNTIME_API", api.address)
    yield api
    api.close()


def test_where_no_thread_can_be_had_nobody_is_registered_whom_the_platform_would_wait_for(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    begin = threading.Thread.start

    def refuse(thread: threading.Thread) -> Any:
        if thread.name == "coldlight-shipper":
            raise RuntimeError("can't start new thread")
        begin(thread)

    monkeypatch.setattr(threading.Thread, "start", refuse)
    with pytest.raises(RuntimeError, match="new thread"):
        threads.start(Settings({"COLDLIGHT_ENDPOINT": "http://127.0.0.1:9"}), {})
    assert not api.extensions


def test_who_is_not_registered_says_why(api: Api) -> None:
    with pytest.raises(Refused, match="InvalidEventType"):
        threads.start(Settings({"COLDLIGHT_ENDPOINT": "http://127.0.0.1:9"}), {})
