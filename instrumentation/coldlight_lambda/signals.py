"""What the function's handlers of signals raise. Loaded only once something was raised in us.

Python runs the handler of a signal between any two instructions of the main thread, ours too. What it raises is for the function: one
that gives a call two seconds, by SIGALRM and an exception, would wait for ever if we took that for a failure of ours.
"""

from __future__ import annotations

import signal
from types import CodeType

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def have_raised(error: BaseException) -> bool:
    """Whether this comes out of a handler that is set for a signal: then that is in its stack."""
    codes, trace = set(), error.__traceback__
    while trace is not None:
        codes.add(trace.tb_frame.f_code)
        trace = trace.tb_next
    return any(_code(signal.getsignal(number)) in codes for number in signal.valid_signals())


def _code(handler: Any) -> CodeType | None:
    """Of a function, a method, a partial, or an object that can be called; None of what is not written in Python."""
    inner = getattr(handler, "func", handler)
    for candidate in (inner, type(inner).__call__):
        code = getattr(candidate, "__code__", None)  # a method has its function's
        if type(code) is CodeType:
            return code
    return None
