"""Around the handler: each invocation becomes a span, and the function answers as it would without us.

This file is named for what AWS's runtime client does: of the stack that it reports for an exception it leaves out the frames
in front that are of a file `bootstrap.py`. So the caller of a function sees the very stack that it would see without us.
"""

from __future__ import annotations

import json
import os
import time
from contextvars import ContextVar
from functools import update_wrapper
from types import TracebackType

from coldlight_lambda import frames, near_timeout, otlp, payloads, recorder, triggers
from coldlight_lambda.contexts import current, new_span_id, new_trace_id, xray_trace_id
from coldlight_lambda.errors import record_error
from coldlight_lambda.invocations import Invocation
from coldlight_lambda.recorder import contained
from coldlight_lambda.spans import SERVER, Context, Span

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from contextvars import Token
    from typing import Any, Optional

    from coldlight_lambda.spans import Attributes

    Handler = Callable[[Any, Any], Any]

_PACKAGE = os.path.dirname(__file__) + os.sep
_MARK = "__coldlight__"
_CONSUMED = "coldlight.link.consumed"
_state = {"is_cold": True}

unanswered: ContextVar[Optional[list[tuple[Invocation, Any, Any]]]] = ContextVar(
    "coldlight_unanswered", default=None
)
"""Where the runtime has yet to write what the handler gives (`patches.awslambdaric`): invocations that have come so far, with
their event and result. Elsewhere None: a result is the end."""


def wrap(handler: Handler) -> Handler:
    """The same handler, recorded; once, however often it is wrapped."""
    if getattr(handler, _MARK, False) is True:  # a mock has every attribute
        return handler

    def traced(event: Any, context: Any) -> Any:
        begun = contained(_begin, event, context)
        try:
            result = handler(event, context)
        except BaseException as error:
            contained(_end, begun, event, None, error)
            contained(hide_our_frames, error)
            # Not a bare `raise`: before Python 3.11 that would bring the first traceback back.
            raise error  # noqa: TRY201
        contained(_end, begun, event, result, None)
        return result

    contained(update_wrapper, traced, handler)
    setattr(traced, _MARK, True)
    return traced


def hide_our_frames(error: BaseException) -> None:
    """Takes them out of an exception's stack. Should this fail, ours stand in front, which the runtime leaves out."""
    # By the base class's own means: an exception may be frozen, or have other ideas of itself.
    trace = vars(BaseException)["__traceback__"].__get__(error)
    BaseException.with_traceback(error, without_our_frames(trace))


def without_our_frames(trace: TracebackType | None) -> TracebackType | None:
    """A stack as it would be had the function not been recorded. Not recursive: a stack may be as deep as Python allows."""
    kept = []
    while trace is not None:
        if not trace.tb_frame.f_code.co_filename.startswith(_PACKAGE):
            kept.append(trace)
        trace = trace.tb_next
    below = None
    for frame in reversed(kept):
        below = TracebackType(below, frame.tb_frame, frame.tb_lasti, frame.tb_lineno)
    return below


def _begin(event: Any, context: Any) -> Optional[tuple[Invocation, Token[Span | None]]]:
    if _is_under_way(_request_id(context)):
        return None  # a handler that calls another one: it is one invocation
    invocation = Invocation(_request_id(context), _root(event, context), _deadline_ms(context))
    root = invocation.root
    root.invocation = invocation
    invocation.open[root.context.span_id] = root
    contained(payloads.of_event, root, event)
    if recorder.sink is not None:
        recorder.sink.send(frames.START, invocation.request_id, _start(invocation, context))
    contained(near_timeout.watch, invocation, event)
    return invocation, recorder.enter(root)


def _is_under_way(request_id: str) -> bool:
    around = current.get()
    invocation = around.invocation if around else None
    return invocation is not None and invocation.request_id == request_id and not invocation.root.end_ns


def _root(event: Any, context: Any) -> Span:
    trigger = triggers.detect(event, context)
    parent = trigger.parent
    trace_id = parent.trace_id if parent else _platform_trace_id() or new_trace_id()
    state, flags = (parent.trace_state, parent.flags) if parent else ("", 1)
    root = Span(
        Context(trace_id, new_span_id(), state, flags),
        parent.span_id if parent else b"",
        getattr(context, "function_name", "") or os.environ.get("AWS_LAMBDA_FUNCTION_NAME", "function"),
        SERVER,
        time.time_ns(),
        _attributes(context),
    )
    root.set(trigger.attributes)
    if trigger.consumed:
        root.set({_CONSUMED: trigger.consumed})
    for link in trigger.links:
        root.add_link(link)
    return root


def _attributes(context: Any) -> Attributes:
    """OpenTelemetry semantic conventions for function-as-a-service, and for AWS Lambda."""
    arn = getattr(context, "invoked_function_arn", "") or ""
    parts = arn.split(":")
    is_cold, _state["is_cold"] = _state["is_cold"], False
    return {
        "faas.invocation_id": _request_id(context),
        "faas.coldstart": is_cold,
        "aws.lambda.invoked_arn": arn or None,
        "cloud.resource_id": ":".join(parts[:7]) or None,
        "cloud.account.id": parts[4] if len(parts) > 6 else None,
        "aws.lambda.tenant_id": getattr(context, "tenant_id", None),
    }


def _platform_trace_id() -> bytes | None:
    """Of the trace that the platform starts for every invocation, whether or not X-Ray keeps it."""
    return xray_trace_id(os.environ.get("_X_AMZN_TRACE_ID", ""))


def _start(invocation: Invocation, context: Any) -> bytes:
    told = {"deadline_ms": invocation.deadline_ms, "arn": getattr(context, "invoked_function_arn", "")}
    return json.dumps(told).encode() + b"\0" + otlp.span(invocation.root)


def _end(
    begun: Optional[tuple[Invocation, Token[Span | None]]],
    event: Any,
    result: Any,
    error: BaseException | None,
) -> None:
    if begun is None:
        return
    invocation, token = begun
    near_timeout.forget(invocation)
    recorder.leave(token)
    root = invocation.root
    root.end_ns = max(time.time_ns(), root.start_ns)
    if error is not None:
        contained(record_error, root, error)
    else:
        contained(triggers.answered, root, result)
    waiting = unanswered.get()
    if waiting is None or error is not None:
        tell_end(invocation, event, result, error is not None)
    else:
        waiting.append((invocation, event, result))


def tell_end(invocation: Invocation, event: Any, result: Any, failed: bool) -> None:
    """The last word of an invocation: nothing more comes of it."""
    root = invocation.root
    for span in list(invocation.held.values()):
        contained(recorder.release, span)
    contained(payloads.of_invocation, root, event, result, failed)
    if invocation.dropped_spans:
        root.set({"coldlight.dropped_spans": invocation.dropped_spans})
    if recorder.sink is not None:
        recorder.sink.send(frames.END, invocation.request_id, otlp.span(root))


def _request_id(context: Any) -> str:
    return str(getattr(context, "aws_request_id", "") or "")


def _deadline_ms(context: Any) -> int:
    remaining = getattr(context, "get_remaining_time_in_millis", None)
    return int(time.time() * 1000) + int(remaining()) if remaining else 0
