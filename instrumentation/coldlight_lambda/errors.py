"""Exceptions as OpenTelemetry records them (semantic conventions, "Exceptions on spans")."""

from __future__ import annotations

import time
import traceback

TYPE_CHECKING = False
if TYPE_CHECKING:
    from coldlight_lambda.spans import Span

_LONGEST_MESSAGE, _LONGEST_STACK = 4096, 32_768


def record_error(span: Span, error: BaseException) -> None:
    """Adds an exception to a span as an event, and marks the span as failed."""
    kind = type_name(error)
    message = str(error)[:_LONGEST_MESSAGE]
    stack = "".join(traceback.format_exception(type(error), error, error.__traceback__))
    event = {
        "exception.type": kind,
        "exception.message": message,
        "exception.stacktrace": stack[-_LONGEST_STACK:],
    }
    span.add_event(time.time_ns(), "exception", event)
    span.set({"error.type": kind})
    span.fail(message or kind)


def type_name(error: BaseException) -> str:
    """The type of an exception with its module, but for Python's own."""
    kind = type(error)
    return kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"
