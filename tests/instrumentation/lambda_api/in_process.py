"""Every handler in one process of any Python that Lambda offers: `bare`, or recorded by the `layer`. Prints what came of each, as JSON.

The runtime client is not there for all of them; what it does with a handler's stack is done here. Recorded, the first handlers are
run once more for each of the recorder's hooks that fails, too.
"""

from __future__ import annotations

import importlib
import json
import re
import sys
import traceback
from types import SimpleNamespace
from typing import Any

NOT_HERE = ("app.hungry", "app.drops_dead", "spans.dies", "failures.aborts", "manners.forgets_modules")
"""They take the process along."""
HARMED = ("app.echo", "app.broken", "store.payments.handler")
CONTEXT = SimpleNamespace(
    aws_request_id="request-1",
    function_name="orders",
    invoked_function_arn="arn:aws:lambda:eu-west-1:123456789012:function:orders",
    get_remaining_time_in_millis=lambda: 60_000,
)
EVENT = {"order": 1}


def outcome(handler: Any) -> Any:
    """What it gives; or what it raises, with its stack: of frames that come again and again, one."""
    try:
        return re.sub("0x[0-9a-f]+", "0x", repr(handler(dict(EVENT), CONTEXT)))[:1000]
    except BaseException:  # noqa: BLE001 - whatever a function may raise
        kind, error, trace = sys.exc_info()
        stack = [(frame.filename, frame.name) for frame in traceback.extract_tb(trace)[1:]]
        while stack and stack[0][0].endswith("/bootstrap.py"):  # as AWS's runtime client does
            del stack[0]
        return str(kind), _text(error), list(dict.fromkeys(stack))


def _text(error: Any) -> str:
    try:
        return str(error).encode("utf-8", "replace").decode()[:1000]
    except TypeError:
        return "<mute>"


def loaded(name: str) -> Any:
    module, _, function = name.rpartition(".")
    try:
        return getattr(importlib.import_module(module.replace("/", ".")), function)
    except (ImportError, AttributeError) as error:
        return f"{type(error).__name__}: {error}"


def harmed(handlers: dict[str, Any]) -> list[str]:
    from tests.instrumentation.injection import harm

    return [told for name in HARMED for told in harm(lambda name=name: outcome(handlers[name]))]  # type: ignore[misc]


def recorded(handler: Any) -> Any:
    """As `coldlight_lambda.handler` would be, but for what cannot be asked whether it is recorded already."""
    from coldlight_lambda import layer

    return layer._recorded(handler)


def main(way: str, names: list[str]) -> None:
    handlers = {name.replace("/", "."): loaded(name) for name in names if name not in NOT_HERE}
    if way == "layer":
        from coldlight_lambda import errors, near_timeout, patches, payloads, recorder
        from coldlight_lambda.settings import Settings

        chosen = Settings({"COLDLIGHT_ENDPOINT": "http://127.0.0.1:9", "COLDLIGHT_PAYLOADS": "on"})
        for part in (errors, near_timeout, payloads):
            part.set_up(chosen)
        recorder.sink = SimpleNamespace(send=lambda *_: None)
        patches.install()
        handlers = {name: recorded(handler) for name, handler in handlers.items()}
    outcomes = {name: outcome(handler) for name, handler in handlers.items()}
    print(json.dumps({"outcomes": outcomes, "harmed": harmed(handlers) if way == "layer" else []}))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
