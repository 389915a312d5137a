"""What is written down while an application runs: the spans that its functions report, and beside them the truth."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import Enum
from random import Random

from opentelemetry.proto.trace.v1.trace_pb2 import Span

from benchmarks.attributes import Value
from benchmarks.truth.graph import (
    DEAD_LETTERED,
    NEVER_SEEN,
    RECEIVED,
    RETRIED,
    Graph,
    Hop,
    Message,
    Request,
    Run,
    SpanRef,
)
from benchmarks.truth.services import SERVICES, Service

SERVER, CLIENT, PRODUCER, CONSUMER, INTERNAL = (
    Span.SPAN_KIND_SERVER,
    Span.SPAN_KIND_CLIENT,
    Span.SPAN_KIND_PRODUCER,
    Span.SPAN_KIND_CONSUMER,
    Span.SPAN_KIND_INTERNAL,
)
PRODUCED, CONSUMED = "coldlight.link.produced", "coldlight.link.consumed"


class Role(Enum):
    """What would be missing without a span."""

    RUN = "the invocation's own span"
    CALL = "a span that sends or calls"
    RECORD = "a CONSUMER span around one record"
    INNER = "a span in between"


@dataclass
class MadeSpan:
    """A span of a run, as it will be sent. Times are nanoseconds since the application started."""

    ref: SpanRef
    parent: str
    name: str
    kind: "Span.SpanKind.ValueType"
    run: int
    role: Role
    start_ns: int
    end_ns: int = 0
    attributes: dict[str, Value] = field(default_factory=dict)
    links: list[tuple[SpanRef, dict[str, Value]]] = field(default_factory=list)
    """Senders, and what is said of the record that each sent."""
    is_failed: bool = False


@dataclass(frozen=True)
class Sent:
    """A record on its way to one function: `produced` and `consumed` are its link keys at either end."""

    service: Service
    place: str
    producer: SpanRef
    source: int
    scope: int | None
    produced: tuple[str, ...]
    consumed: tuple[str, ...]
    is_carried: bool
    attempt: int = 1
    is_dead: bool = False


@dataclass
class _Ledger:
    service: str
    source: int
    scope: int | None
    takers: list[tuple[int, str]] = field(default_factory=list)
    is_dead: bool = False
    is_given_up: bool = False


class Recording:
    """Spans and truth, as they come to be."""

    def __init__(self, dice: Random) -> None:
        self.dice = dice
        self.spans: list[MadeSpan] = []
        self._runs: list[Run] = []
        self._hops: list[Hop] = []
        self._ledger: dict[str, _Ledger] = {}
        self._requests: list[Request] = []
        self._deliveries: dict[tuple[object, ...], list[int]] = defaultdict(list)

    def graph(self) -> Graph:
        messages = [_message(key, entry) for key, entry in self._ledger.items()]
        return Graph(self._runs, self._hops, messages, self._requests)

    def ref(self, trace_id: str = "") -> SpanRef:
        """Of a new span, in a new trace unless one is named."""
        return SpanRef(trace_id or self.dice.randbytes(16).hex(), self.dice.randbytes(8).hex())

    def run(
        self, request_id: str, attempt: int, function: str, span: SpanRef, records: int, tells: bool
    ) -> Run:
        made = Run(len(self._runs), request_id, attempt, function, span, records, tells)
        self._runs.append(made)
        return made

    def request(self, kind: str, starts: Sequence[Run]) -> None:
        numbers = tuple(run.number for run in starts)
        self._requests.append(Request(len(self._requests), kind, numbers))

    def sent(self, sent: Sent) -> None:
        """A message has left, whether or not anybody ever sees it."""
        key = sent.produced[0]
        if sent.service.sends and key not in self._ledger:
            self._ledger[key] = _Ledger(sent.service.name, sent.source, sent.scope)

    def taken(self, sent: Sent, run: Run, record: int) -> None:
        """A run has been given a record."""
        if sent.produced and (entry := self._ledger.get(sent.produced[0])):
            entry.takers.append((run.number, run.function))
            entry.is_dead |= sent.is_dead
        self._hops.append(
            Hop(
                len(self._hops),
                sent.service.name,
                sent.producer,
                sent.source,
                sent.scope,
                run.number,
                record,
                frozenset((*sent.produced, *sent.consumed, f"lambda:{run.request_id}")),
                sent.service.is_exact,
                sent.is_carried,
                self._attempt(sent, run),
            )
        )

    def _attempt(self, sent: Sent, run: Run) -> int | None:
        """How many times this function has been given the record, now included. None where nobody counts that."""
        if sent.service.core == "durable" or sent.is_dead or not sent.service.is_exact:
            return None
        if sent.service.core == "stepfunctions":
            return sent.attempt  # of its state: a function may be that of two
        delivery = (sent.producer, sent.produced, sent.consumed, run.function)
        runs = self._deliveries[delivery]
        if run.number not in runs:  # a batch may have a record twice
            runs.append(run.number)
        return len(runs)

    def given_up(self, sent: Sent) -> None:
        """Nobody will be given this record again."""
        if sent.produced and (entry := self._ledger.get(sent.produced[0])):
            entry.is_given_up = True


def _message(key: str, entry: _Ledger) -> Message:
    takers = frozenset(run for run, _ in entry.takers)
    return Message(key, entry.service, entry.source, entry.scope, takers, frozenset(_fates(entry)))


def _fates(entry: _Ledger) -> set[str]:
    """The words that are true of it. That a message was given up is known from what reads its dead letters alone."""
    if SERVICES[entry.service].is_bare:  # nobody who takes it sees its id
        return {RECEIVED, RETRIED, DEAD_LETTERED} | (set() if entry.takers else {NEVER_SEEN})
    if not entry.takers:
        return {NEVER_SEEN}
    if entry.is_dead:
        return {DEAD_LETTERED}
    deliveries = Counter(function for _, function in entry.takers)
    word = RETRIED if max(deliveries.values()) > 1 else RECEIVED
    return {word, DEAD_LETTERED} if entry.is_given_up else {word}


def instances(runs: Sequence[Run], spans: Sequence[MadeSpan]) -> dict[int, str]:
    """The sandbox of each run: one that is free when the run begins, or a new one."""
    free_ns: dict[str, list[int]] = defaultdict(list)
    found = {}
    for own in sorted((span for span in spans if span.role is Role.RUN), key=lambda span: span.start_ns):
        function = runs[own.run].function
        pool = free_ns[function]
        number = next((place for place, until in enumerate(pool) if until <= own.start_ns), len(pool))
        pool[number : number + 1] = [own.end_ns]
        found[own.run] = f"2026/11/23/[$LATEST]{function}-{number}"
    return found
