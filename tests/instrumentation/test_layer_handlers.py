"""The ways in which a handler is found, and what is said of it."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.instrumentation.lambda_api.collectors import Collector
from tests.instrumentation.lambda_api.sandbox import Sandbox
from tests.otlp import attributes

from coldlight_lambda import layer

SandboxOf = Callable[..., Sandbox]
DECORATED = "import coldlight_lambda\n@coldlight_lambda.traced\n"
HANDLER = "def handler(event, context):\n    return [__name__, event]\n"


def told(sandbox: Sandbox) -> list[str]:
    return [line for line in sandbox.logged + sandbox.printed if line.startswith("coldlight:")]


@pytest.mark.parametrize("handler", ["shop.orders.handler", "shop/payments.handler"])
def test_several_handlers_of_one_package_are_functions_of_their_own(
    sandbox_of: SandboxOf, collector: Collector, tmp_path: Path, handler: str
) -> None:
    (tmp_path / "shop").mkdir()
    (tmp_path / "shop" / "__init__.py").write_text("from shop import orders, payments\n")
    (tmp_path / "shop" / "orders.py").write_text("from . import payments\n" + HANDLER)
    (tmp_path / "shop" / "payments.py").write_text(HANDLER)
    name = handler.rpartition(".")[0].replace("/", ".")
    assert sandbox_of(handler, task_root=tmp_path).invoke(1).value == [name, 1]
    assert len(collector.spans()) == 1


def test_a_handler_that_reloads_its_module_is_recorded_as_ever(
    sandbox_of: SandboxOf, collector: Collector, tmp_path: Path
) -> None:
    (tmp_path / "settings.py").write_text("COUNT = globals().get('COUNT', 0) + 1\n")
    (tmp_path / "reloads.py").write_text(
        "import importlib, sys, settings\n"
        "def handler(event, context):\n"
        "    importlib.reload(sys.modules[__name__])\n"
        "    return importlib.reload(settings).COUNT\n"
    )
    sandbox = sandbox_of("reloads.handler", task_root=tmp_path)
    assert [sandbox.invoke(None).value for _ in range(3)] == [2, 3, 4]
    sandbox.shutdown()
    assert len(collector.spans()) == 3
    assert told(sandbox) == []


def test_a_result_that_is_no_json_fails_the_invocation_as_its_caller_is_told(
    sandbox_of: SandboxOf, collector: Collector
) -> None:
    answer = sandbox_of("app.no_json").invoke({"password": "hunter2", "order": 7})
    [span] = collector.spans()
    found = attributes(span)
    assert answer.value["errorType"] == found["error.type"] == "Runtime.MarshalError"
    assert answer.value["errorMessage"] == span.status.message
    assert [event.name for event in span.events] == ["exception"]
    assert found["coldlight.payload.request"] == '{"password":"***","order":7}'
    assert found["coldlight.payload.response"] == '"<object>"'


def test_a_runtime_that_loads_handlers_in_another_way_runs_the_function_with_one_line_told(
    sandbox_of: SandboxOf, collector: Collector, tmp_path: Path
) -> None:
    (tmp_path / "app.py").write_text(HANDLER)
    (tmp_path / "sitecustomize.py").write_text(
        "import awslambdaric.bootstrap as runtime\n"
        "runtime.load = runtime.__dict__.pop('_get_handler')\n"
        "code = runtime.run.__code__\n"
        "runtime.run.__code__ = code.replace(\n"
        "    co_names=tuple('load' if name == '_get_handler' else name for name in code.co_names)\n"
        ")\n"
    )
    sandbox = sandbox_of("app.handler", {"PYTHONPATH": str(tmp_path)}, task_root=tmp_path)
    assert sandbox.invoke(1).value == ["app", 1]
    assert len(collector.spans()) == 1
    assert [line.partition(":")[2].strip() for line in told(sandbox)] == [
        "this runtime loads handlers in a way that is not known: the handler is imported by its name"
    ]


@pytest.mark.parametrize("wrong", [{"COLDLIGHT_ENDPOINT": ""}, {"COLDLIGHT_LOGS": "perhaps"}])
@pytest.mark.parametrize("ways", ["decorator", "redirect, decorator", "wrapper, redirect, decorator"])
def test_what_is_wrong_with_the_settings_is_told_once_whichever_way_the_handler_is_found(
    sandbox_of: SandboxOf, tmp_path: Path, ways: str, wrong: dict[str, str]
) -> None:
    (tmp_path / "shop.py").write_text(DECORATED + HANDLER)
    handler, redirected = "shop.handler", {}
    if "redirect" in ways:
        handler, redirected = "coldlight_lambda.handler", {"COLDLIGHT_HANDLER": "shop.handler"}
    sandbox = sandbox_of(handler, {**wrong, **redirected}, wrapper="wrapper" in ways, task_root=tmp_path)
    assert sandbox.invoke(1).value == ["shop", 1]
    assert len(told(sandbox)) == 1


def test_without_the_extension_the_recorder_tells_what_is_wrong() -> None:
    script = "import coldlight_lambda; print([coldlight_lambda.traced(int)('7') for _ in range(2)])"
    folder = str(Path(layer.__file__).parents[1])
    done = subprocess.run(
        [sys.executable, "-S", "-c", script],
        capture_output=True,
        text=True,
        check=True,
        env={"PYTHONPATH": folder},
    )
    assert done.stdout == "[7, 7]\n"
    assert done.stderr.startswith("coldlight: COLDLIGHT_ENDPOINT is not set")
    assert done.stderr.count("\n") == 1
