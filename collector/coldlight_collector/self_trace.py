"""The collector traces itself, into itself: spans of what requests wait for, stored like everybody else's.

    receive -> decode, journal -> insert (of the batch that carries it; linked to the other requests in there)

There is no loop. What stores these spans goes past everything that makes spans, and an insert is traced only if it
carries a request that was. Spans hold sizes and names of our own, nothing that was sent.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field, fields, replace
from typing import TypeVar

from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.sdk.trace.sampling import ParentBased, TraceIdRatioBased
from opentelemetry.trace import Link, NonRecordingSpan, Span, SpanKind, Tracer, set_span_in_context

from coldlight_collector.http.messages import Handler, Request, Response, Routes
from coldlight_collector.intake import Accepted, Intake, Payload, Refused, each
from coldlight_collector.journal import Sealed
from coldlight_collector.receiver import Receiver
from coldlight_collector.validate import validate
from coldlight_storage import Signal

T = TypeVar("T")
Attributes = Mapping[str, str | int]

SERVICE = "coldlight-collector"
_EXPORT_EVERY_MS = 1000
_PATIENCE_S = 5.0


@dataclass(frozen=True)
class SelfTrace:
    """Makes the spans. Each method wraps a step; a step that fails ends its span and says no more about it."""

    tracer: Tracer
    _provider: TracerProvider

    def receiving(self, receiver: str, routes: Routes) -> Routes:
        """The same routes, traced."""
        return {
            path: {method: self._receiving(receiver, path, handler) for method, handler in methods.items()}
            for path, methods in routes.items()
        }

    def _receiving(self, receiver: str, path: str, handler: Handler) -> Handler:
        async def answer(request: Request) -> Response:
            with self._receive(receiver) as span:
                response = await handler(request)
                span.set_attribute("http.route", path)
                span.set_attribute("http.request.body.size", len(request.body))
                span.set_attribute("http.response.status_code", response.status)
                return response

        return answer

    async def receiving_call(self, receiver: str, answer: Awaitable[T]) -> T:
        """The same answer, traced."""
        with self._receive(receiver):
            return await answer

    def _receive(self, receiver: str) -> AbstractContextManager[Span]:
        # The root, whatever the sender's headers say: its trace is none of ours.
        attributes = {"coldlight.receiver": receiver}
        return self._span(f"receive {receiver}", Context(), SpanKind.SERVER, attributes)

    def receiver(self, receiver: Receiver) -> Receiver:
        """The same receiver, whose steps are traced."""
        parts = {part.name: getattr(receiver, part.name) for part in fields(Receiver)}
        return _TracedReceiver(**{**parts, "intakes": each(receiver.intakes, self.journaling)}, trace=self)

    def journaling(self, intake: Intake) -> Intake:
        """The same intake, traced."""

        async def take(signal: Signal, payload: Payload) -> Accepted:
            attributes: Attributes = {"coldlight.signal": signal, "coldlight.items": payload.items}
            with self._span("journal", attributes=attributes) as span:
                if span.is_recording():
                    payload = replace(payload, cause=span.get_span_context())
                return await intake(signal, payload)

        return take

    @contextmanager
    def inserting(self, segment: Sealed) -> Iterator[None]:
        """Around the insert of a batch, which is traced if it carries a request that is."""
        causes = segment.contents.causes if segment.contents else ()
        if not (causes and segment.contents):
            yield
            return
        parent = set_span_in_context(NonRecordingSpan(causes[0]))
        attributes: Attributes = {
            "coldlight.signal": segment.signal,
            "coldlight.items": segment.contents.items,
        }
        links = [Link(cause) for cause in causes[1:]]
        with self._span(f"insert {segment.signal}", parent, SpanKind.CLIENT, attributes, links):
            yield

    def _span(
        self,
        name: str,
        context: Context | None = None,
        kind: SpanKind = SpanKind.INTERNAL,
        attributes: Attributes | None = None,
        links: Sequence[Link] = (),
    ) -> AbstractContextManager[Span]:
        # Exceptions are not recorded: their texts quote what was sent.
        return self.tracer.start_as_current_span(
            name, context, kind, attributes, links, record_exception=False, set_status_on_exception=False
        )

    async def flush(self) -> None:
        """Stores the spans that have ended."""
        await asyncio.to_thread(self._provider.force_flush)

    async def stop(self) -> None:
        """Stores what there is, and makes no more. Call it while the journal still takes requests."""
        await asyncio.to_thread(self._provider.shutdown)


@dataclass(frozen=True)
class _TracedReceiver(Receiver):
    trace: SelfTrace = field(kw_only=True)

    def watched(self, name: str, routes: Routes) -> Routes:
        return self.trace.receiving(name, routes)

    async def decode(self, request: Request, decode: Callable[[bytes], T], is_slow: bool = True) -> T:
        with self.trace._span("decode"):
            return await super().decode(request, decode, is_slow)


@dataclass(frozen=True)
class _IntoItself(SpanExporter):
    """Hands spans to an intake that nobody traces."""

    intake: Intake
    loop: asyncio.AbstractEventLoop

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        payload = validate(Signal.TRACES, encode_spans(spans).SerializeToString())
        stored = asyncio.run_coroutine_threadsafe(_take(self.intake, payload), self.loop)
        try:
            stored.result(_PATIENCE_S)
        except (Refused, TimeoutError):
            return SpanExportResult.FAILURE  # a full journal has better things to keep
        return SpanExportResult.SUCCESS

    def shutdown(self) -> None:
        """The intake belongs to somebody else."""


async def _take(intake: Intake, payload: Payload) -> Accepted:
    return await intake(Signal.TRACES, payload)


def start(fraction: float, identity: str, intake: Intake) -> SelfTrace:
    """Traces that fraction of requests, above 0 and up to 1; `intake` stores the spans and must not be traced itself.

    Call it on the event loop of `intake`.
    """
    resource = Resource({"service.name": SERVICE, "service.instance.id": identity})
    sampler = ParentBased(TraceIdRatioBased(fraction))
    provider = TracerProvider(sampler, resource, shutdown_on_exit=False)
    exporter = _IntoItself(intake, asyncio.get_running_loop())
    provider.add_span_processor(BatchSpanProcessor(exporter, schedule_delay_millis=_EXPORT_EVERY_MS))
    return SelfTrace(provider.get_tracer("coldlight_collector"), provider)
