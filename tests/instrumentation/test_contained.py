"""Whatever is raised in the recorder stays there."""

import sys
import traceback
from types import SimpleNamespace
from typing import Any

import pytest
from tests.instrumentation.recordings import Recording

from coldlight_lambda import bootstrap, recorder


class Unheard(BaseException):
    """None of Python's own."""


class Closed:
    """A log that nobody can write to."""

    def write(self, text: str) -> int:
        raise ValueError("I/O operation on closed file")

    def flush(self) -> None:
        raise ValueError("I/O operation on closed file")


def fail(error: BaseException) -> None:
    raise error


@pytest.mark.parametrize(
    "error", [RuntimeError(), RecursionError(), MemoryError(), Unheard(), GeneratorExit()]
)
def test_what_is_raised_is_told_and_gone(error: BaseException, capsys: pytest.CaptureFixture[str]) -> None:
    recorder._told.clear()
    assert recorder.contained(fail, error) is None
    assert capsys.readouterr().err == (
        f"coldlight: a part of the recorder failed and was skipped: fail: {type(error).__name__}: \n"
    )


@pytest.mark.parametrize("error", [KeyboardInterrupt(), SystemExit(3)])
def test_an_end_that_the_function_asked_for_goes_on(error: BaseException) -> None:
    """A signal's handler may run anywhere, in the recorder, too."""
    with pytest.raises(type(error)):
        recorder.contained(fail, error)


def test_a_log_that_cannot_be_written_to_is_no_harm(monkeypatch: pytest.MonkeyPatch) -> None:
    recorder._told.clear()
    monkeypatch.setattr(sys, "stderr", Closed())
    assert recorder.contained(fail, RuntimeError()) is None


def test_a_stack_that_is_nearly_full_is_no_harm(recorded: Recording) -> None:
    """At each depth up to the last, the recorder is the one that has no room."""
    limit = sys.getrecursionlimit()

    def down(left: int) -> int:
        return down(left - 1) if left else recorder.contained(recorder.start, "GET", 3) is None

    def handler() -> int:
        reached = 0
        for depth in range(limit - 200, limit):
            try:
                down(depth)
            except RecursionError as error:
                frames = [frame.name for frame in traceback.extract_tb(error.__traceback__)]
                assert frames[-1] in ("down", "contained")
                break
            reached += 1
        return reached

    assert recorded.invoke(handler) > 0


def test_the_stack_of_an_error_is_kept_when_our_own_frames_cannot_be_left_out(
    recorded: Recording, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The runtime leaves them out in front, for their file is named as its own is."""

    def broken(*_: Any) -> Any:
        raise RuntimeError

    def handler(event: Any, context: Any) -> Any:
        return {}[event]

    monkeypatch.setattr(bootstrap, "without_our_frames", broken)
    with pytest.raises(KeyError) as raised:
        bootstrap.wrap(handler)("x", SimpleNamespace(aws_request_id="1"))
    files = [frame.filename for frame in traceback.extract_tb(raised.tb)][1:]
    assert files[-1] == __file__
    assert all(file.endswith("/bootstrap.py") for file in files[:-1])
