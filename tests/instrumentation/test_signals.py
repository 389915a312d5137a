"""A function may set handlers for signals. They run wherever the main thread is at that moment: in the recorder, too."""

import signal
from collections.abc import Callable, Iterator
from contextvars import copy_context
from functools import partial
from types import SimpleNamespace
from typing import Any

import pytest
from tests.instrumentation import samples
from tests.instrumentation.injection import Hook, broken, hooks_of, outcome
from tests.instrumentation.recordings import Recording

from coldlight_lambda import bootstrap, recorder

INTERRUPTION = "__import__('signal').raise_signal(10)"


class TimeIsUp(TimeoutError):
    """As functions raise it that give a call so many seconds."""


def stop(number: int, frame: Any) -> None:
    raise TimeIsUp


class Stopper:
    def stop(self, *_: Any) -> None:
        raise TimeIsUp

    def __call__(self, *_: Any) -> None:
        raise TimeIsUp


@pytest.fixture(autouse=True)
def handlers() -> Iterator[None]:
    before = signal.getsignal(signal.SIGUSR1)
    yield
    signal.signal(signal.SIGUSR1, before)


def interrupted() -> None:
    signal.raise_signal(signal.SIGUSR1)


@pytest.mark.parametrize("handler", [stop, partial(stop), Stopper().stop, Stopper()])
def test_what_a_handler_raises_within_the_recorder_goes_on(handler: Callable[..., None]) -> None:
    signal.signal(signal.SIGUSR1, handler)
    with pytest.raises(TimeIsUp):
        recorder.contained(interrupted)


def invocation(handler: Callable[[Any, Any], Any]) -> Any:
    context = SimpleNamespace(aws_request_id="request-1", function_name="orders")
    return bootstrap.wrap(handler)(samples.sample("apigateway-rest"), context)


def answers(event: Any, context: Any) -> Any:
    return {"statusCode": 500}


def fails(event: Any, context: Any) -> Any:
    raise KeyError("order")


@pytest.mark.parametrize("handler", [answers, fails])
def test_wherever_it_interrupts_us_the_function_gets_what_its_handler_raises(
    recorded: Recording, handler: Callable[[Any, Any], Any]
) -> None:
    signal.signal(signal.SIGUSR1, stop)
    outcome(lambda: invocation(handler))  # some are called for what was never seen
    hooks = hooks_of(lambda: invocation(handler))
    assert len(hooks) > 30
    assert [str(hook) for hook in hooks if not _is_interrupted(hook, handler)] == []


def _is_interrupted(hook: Hook, handler: Callable[[Any, Any], Any]) -> bool:
    with broken(hook, INTERRUPTION):
        came = copy_context().run(outcome, lambda: invocation(handler))
    return bool(came == ("raised", TimeIsUp, ""))
