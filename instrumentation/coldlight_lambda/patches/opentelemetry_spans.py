"""Spans of the OpenTelemetry API and SDK as ours, and ours as theirs. Nothing of OpenTelemetry is imported before it is needed."""

from __future__ import annotations

import time
from functools import lru_cache

from coldlight_lambda import frames, otlp, recorder
from coldlight_lambda.contexts import current
from coldlight_lambda.errors import record_error
from coldlight_lambda.invocations import MOST_SPANS
from coldlight_lambda.recorder import contained
from coldlight_lambda.spans import ERROR, INTERNAL, UNSET, Context, Link, Span

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Optional

    from coldlight_lambda.invocations import Invocation

_MOST_OPEN = 10_000


class Theirs(Span):
    """A span of the function's own, as ours see it: where it is, and of which invocation. `api` is the span itself."""

    __slots__ = ("api",)
    api: Any

    @classmethod
    def of(cls, api: Any, invocation: Optional[Invocation]) -> Theirs:
        span = cls(
            context_of(api.get_span_context()), b"", getattr(api, "name", ""), INTERNAL, 0, None, invocation
        )
        span.api = api
        return span


def context_of(theirs: Any) -> Context:
    state = theirs.trace_state.to_header() if theirs.trace_state else ""
    trace_id, span_id = theirs.trace_id.to_bytes(16, "big"), theirs.span_id.to_bytes(8, "big")
    return Context(trace_id, span_id, state, int(theirs.trace_flags))


def api_span(span: Span) -> Any:
    """A span as the API has it."""
    return span.api if isinstance(span, Theirs) else _of_the_api(Ours)(span)


@lru_cache(maxsize=None)
def _of_the_api(kind: Any) -> Any:
    """A class of ours as one of the API's spans."""
    from opentelemetry.trace import Span as ApiSpan

    return type(kind.__name__, (kind, ApiSpan), {})


class Ours:
    """One of our spans, to be read and added to. Whoever ended it would end what is not theirs: so `end` does nothing."""

    def __init__(self, recorded: Span) -> None:
        self.recorded = recorded

    def get_span_context(self) -> Any:
        from opentelemetry.trace import INVALID_SPAN_CONTEXT

        return contained(self._context) or INVALID_SPAN_CONTEXT

    def _context(self) -> Any:
        from opentelemetry import trace

        context = self.recorded.context
        state = trace.TraceState.from_header([context.trace_state]) if context.trace_state else None
        trace_id, span_id = int.from_bytes(context.trace_id, "big"), int.from_bytes(context.span_id, "big")
        return trace.SpanContext(trace_id, span_id, False, trace.TraceFlags(context.flags), state)

    def end(self, end_time: Optional[int] = None) -> None:
        pass

    def is_recording(self) -> bool:
        return not self.recorded.end_ns

    def set_attributes(self, attributes: Any) -> None:
        if self.is_recording():
            contained(self._set, attributes)

    def _set(self, attributes: Any) -> None:
        self.recorded.set(dict(attributes))

    def set_attribute(self, key: str, value: Any) -> None:
        self.set_attributes({key: value})

    def add_event(self, name: str, attributes: Any = None, timestamp: Optional[int] = None) -> None:
        if self.is_recording():
            contained(self._add_event, name, attributes, timestamp)

    def _add_event(self, name: str, attributes: Any, timestamp: Optional[int]) -> None:
        self.recorded.add_event(timestamp or time.time_ns(), name, dict(attributes or {}))

    def add_link(self, context: Any, attributes: Any = None) -> None:
        if self.is_recording():
            contained(self._add_link, context, attributes)

    def _add_link(self, context: Any, attributes: Any) -> None:
        self.recorded.add_link(Link(context_of(context), dict(attributes or {})))

    def update_name(self, name: str) -> None:
        if self.is_recording():
            self.recorded.name = name

    def set_status(self, status: Any, description: Optional[str] = None) -> None:
        if self.is_recording():
            contained(self._set_status, status, description)

    def _set_status(self, status: Any, description: Optional[str]) -> None:
        code = getattr(status, "status_code", status)
        if getattr(code, "name", "") == "ERROR":
            self.recorded.fail(getattr(status, "description", None) or description or "")

    def record_exception(
        self,
        exception: BaseException,
        attributes: Any = None,
        timestamp: Optional[int] = None,
        escaped: bool = False,
    ) -> None:
        if self.is_recording():
            contained(record_error, self.recorded, exception)


class Own(Ours):
    """A span that the function's code started, where no SDK is installed."""

    def end(self, end_time: Optional[int] = None) -> None:
        contained(recorder.end, self.recorded)


@lru_cache(maxsize=None)
def recording_tracer(scope: str, version: Optional[str]) -> Any:
    """A tracer whose spans our recorder records."""
    from opentelemetry import trace
    from opentelemetry.util._decorator import _agnosticcontextmanager

    class Tracer(trace.Tracer):
        def start_span(
            self,
            name: str,
            context: Any = None,
            kind: trace.SpanKind = trace.SpanKind.INTERNAL,
            attributes: Any = None,
            links: Any = None,
            start_time: Optional[int] = None,
            record_exception: bool = True,
            set_status_on_exception: bool = True,
        ) -> Any:
            started = contained(_started, context, name, kind, start_time)
            if started is None:
                return trace.NonRecordingSpan(trace.get_current_span(context).get_span_context())
            started.set_attributes({"otel.scope.name": scope, "otel.scope.version": version})
            started.set_attributes(attributes or {})
            for link in links or ():
                started.add_link(link.context, link.attributes)
            return started

        @_agnosticcontextmanager
        def start_as_current_span(
            self, name: str, *args: Any, end_on_exit: bool = True, **kwargs: Any
        ) -> Any:
            span = self.start_span(name, *args, **kwargs)
            with trace.use_span(span, end_on_exit=end_on_exit) as used:
                yield used

    return Tracer()


def _started(context: Any, name: str, kind: Any, start_ns: Optional[int]) -> Any:
    span = _below(context, name, kind.value + 1)
    if span is None:
        return None
    span.start_ns = start_ns or span.start_ns
    return _of_the_api(Own)(span)


def _below(context: Any, name: str, kind: int) -> Span | None:
    from opentelemetry import trace

    ours = recorder.innermost()
    if ours is None:
        return None
    theirs = trace.get_current_span(context)
    parent = getattr(theirs, "recorded", None)
    if parent is None and theirs.get_span_context().is_valid:
        parent = Theirs.of(theirs, ours.invocation)
    return recorder.below(parent or ours, name, kind)


@lru_cache(maxsize=None)
def processor() -> Any:
    """An SDK's span processor that hands on what ends within an invocation. One for all providers."""
    from opentelemetry.sdk.trace import SpanProcessor

    class Processor(SpanProcessor):
        def __init__(self) -> None:
            self._open: dict[int, Span] = {}

        def on_start(self, span: Any, parent_context: Any = None) -> None:
            contained(self._begin, span)

        def _begin(self, span: Any) -> None:
            ours = current.get()
            invocation = ours.invocation if ours is not None else None
            if invocation is None or invocation.root.end_ns or len(self._open) >= _MOST_OPEN:
                return
            invocation.spans += 1
            if invocation.spans > MOST_SPANS:
                invocation.dropped_spans += 1
                return
            view = Theirs.of(span, invocation)
            view.start_ns = span.start_time or time.time_ns()
            self._open[span.get_span_context().span_id] = view
            invocation.open[view.context.span_id] = view

        def on_end(self, span: Any) -> None:
            contained(self._end, span)

        def _end(self, span: Any) -> None:
            view = self._open.pop(span.get_span_context().span_id, None)
            if view is None or view.invocation is None:
                return
            view.invocation.open.pop(view.context.span_id, None)
            if recorder.sink is not None:
                recorder.sink.send(frames.SPAN, view.invocation.request_id, otlp.span(_ours(span)))

    return Processor()


def _ours(span: Any) -> Span:
    """An ended span of the SDK (`ReadableSpan`) as one of ours."""
    parent = span.parent.span_id.to_bytes(8, "big") if span.parent else b""
    scope = span.instrumentation_scope
    own = Span(context_of(span.context), parent, span.name, span.kind.value + 1, span.start_time)
    own.end_ns = span.end_time
    own.set({"otel.scope.name": scope.name, "otel.scope.version": scope.version or None} if scope else {})
    own.set(dict(span.attributes or {}))
    for event in span.events:
        own.add_event(event.timestamp, event.name, dict(event.attributes or {}))
    for link in span.links:
        own.add_link(Link(context_of(link.context), dict(link.attributes or {})))
    own.dropped_attributes += span.dropped_attributes
    own.dropped_events += span.dropped_events
    own.dropped_links += span.dropped_links
    own.status = {"UNSET": UNSET, "ERROR": ERROR}.get(span.status.status_code.name, 1)
    own.status_message = span.status.description or ""
    return own
