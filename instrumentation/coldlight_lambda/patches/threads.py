"""Threads, and thread pools, go on in the span that started them.

Only our own variable is carried: a thread's context is otherwise what it would be without us.
"""

from __future__ import annotations

from coldlight_lambda import recorder
from coldlight_lambda.patches import replace
from coldlight_lambda.recorder import contained

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from coldlight_lambda.spans import Span

_SPAN = "_coldlight_span"


def patch(module: Any) -> None:
    """`threading`, and `concurrent.futures.thread`, whose workers serve one invocation after the other."""
    if hasattr(module, "ThreadPoolExecutor"):
        replace(module.ThreadPoolExecutor, "submit", _submitting)
    else:
        replace(module.Thread, "start", _starting)
        # Around what catches a thread's exception, so that we are not in the stack that it prints.
        replace(module.Thread, "_bootstrap_inner", _running)


def _starting(original: Any) -> Any:
    def start(self: Any) -> Any:
        span = contained(recorder.innermost)
        if span is not None and not contained(_is_ours, self):
            contained(setattr, self, _SPAN, span)
        return original(self)

    return start


def _is_ours(thread: Any) -> bool:
    """A thread of the layer itself, which works for no invocation in particular."""
    work = getattr(thread, "_target", None) or getattr(thread, "function", None) or type(thread)
    return str(getattr(work, "__module__", "")).startswith("coldlight_lambda")


def _running(original: Any) -> Any:
    def run(self: Any) -> Any:
        span = self.__dict__.pop(_SPAN, None)
        if span is not None:
            contained(_enter, self, span)
        return original(self)

    return run


def _enter(thread: Any, span: Span) -> None:
    """From Python 3.14 on, a thread runs in a context of its own (`Thread(context=...)`), which `start` has made."""
    context = getattr(thread, "_context", None)
    if context is None:
        recorder.enter(span)
    else:
        context.run(recorder.enter, span)


def _submitting(original: Any) -> Any:
    def submit(*args: Any, **kwargs: Any) -> Any:
        span = contained(recorder.innermost)
        if span is None or len(args) < 2:
            return original(*args, **kwargs)
        return original(args[0], contained(_inside, span, args[1]) or args[1], *args[2:], **kwargs)

    return submit


def _inside(span: Any, work: Any) -> Any:
    def carried(*args: Any, **kwargs: Any) -> Any:
        token = contained(recorder.enter, span)
        try:
            return work(*args, **kwargs)
        finally:
            if token is not None:
                contained(recorder.leave, token)

    return carried
