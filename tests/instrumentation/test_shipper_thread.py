"""The shipper as a thread of the function's process, for images and packages without the extension."""

from collections.abc import Callable

from tests.instrumentation.lambda_api.collectors import Collector
from tests.instrumentation.lambda_api.sandbox import Sandbox
from tests.otlp import attributes

from coldlight_lambda.shipper.cycle import PATIENCE_S

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
