"""A simulated AWS Lambda: it runs functions in simulated time, and writes down what they report and what is true.

A function does its routes for each record of its event, each a call of a service; `deliveries.py` has what becomes of
what is sent.
"""

import heapq
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from random import Random

from opentelemetry.proto.trace.v1.trace_pb2 import Span

from benchmarks.attributes import Value
from benchmarks.truth.application import Application, Function, Route
from benchmarks.truth.graph import Run, SpanRef
from benchmarks.truth.recording import CONSUMED, CONSUMER, INTERNAL, SERVER, MadeSpan, Recording, Role, Sent
from benchmarks.truth.services import ACCOUNT, REGION, Delivery, link_attributes, triggers

MS = 1_000_000
S = 1000 * MS
FAILS_FIRST, FAILS_AGAIN = 0.12, 0.4
"""Chances that an invocation, or a record of it, fails: the first time, and when it is tried again."""

Action = Callable[[int], None]


@dataclass(frozen=True)
class Arrival:
    """What sets a function off. `trace_id` is the one that the platform hands on, empty for a new one."""

    function: Function
    records: tuple[Sent, ...]
    request_id: str
    source: str
    place: str = ""
    attempt: int = 1
    parent: SpanRef | None = None
    trace_id: str = ""
    consumed: tuple[str, ...] = ()
    """Link keys of an event that nobody here has sent."""
    may_fail: bool = True
    more: dict[str, Value] = field(default_factory=dict)

    @property
    def is_polled(self) -> bool:
        return bool(self.records) and self.records[0].service.delivery is Delivery.POLL


@dataclass(frozen=True)
class Outcome:
    """How a run ended: `failed` are the places of the records that were not done."""

    run: Run
    end_ns: int
    failed: frozenset[int]


@dataclass
class Frame:
    """Where the code of a run is: in which span, at what time, and because of which record."""

    run: Run
    span: SpanRef
    now_ns: int
    scope: int | None = None


class Cloud:
    """Where the functions run, and the agenda of what happens later. `perform` does one route of a function."""

    def __init__(self, application: Application, dice: Random, perform: "Perform") -> None:
        self.application = application
        self.dice = dice
        self.book = Recording(dice)
        self._perform = perform
        self._agenda: list[tuple[int, int, Action]] = []
        self._turn = count()

    def at(self, time_ns: int, action: Action) -> None:
        heapq.heappush(self._agenda, (time_ns, next(self._turn), action))

    def play(self) -> None:
        """Until nothing is left to happen."""
        while self._agenda:
            time_ns, _, action = heapq.heappop(self._agenda)
            action(time_ns)

    def chance(self, share: float) -> bool:
        return self.dice.random() < share

    def takes(self, ms: float) -> int:
        """Nanoseconds around so many milliseconds."""
        return int(ms * self.dice.uniform(0.5, 2) * MS)

    def invoke(self, arrival: Arrival, at_ns: int) -> Outcome:
        """Run a function at once; whoever calls waits for it."""
        run = self._begin(arrival)
        failed = self._failing(arrival)
        frame = Frame(run, run.span, at_ns + self.takes(3))
        self.book.spans.append(own := _own_span(arrival, run, at_ns))
        self._handle(frame, arrival, failed)
        own.end_ns = frame.now_ns + self.takes(2)
        own.is_failed = bool(failed)
        return Outcome(run, own.end_ns, failed)

    def _begin(self, arrival: Arrival) -> Run:
        """The run, with its records taken."""
        trace_id = arrival.parent.trace_id if arrival.parent else arrival.trace_id
        run = self.book.run(
            arrival.request_id,
            arrival.attempt,
            arrival.function.name,
            self.book.ref(trace_id),
            len(arrival.records),
            arrival.function.tells and arrival.is_polled,
        )
        for place, sent in enumerate(arrival.records):
            self.book.taken(sent, run, place)
        return run

    def _handle(self, frame: Frame, arrival: Arrival, failed: frozenset[int]) -> None:
        """What the function's code does: its routes for each record, and now and then one for the whole batch."""
        function = arrival.function
        for place, sent in enumerate(arrival.records):
            self._take(frame, function, place, sent if frame.run.tells else None, place in failed)
        if not arrival.records:
            self.work(frame, function.routes)
        elif function.digests and function.routes and len(arrival.records) > 1:
            self.work(frame, [self.dice.choice(function.routes)])

    def _failing(self, arrival: Arrival) -> frozenset[int]:
        """Queues are told which messages failed; of everything else all of a batch fails, or nothing."""
        if not arrival.may_fail:
            return frozenset()
        again = arrival.attempt > 1 or any(sent.attempt > 1 for sent in arrival.records)
        share = FAILS_AGAIN if again else FAILS_FIRST
        if arrival.source == "sqs":
            return frozenset(place for place in range(len(arrival.records)) if self.chance(share))
        return frozenset(range(max(1, len(arrival.records)))) if self.chance(share) else frozenset()

    def _take(
        self, frame: Frame, function: Function, place: int, told: Sent | None, is_failing: bool
    ) -> None:
        """One record. What fails has done a part of its work before."""
        routes = (
            function.routes[: self.dice.randint(0, len(function.routes))] if is_failing else function.routes
        )
        frame.scope = place
        with self.span(frame, "handle", INTERNAL) if told is None else self._record(frame, told):
            self.work(frame, routes)
        frame.scope = None

    def work(self, frame: Frame, routes: Sequence[Route]) -> None:
        """Whichever of these routes the dice have it do, inside of INTERNAL spans now and then."""
        for route in routes:
            if not self.chance(route.chance):
                continue
            if self.chance(0.3):
                with self.span(frame, f"prepare {route.place}", INTERNAL):
                    self._perform(self, route, frame)
            else:
                self._perform(self, route, frame)

    @contextmanager
    def span(
        self, frame: Frame, name: str, kind: "Span.SpanKind.ValueType", role: Role = Role.INNER
    ) -> Iterator[MadeSpan]:
        """A span around what the block does, which ends when the frame's time says."""
        outer = frame.span
        made = MadeSpan(
            self.book.ref(outer.trace_id), outer.span_id, name, kind, frame.run.number, role, frame.now_ns
        )
        self.book.spans.append(made)
        frame.span = made.ref
        frame.now_ns += self.takes(2)
        yield made
        frame.span = outer
        frame.now_ns += self.takes(1)
        made.end_ns = frame.now_ns

    @contextmanager
    def _record(self, frame: Frame, sent: Sent) -> Iterator[MadeSpan]:
        with self.span(frame, f"process {sent.place}", CONSUMER, Role.RECORD) as made:
            made.attributes = {"messaging.operation.type": "process"}
            if not (
                sent.is_carried and self.chance(0.2)
            ):  # OpenTelemetry's own instrumentations have the link alone
                made.attributes[CONSUMED] = list(sent.consumed)
            made.links = _links([sent])
            yield made


Perform = Callable[[Cloud, Route, Frame], None]


def _links(records: Sequence[Sent]) -> list[tuple[SpanRef, dict[str, Value]]]:
    return [(sent.producer, link_attributes(sent.consumed[0])) for sent in records if sent.is_carried]


def _own_span(arrival: Arrival, run: Run, at_ns: int) -> MadeSpan:
    """The span of the invocation, as the layer makes it: a caller is its parent, senders of messages are links."""
    made = MadeSpan(
        run.span,
        arrival.parent.span_id if arrival.parent else "",
        arrival.function.name,
        SERVER,
        run.number,
        Role.RUN,
        at_ns,
    )
    made.attributes = {
        "faas.invocation_id": run.request_id,
        "faas.coldstart": False,
        "cloud.account.id": ACCOUNT,
        "cloud.resource_id": f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{run.function}",
        **triggers(arrival.source, arrival.place, len(arrival.records)),
        **arrival.more,
    }
    if keys := _consumed(arrival):
        made.attributes[CONSUMED] = keys
    if arrival.parent is None:
        made.links = _links(arrival.records)
    return made


def _consumed(arrival: Arrival) -> list[str]:
    """Every record's own key first, then what else they have; each once."""
    firsts = [sent.consumed[0] for sent in arrival.records if sent.consumed]
    others = [key for sent in arrival.records for key in sent.consumed[1:]]
    return list(dict.fromkeys([*firsts, *others, *arrival.consumed]))
