"""A library's function, recorded: what is the same for all of them."""

from __future__ import annotations

from coldlight_lambda import recorder
from coldlight_lambda.contexts import current
from coldlight_lambda.recorder import Call, contained

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, Optional

    from coldlight_lambda.spans import Span

    Begin = Callable[[list[Any], dict[str, Any]], Optional[Span]]
    """Starts the span of a call with these arguments, which it may change; None for a call that is not recorded."""
    Finish = Callable[[Span, Any], None]
    """Ends the span of a call that gave this result."""
    Fail = Callable[[Span, BaseException], None]
    """Ends the span of a call that raised this."""


def ended(span: Span, result: Any) -> None:
    """Ends a span of whose result there is nothing to say."""
    recorder.end(span)


def failed(span: Span, error: BaseException) -> None:
    recorder.end(span, error)


def recorded(original: Any, begin: Begin, finish: Finish = ended, fail: Fail = failed) -> Any:
    """A function that does what `original` does, as a span. Outside of invocations, and inside of another call, it costs one
    look at a variable."""
    if original.__code__.co_flags & 0x80:  # inspect.CO_COROUTINE
        return _recorded_coroutine(original, begin, finish, fail)

    def call(*args: Any, **kwargs: Any) -> Any:
        outer = current.get()
        if outer is None or isinstance(outer, Call):
            return original(*args, **kwargs)
        span, token, given = contained(_begun, begin, args, kwargs) or (None, None, args)
        try:
            result = original(*given, **kwargs)
        except BaseException as error:
            contained(_over, fail, span, token, error)
            raise
        contained(_over, finish, span, token, result)
        return result

    return call


def _recorded_coroutine(original: Any, begin: Begin, finish: Finish, fail: Fail) -> Any:
    async def call(*args: Any, **kwargs: Any) -> Any:
        outer = current.get()
        if outer is None or isinstance(outer, Call):
            return await original(*args, **kwargs)
        span, token, given = contained(_begun, begin, args, kwargs) or (None, None, args)
        try:
            result = await original(*given, **kwargs)
        except BaseException as error:
            contained(_over, fail, span, token, error)
            raise
        contained(_over, finish, span, token, result)
        return result

    return call


def _begun(begin: Begin, args: Any, kwargs: dict[str, Any]) -> tuple[Span, Any, Any] | None:
    """The span of a call, if it is recorded; what leaves it again; and the arguments that the call is made with."""
    given = list(args)
    span = begin(given, kwargs)
    return None if span is None else (span, contained(recorder.enter, span), given)


def _over(end: Callable[[Span, Any], None], span: Optional[Span], token: Any, outcome: Any) -> None:
    if token is not None:
        contained(recorder.leave, token)
    if span is not None:
        end(span, outcome)


def argument(args: list[Any], kwargs: dict[str, Any], at: int, name: str, default: Any = None) -> Any:
    """An argument that callers give by its place or by its name."""
    return args[at] if len(args) > at else kwargs.get(name, default)
