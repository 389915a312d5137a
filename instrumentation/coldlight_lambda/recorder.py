"""Starts and ends spans, and hands them on. What a patch of a library needs is `start`, `enter`, `leave`, `end` and `contained`."""

from __future__ import annotations

import time

from coldlight_lambda import frames, log, otlp
from coldlight_lambda.contexts import current, new_span_id
from coldlight_lambda.errors import record_error
from coldlight_lambda.invocations import MOST_SPANS
from coldlight_lambda.spans import CLIENT, INTERNAL, PRODUCER, Context, Span

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from contextvars import Token
    from typing import Any, Optional, Protocol, TypeVar

    from coldlight_lambda.spans import Attributes

    T = TypeVar("T")

    class Sink(Protocol):
        """Where frames go: `lines.Line`, or the shipper itself where it runs as a thread."""

        def send(self, kind: bytes, request_id: str, content: bytes) -> None: ...

    class Bridge(Protocol):
        """What keeps the OpenTelemetry API's idea of the current span and ours the same: `patches.opentelemetry_api`."""

        def innermost(self, ours: Span) -> Span | None: ...
        def around(self, ours: Span) -> Span: ...
        def entered(self, span: Span) -> None: ...
        def left(self, now: Span | None) -> None: ...


class Call(Span):
    """A call that leaves the process. What a library does inside of it (requests over urllib3 over http.client) is that
    very call, and is not recorded again. `sent` is what a patch keeps of the request until it is known whether it is wanted,
    `announced` what the shipper was told when it began: its encoding, and the attributes in it."""

    __slots__ = ("announced", "sent")
    announced: tuple[bytes, Attributes]
    sent: Any


_REMOTE = (CLIENT, PRODUCER)
_MOST_HELD = 100
_told: set[str] = set()
sink: Optional[Sink] = None
"""Set when the layer is set up; without one nothing is recorded."""
bridge: Optional[Bridge] = None
"""Set once the function has imported the OpenTelemetry API."""


def contained(call: Callable[..., T], *arguments: Any) -> T | None:
    """What `call` gives; None if it raises, which is ours to know and not the function's to suffer.

    An interruption goes on, as it would from anywhere.
    """
    try:
        return call(*arguments)
    except BaseException as error:
        try:
            if not is_interruption(error):
                _tell(call, error)
                return None  # the promise: nothing of ours ever breaks a function
        except Exception:  # noqa: BLE001 - no log, no memory, or no stack is left to say it with
            return None
        raise


def is_interruption(error: BaseException) -> bool:
    """Whether this is the function's, wherever it is raised: an end that it asks for, or what its handler of a signal raises."""
    if issubclass(type(error), (KeyboardInterrupt, SystemExit)):
        return True
    from coldlight_lambda import signals

    return signals.have_raised(error)


def _tell(call: Callable[..., Any], error: BaseException) -> None:
    what = f"{getattr(call, '__qualname__', call)}: {type(error).__name__}"
    tell(f"a part of the recorder failed and was skipped: {what}", str(error))


def tell(what: str, details: str) -> None:
    """One line of log for each kind of failure, whatever its details."""
    if what not in _told and len(_told) < 20:
        _told.add(what)
        log.tell(f"{what}: {details}")


def innermost() -> Span | None:
    """The span that this code runs in: one of ours, or of the function's own OpenTelemetry spans. None where nothing is
    recorded: outside of invocations, in work that has outlived its invocation, and where an OpenTelemetry instrumentation
    records already."""
    span = _current()
    return span if span is None or bridge is None else bridge.innermost(span)


def around() -> Span | None:
    """The same, whoever records it: the span to name to others, who are to follow it."""
    span = _current()
    return span if span is None or bridge is None else bridge.around(span)


def _current() -> Span | None:
    span = current.get()
    if span is None or span.invocation is None or span.invocation.root.end_ns:
        return None
    return span


def start(name: str, kind: int = INTERNAL, attributes: Attributes | None = None) -> Span | None:
    """A new span below the innermost one. None where nothing is recorded, inside of a `Call`, or beyond too many."""
    parent = innermost() if sink is not None else None
    if parent is None or isinstance(parent, Call):
        return None
    return below(parent, name, kind, attributes, Call if kind in _REMOTE else Span)


def below(
    parent: Span, name: str, kind: int, attributes: Attributes | None = None, make: type[Span] = Span
) -> Span | None:
    """A new span below a certain one; None beyond too many."""
    invocation = parent.invocation
    if invocation is None:
        return None
    invocation.spans += 1
    if invocation.spans > MOST_SPANS:
        invocation.dropped_spans += 1
        return None
    above = parent.context
    context = Context(above.trace_id, new_span_id(), above.trace_state, above.flags)
    span = make(context, above.span_id, name, kind, time.time_ns(), attributes, invocation)
    invocation.open[context.span_id] = span
    return span


def announce(span: Span) -> None:
    """Tells the shipper of a call that leaves the process, so that it is known even if the function dies in it."""
    if sink is not None and span.invocation is not None and span.kind in _REMOTE:
        begun = otlp.span(span)
        if isinstance(span, Call) and not span.events and not span.links:
            span.announced = begun, span.attributes.copy()
        sink.send(frames.OPEN, span.invocation.request_id, begun)


def end(span: Span, error: BaseException | None = None) -> None:
    """Ends a span, with what went wrong, if anything, and hands it on. Ending it twice is ending it once."""
    if _is_ended_now(span, error):
        _hand_on(span)


def hold(span: Span) -> bool:
    """Ends a span of which the function has yet to learn something that is to be told, too. `release` hands it on; at the latest,
    its invocation's end does.

    Gives whether it is held: not beyond so many, which are handed on at once.
    """
    invocation = span.invocation
    if invocation is None or not _is_ended_now(span, None):
        return False
    if len(invocation.held) >= _MOST_HELD:
        _hand_on(span)
        return False
    announce(span)  # as much as is known of it, for the function may die
    invocation.held[span.context.span_id] = span
    if invocation.root.end_ns:  # which has released its own, maybe a moment before this one came
        release(span)
    return True


def release(span: Span) -> None:
    """Hands on a span that is held; another time, or one that is not, it does nothing."""
    if span.invocation is not None and span.invocation.held.pop(span.context.span_id, None) is not None:
        _hand_on(span)


def _is_ended_now(span: Span, error: BaseException | None) -> bool:
    """Ends a span; whether it had not ended before."""
    if span.end_ns or span.invocation is None:
        return False
    span.end_ns = max(time.time_ns(), span.start_ns)
    span.invocation.open.pop(span.context.span_id, None)
    if error is not None:
        record_error(span, error)
    return True


def _hand_on(span: Span) -> None:
    if sink is not None and span.invocation is not None:
        sink.send(frames.SPAN, span.invocation.request_id, _encoded(span))


def _encoded(span: Span) -> bytes:
    announced: Optional[tuple[bytes, Attributes]] = getattr(span, "announced", None)
    if announced is None:
        return otlp.span(span)
    begun, before = announced
    return otlp.extended(begun, before, span)


def enter(span: Span) -> Token[Span | None]:
    """Makes a span the current one; `leave` takes what this gives."""
    token = current.set(span)
    if bridge is not None:
        contained(bridge.entered, span)
    return token


def leave(token: Token[Span | None]) -> None:
    """The span before is current again. In another thread or task than it was entered, there is nothing to undo."""
    try:
        current.reset(token)
    except ValueError:
        return
    if bridge is not None:
        contained(bridge.left, current.get())


def back_to(outer: Span) -> None:
    """`leave`, for who cannot keep what `enter` gave: an outer span is current again."""
    current.set(outer)
    if bridge is not None:
        contained(bridge.left, outer)
