"""Puts the layer together in a function's process: settings, the way to the shipper, patches, and the handler."""

from __future__ import annotations

import importlib
import os
import sys

from coldlight_lambda.log import tell

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from coldlight_lambda.settings import Settings

    Handler = Callable[[Any, Any], Any]

REDIRECT = "coldlight_lambda.handler"
_READY: dict[str, bool] = {}


def load_handler() -> Handler:
    """The function's own handler, recorded; or what the runtime would have made of it, had it been asked itself."""
    # The wrapper knows best: it has seen what the function is set to now.
    original = os.environ.get("_COLDLIGHT_HANDLER") or os.environ.get("COLDLIGHT_HANDLER", "")
    if original and os.environ.get("_HANDLER") == REDIRECT:
        os.environ["_HANDLER"] = original  # as the function's code would find it
    is_ready = _set_up()
    handler = _load(original)
    return _recorded(handler) if is_ready else handler


def wrapped(handler: Handler) -> Handler:
    """A handler, recorded if the layer can be set up."""
    return _recorded(handler) if _set_up() else handler


def as_its_own(error: BaseException) -> BaseException:
    """What went wrong while a handler was loaded, as the runtime would have met it without us.

    The runtime takes an AttributeError that comes out of asking for a handler as one that is missing. When it comes
    out of the function's own code it must stay what it is, so it goes by under its name, but not its class.
    """
    try:
        from coldlight_lambda.bootstrap import hide_our_frames

        hide_our_frames(error)
    except Exception as failure:  # noqa: BLE001 - the promise: nothing of ours ever breaks a function
        tell(f"frames of the layer are left in a stack: {failure}")
    if isinstance(error, AttributeError):
        its_name: type[Exception] = type(type(error).__name__, (Exception,), {})
        return its_name(str(error)).with_traceback(error.__traceback__)
    return error


def _load(original: str) -> Handler:
    """By the runtime's own way, so that a handler that is missing or broken fails with the runtime's own words."""
    runtime = sys.modules.get("awslambdaric.bootstrap")
    find: Callable[[str], Handler] | None = getattr(runtime, "_get_handler", None)
    if find is not None:
        return find(original)
    tell("this runtime loads handlers in a way that is not known: the handler is imported by its name")
    module, _, name = original.rpartition(".")
    found: Handler = getattr(importlib.import_module(module.replace("/", ".")), name)
    return found


def _set_up() -> bool:
    """Once a process. Whatever goes wrong here leaves the function alone."""
    if "is_ready" not in _READY:
        try:
            _READY["is_ready"] = _start()
        except Exception as error:  # noqa: BLE001 - as above
            tell(f"the layer could not be set up, and records nothing: {error}")
            _READY["is_ready"] = False
    return _READY["is_ready"]


def _start() -> bool:
    from coldlight_lambda import settings

    chosen = settings.read()
    if chosen.problems and not _has_extension():
        tell("; ".join(chosen.problems))
    if chosen.is_idle:
        return False
    from coldlight_lambda import errors, near_timeout, patches, payloads, recorder

    for part in (errors, near_timeout, payloads):
        part.set_up(chosen)
    recorder.sink = _sink(chosen)
    patches.install()
    return True


def _has_extension() -> bool:
    """Whether the layer's extension is beside us, which tells what is wrong with the settings: once a sandbox, with a recorder or without."""
    opt = os.path.dirname(os.path.dirname(os.path.dirname(__file__)))
    return os.path.exists(f"{opt}/extensions/coldlight")


def _sink(chosen: Settings) -> Any:
    from coldlight_lambda import settings
    from coldlight_lambda.resources import resource

    if chosen.shipper == settings.THREAD:
        from coldlight_lambda.shipper import threads

        return threads.start(chosen, resource())
    from coldlight_lambda.lines import Line

    return Line(chosen.port, resource())


def _recorded(handler: Handler) -> Handler:
    try:
        from coldlight_lambda.bootstrap import wrap

        return wrap(handler)
    except Exception as error:  # noqa: BLE001 - as above
        tell(f"the handler could not be wrapped: {error}")
        return handler
