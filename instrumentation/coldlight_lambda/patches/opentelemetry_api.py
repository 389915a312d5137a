"""The OpenTelemetry API as the function's own code uses it: its spans and ours are of one trace.

- Our spans are current to the API, too: `trace.get_current_span()` gives the one that we are in, and its attributes and
  events can be set; and what is started below a span of the function's own becomes its child.
- While the function has set no provider, its tracers record: by a provider of `opentelemetry-sdk` where that is installed
  (with what OTEL_* says of samplers, limits and exporters), else by our own recorder.
- A provider that the function sets is its own, and is used from then on; it gets a span processor more, so that its spans
  are not missing between ours.
- What an OpenTelemetry instrumentation records as a call, we do not record again, and the other way round.
"""

from __future__ import annotations

import os

from coldlight_lambda import recorder
from coldlight_lambda.contexts import current
from coldlight_lambda.patches import replace
from coldlight_lambda.patches.opentelemetry_spans import Theirs, api_span, recording_tracer
from coldlight_lambda.recorder import Call, contained
from coldlight_lambda.spans import CLIENT, PRODUCER

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Optional

    from coldlight_lambda.spans import Span

_ENTERED = "coldlight-entered"
_INSTRUMENTATIONS = "opentelemetry.instrumentation."
_state: dict[str, Any] = {}


def patch(module: Any) -> None:
    """`opentelemetry.trace`."""
    replace(module.ProxyTracer, "_tracer", _tracer(module))
    replace(module, "set_tracer_provider", _setting)
    recorder.bridge = _Bridge(module)
    span = current.get()
    if span is not None:
        recorder.bridge.entered(span)


class _Bridge:
    """Keeps the API's context in step with ours (see `recorder.Bridge`)."""

    def __init__(self, trace: Any) -> None:
        from opentelemetry import context

        self._trace, self._context = trace, context
        keys = ("_SUPPRESS_INSTRUMENTATION_KEY", "_SUPPRESS_HTTP_INSTRUMENTATION_KEY")
        self._suppress = [getattr(context, key) for key in keys if hasattr(context, key)]

    def innermost(self, ours: Span) -> Span | None:
        """The span that is current by the API; None where an instrumentation records already what happens here."""
        if any(self._context.get_value(key) for key in self._suppress) and not isinstance(ours, Call):
            return None
        found = self.around(ours)
        return None if isinstance(found, Theirs) and _is_instrumentation(found.api) else found

    def around(self, ours: Span) -> Span:
        """The span that is current by the API, whoever records it."""
        theirs = self._trace.get_current_span()
        known: Optional[Span] = getattr(theirs, "recorded", None)
        if known is not None:
            return known
        return Theirs.of(theirs, ours.invocation) if theirs.get_span_context().is_valid else ours

    def entered(self, span: Span) -> None:
        context = self._context
        outer = context.get_current()
        inner = self._trace.set_span_in_context(api_span(span), outer)
        inner = context.set_value(_ENTERED, (span, outer), inner)
        if isinstance(span, Call):
            for key in self._suppress:
                inner = context.set_value(key, True, inner)
        context.attach(inner)
        contained(join, self._trace.get_tracer_provider())

    def left(self, now: Span | None) -> None:
        """Goes back to where `now` was entered, be there one of ours above that was never left."""
        context = here = self._context.get_current()
        entered = self._context.get_value(_ENTERED, context)
        while isinstance(entered, tuple) and entered[0] is not now:
            context = entered[1]
            entered = self._context.get_value(_ENTERED, context)
        if context is not here:
            self._context.attach(context)


def _is_instrumentation(span: Any) -> bool:
    """Of a call, by one of the packages `opentelemetry-instrumentation-*`."""
    kind = getattr(getattr(span, "kind", None), "value", -1) + 1  # the API counts from 0, the protocol from 1
    scope = getattr(getattr(span, "instrumentation_scope", None), "name", "")
    return kind in (CLIENT, PRODUCER) and scope.startswith(_INSTRUMENTATIONS)


def _setting(original: Any) -> Any:
    def set_tracer_provider(tracer_provider: Any) -> Any:
        result = original(tracer_provider)
        contained(join, tracer_provider)
        return result

    return set_tracer_provider


def join(provider: Any) -> None:
    """Has the spans of the function's own provider sent our way, too; once, and only if it is one of the SDK."""
    if _state.get("joined") is provider or not hasattr(provider, "add_span_processor"):
        return
    _state["joined"] = provider
    from coldlight_lambda.patches.opentelemetry_spans import processor

    provider.add_span_processor(processor())


def _tracer(trace: Any) -> Any:
    """What a tracer does that was asked for before any provider was set: `ProxyTracer._tracer`, a property."""

    def make(original: Any) -> Any:
        def tracer(self: Any) -> Any:
            return contained(_own_tracer, trace, self) or original.fget(self)

        return property(tracer)

    return make


def _own_tracer(trace: Any, proxy: Any) -> Any:
    """None outside of invocations, and where the function has a provider of its own."""
    if current.get() is None or trace._TRACER_PROVIDER is not None:
        return None
    if "provider" not in _state:
        _state["provider"] = contained(_sdk_provider)
    own = proxy.__dict__.get("_coldlight_tracer")
    if own is None:
        provider = _state["provider"]
        names = ("_instrumenting_module_name", "_instrumenting_library_version", "_schema_url", "_attributes")
        scope = [getattr(proxy, name, None) for name in names]
        if scope[-1] is None:  # a scope has attributes in later versions only
            del scope[-1]
        own = recording_tracer(*scope[:2]) if provider is None else provider.get_tracer(*scope)
        proxy.__dict__["_coldlight_tracer"] = own
    return own


def _sdk_provider() -> Any:
    """A provider of `opentelemetry-sdk`, set up as its variables say; None where it is not installed."""
    try:
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.sampling import ALWAYS_ON
    except ImportError:
        return None
    from coldlight_lambda.patches.opentelemetry_spans import processor
    from coldlight_lambda.resources import resource

    sampler = (
        None if os.environ.get("OTEL_TRACES_SAMPLER") else ALWAYS_ON
    )  # whether X-Ray samples says nothing to us
    provider = TracerProvider(sampler=sampler, resource=Resource(dict(resource())))
    provider.add_span_processor(processor())
    for exporter in _exporters():
        contained(_add_exporter, provider, exporter)
    return provider


def _add_exporter(provider: Any, name: str) -> None:
    from importlib import metadata

    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    group = "opentelemetry_traces_exporter"
    every: Any = metadata.entry_points()
    points = every.select(group=group) if hasattr(every, "select") else every.get(group, ())
    found = next((point for point in points if point.name == name), None)
    if found is None:
        recorder.tell("OTEL_TRACES_EXPORTER names an exporter that is not installed", name)
    else:
        provider.add_span_processor(BatchSpanProcessor(found.load()()))


def _exporters() -> list[str]:
    """Where else the function wants its spans (OpenTelemetry specification, "SDK environment variables")."""
    named = [name.strip() for name in os.environ.get("OTEL_TRACES_EXPORTER", "").split(",") if name.strip()]
    endpoints = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
    if not named and any(os.environ.get(variable) for variable in endpoints):
        named = ["otlp"]
    return [_protocol() if name == "otlp" else name for name in named if name != "none"]


def _protocol() -> str:
    variables = ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL")
    chosen = next(
        (os.environ[variable] for variable in variables if os.environ.get(variable)), "http/protobuf"
    )
    return "otlp_proto_grpc" if chosen == "grpc" else "otlp_proto_http"
