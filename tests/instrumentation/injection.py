"""Failures of the recorder, injected: which of its functions a piece of the function's code sets to work, and each of them raising.

A hook is a function of the layer that another one of its functions calls. What stands in the place of the function's own code
(a wrapped handler, a patched method) is none: it has to bear the failures of the hooks.
"""

from __future__ import annotations

import gc
import re
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import copy_context
from functools import cache
from pathlib import Path
from types import CodeType, FrameType, FunctionType
from typing import Any, NamedTuple

import coldlight_lambda
from coldlight_lambda import recorder
from coldlight_lambda.contexts import current

PACKAGE = Path(coldlight_lambda.__file__).parent
ERRORS = ("RuntimeError", "MemoryError", "RecursionError")
GUARDS = {
    "recorder.py": {"contained"},
    "layer.py": {"load_handler", "_set_up", "_load", "_recorded", "as_its_own"},
    "log.py": {"tell"},
    "patches/__init__.py": {"_apply"},
    "patches/calls.py": {"_begun", "_over"},
    "patches/opentelemetry_spans.py": {"__init__", "start_span", "is_recording", "set_attributes"},
}
"""What contains the others, or is the API that the function's code itself calls, in a few lines that leave nothing to fail."""
_ITS_OWN = {"original", "handler", "work", "__class__"}
"""What a function is closed over that goes on to the function's own code: the name of that, or the class below itself."""


class Hook(NamedTuple):
    """`functions` run the same code: several, where another function has made them."""

    code: CodeType
    functions: list[FunctionType]

    def __str__(self) -> str:
        place = Path(self.code.co_filename).relative_to(PACKAGE)
        return f"{place}:{self.code.co_firstlineno} {self.code.co_name}"


def hooks_of(work: Callable[[], Any]) -> list[Hook]:
    """The hooks that are called while `work` runs, in all threads that it starts, sorted by their place."""
    seen: set[CodeType] = set()

    def see(frame: FrameType, event: str, _: Any) -> None:
        if event == "call" and _is_ours(frame) and _is_ours(frame.f_back):
            seen.add(frame.f_code)

    threading.setprofile(see)
    sys.setprofile(see)
    try:
        outcome(work)
    finally:
        sys.setprofile(None)
        threading.setprofile(None)
    return _with_functions(
        sorted(filter(_may_fail, seen), key=lambda code: (code.co_filename, code.co_firstlineno))
    )


def _is_ours(frame: FrameType | None) -> bool:
    return frame is not None and frame.f_code.co_filename.startswith(str(PACKAGE))


def _may_fail(code: CodeType) -> bool:
    place = Path(code.co_filename).relative_to(PACKAGE).as_posix()
    return code.co_name not in GUARDS.get(place, ()) and not _ITS_OWN.intersection(code.co_freevars)


def _with_functions(codes: list[CodeType]) -> list[Hook]:
    """Modules, and what else runs once and leaves no function behind, are left out."""
    unknown: dict[CodeType, list[FunctionType]] = {code: [] for code in codes if code not in _functions}
    for candidate in gc.get_objects() if unknown else ():
        if type(candidate) is FunctionType and candidate.__code__ in unknown:
            unknown[candidate.__code__].append(candidate)
    _functions.update({code: found for code, found in unknown.items() if not code.co_freevars})
    found = {code: _functions[code] if code in _functions else unknown[code] for code in codes}
    return [Hook(code, functions) for code, functions in found.items() if functions]


_functions: dict[CodeType, list[FunctionType]] = {}
"""Of code that no other function makes functions of, again and again: to look for them costs a tenth of a second."""


@contextmanager
def broken(hook: Hook, statement: str) -> Iterator[None]:
    """The hook does this instead whenever it is called, whoever has a reference to it."""
    for function in hook.functions:
        function.__code__ = _doing(statement, len(hook.code.co_freevars))
    try:
        yield
    finally:
        for function in hook.functions:
            function.__code__ = hook.code


@cache
def _doing(statement: str, free: int) -> CodeType:
    """Code that does this, closed over as many names as the code in whose place it comes."""
    names = ", ".join(f"n{number}" for number in range(free))
    source = f"""
def make({names}):
    def fail(*_, **__):
        [{names}]
        {statement}
    return fail
"""
    namespace: dict[str, Any] = {}
    exec(source, namespace)  # noqa: S102 - the source is ours
    code: CodeType = namespace["make"](*range(free)).__code__
    return code


def outcome(work: Callable[[], Any]) -> Any:
    """What comes of it, to be compared: what it gives, or what it raises."""
    try:
        return "gave", work()
    except BaseException as error:  # noqa: BLE001 - whatever a function may raise
        return "raised", type(error), _ADDRESS.sub("0x", str(error))


_ADDRESS = re.compile("0x[0-9a-f]+")


def as_it_is(work: Callable[[], Any]) -> Any:
    return work()


def harm(
    work: Callable[[], Any], invoke: Callable[[Callable[[], Any]], Any] = as_it_is, under: str = ""
) -> list[str]:
    """What failing hooks change of `work`, which `invoke` runs in an invocation. It is empty if all is well.

    `under` is a folder of the layer: only hooks there fail.
    """
    expected = outcome(lambda: invoke(work))
    hooks: list[Hook] = []
    invoke(lambda: hooks.extend(hooks_of(work)))
    hooks = [hook for hook in hooks if str(hook).startswith(under)]
    assert hooks, "no function of the recorder was called"
    harmed = [
        told
        for number, hook in enumerate(hooks)
        for told in _harm_by(hook, ERRORS[number % len(ERRORS)], work, invoke, expected)
    ]
    recorder._told.clear()
    return harmed


def _harm_by(
    hook: Hook, error: str, work: Callable[[], Any], invoke: Callable[[Callable[[], Any]], Any], expected: Any
) -> Iterator[str]:
    def fails() -> Any:
        with broken(hook, f'raise {error}("injected")'):
            return work()

    around = copy_context()
    seen = around.run(outcome, lambda: invoke(fails))
    if seen != expected:
        yield f"{hook} raises {error}: {seen} instead of {expected}"
    if invoke is not as_it_is and around.get(current) is not None:
        yield f"{hook} raises {error}: a span is left behind as the current one"
