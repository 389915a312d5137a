"""The corpus: a few small inputs for each target that together reach all that was ever reached."""

import hashlib
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import FrameType
from typing import Any

from fuzz.targets import TARGETS, Target

CORPUS = Path(__file__).with_name("corpus")

_Step = tuple[str, int, int]
"""A file, and two lines of it that ran one after the other."""


def inputs_of(target: str) -> list[bytes]:
    """The inputs that are kept for a target."""
    return [file.read_bytes() for file in sorted((CORPUS / target).iterdir())]


def keep(target: str, inputs: Iterable[bytes]) -> int:
    """Keeps those inputs for a target, the smallest first, that reach what no smaller one does. Gives their number."""
    folder = CORPUS / target
    kept = {hashlib.sha256(data).hexdigest()[:16]: data for data in _telling(TARGETS[target], inputs)}
    folder.mkdir(parents=True, exist_ok=True)
    for name, data in kept.items():
        (folder / name).write_bytes(data)
    for file in folder.iterdir():
        if file.name not in kept:
            file.unlink()
    return len(kept)


def _telling(target: Target, inputs: Iterable[bytes]) -> Iterator[bytes]:
    seen: set[_Step] = set()
    for data in sorted(set(inputs), key=lambda data: (len(data), data)):
        steps = _steps(target, data)
        if not steps <= seen:
            seen |= steps
            yield data


def _steps(target: Target, data: bytes) -> set[_Step]:
    """The steps inside Coldlight that a target takes with some data."""
    steps: set[_Step] = set()

    def trace(frame: FrameType, _event: str, _: Any) -> Any:
        file = frame.f_code.co_filename
        if "coldlight_" not in file:
            return None
        line = frame.f_lineno

        def follow(frame: FrameType, event: str, _: Any) -> Any:
            nonlocal line
            if event == "line":
                steps.add((file, line, frame.f_lineno))
                line = frame.f_lineno
            return follow

        return follow

    sys.settrace(trace)
    try:
        target(data)
    finally:
        sys.settrace(None)
    return steps
