"""A simulated AWS Lambda: it runs functions in sandboxes, and keeps the agenda of what happens later."""

import heapq
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import count
from uuid import uuid4

from opentelemetry._logs import SeverityNumber
from opentelemetry.context import Context
from opentelemetry.trace import Span, SpanContext, SpanKind

from coldlight_cli.demo.delivery import Delivery
from coldlight_cli.demo.faults import Fault, TimedOut
from coldlight_cli.demo.reports import report
from coldlight_cli.demo.sandbox import (
    NS_PER_MS,
    NS_PER_S,
    Attributes,
    Function,
    Invocation,
    Sandbox,
    Trigger,
    fail,
)

IDLE_NS = 600 * NS_PER_S
"""A sandbox that ran nothing for so long is taken away."""

Handler = Callable[[Invocation], None]
Action = Callable[[int], None]


@dataclass(frozen=True)
class Outcome:
    """How an invocation ended: `span` is that of the invocation, `fault` None when it ended well."""

    span: SpanContext
    request_id: str
    is_cold: bool
    end_ns: int
    fault: Fault | None


class Cloud:
    """Where the functions run. `dice` decides on durations; equal seeds give equal traffic."""

    def __init__(self, delivery: Delivery, dice: random.Random) -> None:
        self.dice = dice
        self._delivery = delivery
        self._sandboxes: dict[Function, list[Sandbox]] = {}
        self._agenda: list[tuple[int, int, Action]] = []
        self._turn = count()

    def at(self, time_ns: int, action: Action) -> None:
        """Have `action` called with `time_ns` (ns since the epoch) once everything before has happened."""
        heapq.heappush(self._agenda, (time_ns, next(self._turn), action))

    def play(self) -> Iterator[int]:
        """Work off the agenda; yields the time of each action when it is done."""
        while self._agenda:
            time_ns, _, action = heapq.heappop(self._agenda)
            action(time_ns)
            yield time_ns

    def takes(self, ms: float) -> float:
        """A duration around `ms`, with the long tail that real ones have."""
        return ms * self.dice.lognormvariate(0, 0.35)

    def invoke(
        self,
        function: Function,
        trigger: Trigger,
        handler: Handler,
        at_ns: int,
        parent: Context | None = None,
        request_id: str | None = None,
    ) -> Outcome:
        """Run `handler` as `function`, now or in a new sandbox after its cold start.

        A retry repeats the `request_id` of the first attempt. Whatever the handler raises is in the outcome.
        """
        sandbox, init_ms = self._sandbox(function, at_ns)
        start_ns = at_ns + int(init_ms * NS_PER_MS)
        run = Invocation(sandbox, request_id or str(uuid4()), start_ns, parent or Context())
        attributes = _attributes(run, trigger, is_cold=init_ms > 0)
        with run.span(trigger.span_name or function.name, SpanKind.SERVER, attributes) as span:
            fault = _handle(handler, run, span)
            self._use_memory(sandbox)
            report(run, init_ms, fault)
            _measure(run, trigger, init_ms, fault)
        sandbox.busy_until_ns = run.now_ns
        return Outcome(span.get_span_context(), run.request_id, init_ms > 0, run.now_ns, fault)

    def _sandbox(self, function: Function, at_ns: int) -> tuple[Sandbox, float]:
        """A free sandbox and 0, or a new one and the milliseconds of its cold start."""
        pool = self._sandboxes.setdefault(function, [])
        for sandbox in pool:
            if sandbox.busy_until_ns <= at_ns < sandbox.busy_until_ns + IDLE_NS:
                return sandbox, 0.0
        pool.append(Sandbox(function, self._delivery, at_ns))
        return pool[-1], round(self.takes(function.init_ms), 2)

    def _use_memory(self, sandbox: Sandbox) -> None:
        needed_mb = int(sandbox.function.used_mb * self.dice.uniform(0.9, 1.2))
        sandbox.used_mb = min(max(sandbox.used_mb, needed_mb), sandbox.function.memory_mb)


def _handle(handler: Handler, run: Invocation, span: Span) -> Fault | None:
    try:
        handler(run)
    except TimedOut as fault:
        run.log(SeverityNumber.ERROR, fault.message)
        fail(span, fault)
        return fault
    except Fault as fault:
        run.record(span, fault)
        fail(span, fault)
        return fault
    return None


def _attributes(run: Invocation, trigger: Trigger, is_cold: bool) -> Attributes:
    return {
        "faas.trigger": trigger.kind,
        "faas.invocation_id": run.request_id,
        "faas.coldstart": is_cold,
        "aws.lambda.invoked_arn": run.function.arn,
        **({"coldlight.link.consumed": trigger.consumed} if trigger.consumed else {}),
        **trigger.attributes,
    }


def _measure(run: Invocation, trigger: Trigger, init_ms: float, fault: Fault | None) -> None:
    measurements = run.sandbox.measurements
    if init_ms:
        measurements.coldstart(trigger.kind)
    if isinstance(fault, TimedOut):
        measurements.timeout(trigger.kind)
    error_type = fault.type if fault else None
    measurements.invocation(
        run.context, trigger.kind, run.duration_ms / 1000, run.sandbox.used_mb, error_type
    )
