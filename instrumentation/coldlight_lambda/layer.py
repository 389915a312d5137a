"""Puts the layer together in a function's process: settings, the way to the shipper, patches, and the handler."""

from __future__ import annotations

import importlib
import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    Handler = Callable[[Any, Any], Any]

_READY: dict[str, bool] = {}


def load_handler() -> Handler:
    """The function's own handler, recorded; or what the runtime would have made of it, had it been asked itself."""
    original = os.environ.get("COLDLIGHT_HANDLER") or os.environ.get("_COLDLIGHT_HANDLER", "")
    is_ready = _set_up()
    handler = _load(original)
    return _recorded(handler) if is_ready else handler


def wrapped(handler: Handler) -> Handler:
    """A handler, recorded if the layer can be set up."""
    return _recorded(handler) if _set_up() else handler


def _load(original: str) -> Handler:
    """By the runtime's own way, so that a handler that is missing or broken fails with the runtime's own words."""
    runtime = sys.modules.get("awslambdaric.bootstrap")
    if runtime is not None:
        loaded: Handler = runtime._get_handler(original)
        return loaded
    module, _, name = original.rpartition(".")
    found: Handler = getattr(importlib.import_module(module.replace("/", ".")), name)
    return found


def _set_up() -> bool:
    """Once a process. Whatever goes wrong here leaves the function alone."""
    if "is_ready" not in _READY:
        try:
            _READY["is_ready"] = _start()
        except Exception as error:  # noqa: BLE001 - the promise: nothing of ours ever breaks a function
            print(f"coldlight: the layer could not be set up, and records nothing: {error}", file=sys.stderr)
            _READY["is_ready"] = False
    return _READY["is_ready"]


def _start() -> bool:
    from coldlight_lambda import settings

    chosen = settings.read()
    for problem in chosen.problems:
        print(f"coldlight: {problem}", file=sys.stderr)
    if chosen.is_idle:
        return False
    from coldlight_lambda import errors, near_timeout, patches, payloads, recorder
    from coldlight_lambda.lines import Line
    from coldlight_lambda.resources import resource

    for part in (errors, near_timeout, payloads):
        part.set_up(chosen)
    recorder.sink = Line(chosen.port, resource())
    patches.install()
    return True


def _recorded(handler: Handler) -> Handler:
    try:
        from coldlight_lambda.bootstrap import wrap

        return wrap(handler)
    except Exception as error:  # noqa: BLE001 - as above
        print(f"coldlight: the handler could not be wrapped: {error}", file=sys.stderr)
        return handler
