"""Whatever breaks in the recorder, a function's answers, errors and calls are the same.

The hooks are found by running a function: see `injection`.
"""

import importlib
import json
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from tests.instrumentation import samples
from tests.instrumentation.injection import harm, hooks_of
from tests.instrumentation.lambda_api.functions import HANDLERS
from tests.instrumentation.recordings import Recording

import coldlight_lambda
from coldlight_lambda import bootstrap, errors, layer, near_timeout, patches, payloads, recorder
from coldlight_lambda.lines import Line
from coldlight_lambda.settings import Settings

EVERYTHING = Settings(
    {
        "COLDLIGHT_ENDPOINT": "http://127.0.0.1:9",
        "COLDLIGHT_PAYLOADS": "on",
        "COLDLIGHT_LOCALS": "true",
        "COLDLIGHT_MASK_KEYS": "iban",
    }
)

WRONG_SETTINGS = {
    "COLDLIGHT_ENDPOINT": "http://127.0.0.1:9",
    "COLDLIGHT_PORT": "9",
    "COLDLIGHT_PAYLOADS": "some",
}


@pytest.fixture
def line() -> Iterator[None]:
    """The recorder, with all that it can be asked for, on a real line to somebody who reads."""
    parts = (errors, near_timeout, payloads)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=_read, args=(listener,), daemon=True).start()
        for part in parts:
            part.set_up(EVERYTHING)
        recorder.sink = Line(listener.getsockname()[1], {})
        yield
        recorder.sink = None
        for part in parts:
            part.set_up(Settings({"COLDLIGHT_PAYLOADS": "off"}))


def _read(listener: socket.socket) -> None:
    connection, _ = listener.accept()
    with connection:
        while connection.recv(1 << 20):
            pass


def context(remaining_ms: int = 60_000) -> Any:
    return SimpleNamespace(
        aws_request_id="request-1",
        function_name="orders",
        invoked_function_arn="arn:aws:lambda:eu-west-1:123456789012:function:orders",
        client_context=SimpleNamespace(custom={"traceparent": samples.FIRST_HEADER}),
        get_remaining_time_in_millis=lambda: remaining_ms,
    )


def invocation(handler: Callable[[Any, Any], Any], event: Any) -> Callable[[], Any]:
    return lambda: bootstrap.wrap(handler)(json.loads(json.dumps(event)), context())


def answers(event: Any, _: Any) -> Any:
    return {"statusCode": 500, "body": json.dumps(event), "iban": "DE02", "password": "hunter2"}


def fails(event: Any, _: Any) -> Any:
    secret = {"password": "hunter2", "card": "4111 1111 1111 1111"}
    try:
        return {"order": 7}[str(event)[:10]]
    except KeyError as error:
        raise ValueError(f"no order for {len(secret)}") from error


def leaves(event: Any, _: Any) -> Any:
    raise SystemExit(3)


@pytest.mark.usefixtures("line")
@pytest.mark.parametrize("handler", [answers, fails, leaves])
def test_of_a_handler(handler: Callable[[Any, Any], Any]) -> None:
    work = invocation(handler, samples.sample("apigateway-rest"))
    assert len(hooks_of(work)) > 30
    assert harm(work) == []


@pytest.mark.usefixtures("recorded", "line")
@pytest.mark.parametrize("name", ["app.echo", "needs_more.handler"])
def test_of_the_layer_when_it_loads_a_handler(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(HANDLERS)
    monkeypatch.setattr(layer, "_READY", {})
    for variable, text in {**WRONG_SETTINGS, "COLDLIGHT_HANDLER": name}.items():
        monkeypatch.setenv(variable, text)

    def work() -> Any:
        layer._READY.clear()
        return coldlight_lambda.handler({"order": 7}, context())

    assert len(hooks_of(work)) > 20
    assert harm(work) == []


@pytest.mark.usefixtures("line")
@pytest.mark.parametrize("name", samples.NAMES)
def test_of_a_trigger(name: str) -> None:
    assert harm(invocation(answers, samples.sample(name)), under="triggers/") == []


def test_a_hook_that_nobody_contains_would_be_found(recorded: Recording) -> None:
    def asks_the_recorder_itself() -> None:
        recorder.start("step")

    found = harm(asks_the_recorder_itself, recorded.invoke)
    assert any("recorder.py" in each and "below raises" in each for each in found)


def test_a_library_that_is_imported(
    recorded: Recording, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "warehouse.py").write_text("def stock():\n    return 1\n")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setitem(patches.PATCHES, "warehouse", "warehouse")
    patch = SimpleNamespace(
        patch=lambda module: patches.replace(module, "stock", lambda original: lambda: original())
    )
    monkeypatch.setitem(sys.modules, "coldlight_lambda.patches.warehouse", patch)

    def work() -> Any:
        sys.modules.pop("warehouse", None)
        return importlib.import_module("warehouse").stock()

    assert harm(work, recorded.invoke) == []
    sys.modules.pop("warehouse", None)
