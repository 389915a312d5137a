"""What the caller of a function gets is the same with the layer and without it, to the byte."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.instrumentation.lambda_api.collectors import Collector
from tests.instrumentation.lambda_api.sandbox import Answer, Sandbox
from tests.otlp import attributes

SandboxOf = Callable[..., Sandbox]
REQUEST_ID = "8476a536-e9f4-11e8-9739-2dfe598c3fcd"


def answers(sandbox_of: SandboxOf, handler: str, event: Any, **how: Any) -> tuple[Answer, Answer]:
    """Without the layer, and with it."""
    bare = sandbox_of(handler, layer=False, **how).invoke(event, REQUEST_ID)
    return bare, sandbox_of(handler, **how).invoke(event, REQUEST_ID)


@pytest.mark.parametrize("shipper", ["extension", "thread"])
def test_answers_and_errors_with_their_stacks(sandbox_of: SandboxOf, shipper: str) -> None:
    bare = sandbox_of("app.any_of_them", layer=False)
    layered = sandbox_of("app.any_of_them", {"COLDLIGHT_SHIPPER": shipper})
    for call in [
        ("hello", "you"),
        ("echo", {"deep": [1, 2.5, None, "\u00e9\U0001f600"]}),
        ("environment", None),
        ("instance", 1),
        ("in_a_loop", None),
        ("large", 3_000_000),
        ("broken", "order 1"),
        ("no_json", None),
        ("missing", None),
    ]:
        expected, given = bare.invoke(call, REQUEST_ID), layered.invoke(call, REQUEST_ID)
        assert (given.is_error, given.body) == (expected.is_error, expected.body)


@pytest.mark.parametrize("handler", ["app.instance", "app.leaves", "app.drops_dead"])
def test_callables_and_exits(sandbox_of: SandboxOf, handler: str) -> None:
    bare, layered = answers(sandbox_of, handler, "order 1")
    assert layered.body == bare.body


@pytest.mark.parametrize(
    "handler", ["app.missing", "nowhere.handler", "needs_more.handler", "nodot", "fails_at_import.handler"]
)
def test_a_handler_that_cannot_be_loaded_fails_with_the_runtimes_own_words(
    sandbox_of: SandboxOf, handler: str
) -> None:
    bare, layered = answers(sandbox_of, handler, None)
    assert bare.is_error
    assert bare.value["errorType"]
    assert layered.body == bare.body


def test_a_handler_that_is_no_python_fails_with_the_runtimes_own_words(
    sandbox_of: SandboxOf, tmp_path: Path
) -> None:
    (tmp_path / "no_python.py").write_text("def handler(event, context)\n    return event\n")
    bare, layered = answers(sandbox_of, "no_python.handler", None, task_root=tmp_path)
    assert bare.value["errorType"] == "Runtime.UserCodeSyntaxError"
    assert layered.body == bare.body


def test_the_handler_may_be_named_in_the_settings_instead_of_the_wrapper(
    sandbox_of: SandboxOf, collector: Collector
) -> None:
    bare = sandbox_of("app.broken", layer=False).invoke("x", REQUEST_ID)
    redirected = sandbox_of("coldlight_lambda.handler", {"COLDLIGHT_HANDLER": "app.broken"}, wrapper=False)
    assert redirected.invoke("x", REQUEST_ID).body == bare.body
    [own] = collector.spans()
    assert attributes(own)["error.type"] == "ValueError"


def test_a_decorated_handler_is_recorded_once_even_with_the_wrapper(
    sandbox_of: SandboxOf, collector: Collector, tmp_path: Path
) -> None:
    (tmp_path / "decorated.py").write_text(
        "import coldlight_lambda\n@coldlight_lambda.traced\ndef handler(event, context):\n    return {}[event]\n"
    )
    bare = sandbox_of("decorated.handler", {"COLDLIGHT_DISABLED": "1"}, task_root=tmp_path).invoke(
        "x", REQUEST_ID
    )
    for wrapper in (False, True):
        sandbox = sandbox_of("decorated.handler", task_root=tmp_path, wrapper=wrapper)
        assert sandbox.invoke("x", REQUEST_ID).body == bare.body
    assert len(collector.spans()) == 2


@pytest.mark.parametrize(
    "environment",
    [
        {"COLDLIGHT_DISABLED": "true"},
        {"COLDLIGHT_DISABLED": "perhaps"},
        {"COLDLIGHT_ENDPOINT": ""},
        {"COLDLIGHT_ENDPOINT": "ftp://nowhere"},
        {"COLDLIGHT_ENDPOINT": "http://:80:/"},
        {"COLDLIGHT_PORT": "many", "COLDLIGHT_PAYLOADS": "perhaps", "COLDLIGHT_LOGS": "?"},
    ],
)
def test_wrong_settings_change_nothing_and_end_nothing(
    sandbox_of: SandboxOf, environment: dict[str, str]
) -> None:
    bare = sandbox_of("app.broken", layer=False).invoke("x", REQUEST_ID)
    sandbox = sandbox_of("app.broken", environment)
    assert [sandbox.invoke("x", REQUEST_ID).body for _ in range(2)] == [bare.body] * 2
    assert sandbox.deaths == []
    told = [line for line in sandbox.logged + sandbox.printed if line.startswith("coldlight:")]
    assert len(told) == (0 if environment.get("COLDLIGHT_DISABLED") == "true" else 1)


def test_a_port_that_is_taken_leaves_the_function_alone(sandbox_of: SandboxOf, collector: Collector) -> None:
    taken = collector.url.rpartition(":")[2]
    sandbox = sandbox_of("app.hello", {"COLDLIGHT_PORT": taken})
    assert not sandbox.invoke("you").is_error
    assert any("could not start" in line for line in sandbox.printed)


def test_the_functions_code_sees_its_own_handlers_name(sandbox_of: SandboxOf) -> None:
    assert sandbox_of("app.environment").invoke(None).value == {"_HANDLER": "app.environment", "path": False}
