"""Stacks as Python prints them, without our own frames and without secrets in the source lines (`masking.source`), which are read
as `traceback` reads them: nothing of the function runs."""

from __future__ import annotations

import os
from functools import lru_cache

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import FrameType, TracebackType

_PACKAGE = os.path.dirname(__file__) + os.sep
_FIRST, _LAST = 20, 80
"""Frames kept of a longer stack: a recursion without end has a thousand."""
_LONGEST_LINE = 1000


def of_traceback(trace: TracebackType | None) -> list[tuple[FrameType, int]]:
    """Where an exception came through, outermost first: frames with their line."""
    found = []
    while trace is not None:
        if not is_ours(trace.tb_frame):
            found.append((trace.tb_frame, trace.tb_lineno))
        trace = trace.tb_next
    return found


def of_frame(frame: FrameType | None) -> list[tuple[FrameType, int]]:
    """What is being run, outermost first: frames with their line."""
    found = []
    while frame is not None:
        if not is_ours(frame):
            found.append((frame, frame.f_lineno))
        frame = frame.f_back
    found.reverse()
    return found


def is_ours(frame: FrameType) -> bool:
    return frame.f_code.co_filename.startswith(_PACKAGE)


def lines(stack: list[tuple[FrameType, int]]) -> list[str]:
    """A stack in the words of `traceback.format_tb`, but for its marks under the source."""
    if len(stack) <= _FIRST + _LAST:
        return [_line(frame, number) for frame, number in stack]
    between = f"  ... {len(stack) - _FIRST - _LAST} frames ...\n"
    return [*lines(stack[:_FIRST]), between, *lines(stack[-_LAST:])]


def _line(frame: FrameType, number: int) -> str:
    import linecache  # the runtime has it

    code = frame.f_code
    source = linecache.getline(code.co_filename, number, frame.f_globals).strip()
    head = f'  File "{code.co_filename}", line {number}, in {code.co_name}\n'
    return f"{head}    {_masked(source)}\n" if source else head


@lru_cache(maxsize=1000)
def _masked(source: str) -> str:
    """Threads of a pool wait at the same lines, and little time is left when they are asked (`near_timeout`)."""
    from coldlight_lambda import masking

    return masking.source(source[:_LONGEST_LINE])
