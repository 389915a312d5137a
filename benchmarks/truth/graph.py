"""What truly happened, kept aside: runs of functions, the hops between them, what became of each message."""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

RECEIVED, RETRIED, DEAD_LETTERED, NEVER_SEEN = "received", "retried", "dead_lettered", "never_seen"


@dataclass(frozen=True)
class SpanRef:
    """A span by its ids, in lower-case hex."""

    trace_id: str
    span_id: str


@dataclass(frozen=True)
class Run:
    """One run of code: an invocation, or what a service without Lambda did (`request_id` is empty).

    `tells` says that each of its `records` has a CONSUMER span of its own, below `span`.
    """

    number: int
    request_id: str
    attempt: int
    function: str
    span: SpanRef
    records: int
    tells: bool


@dataclass(frozen=True)
class Hop:
    """A record's way from the span that sent it to the run that took it.

    It was sent by run `source` because of that run's record `scope`, or of all of them (None), and is record `record` of
    run `target`. `keys` are those that an answer may name; `attempt` is None where the services have no such number.
    """

    number: int
    service: str
    producer: SpanRef
    source: int
    scope: int | None
    target: int
    record: int
    keys: frozenset[str]
    is_exact: bool
    is_carried: bool
    attempt: int | None


@dataclass(frozen=True)
class Message:
    """A message by the link key that its sender saw; any of `fates` is a true word for what became of it."""

    key: str
    service: str
    source: int
    scope: int | None
    takers: frozenset[int]
    fates: frozenset[str]


@dataclass(frozen=True)
class Request:
    """A first cause, and the runs that it set off by itself: two, where an authorizer came before the function."""

    number: int
    kind: str
    starts: tuple[int, ...]


@dataclass(frozen=True)
class Followed:
    """What a request caused: runs, hops and messages by number or key."""

    runs: frozenset[int]
    hops: frozenset[int]
    messages: frozenset[str]


@dataclass(frozen=True)
class Graph:
    """Everything that happened in one application."""

    runs: Sequence[Run]
    hops: Sequence[Hop]
    messages: Sequence[Message]
    requests: Sequence[Request]

    @cached_property
    def hops_from(self) -> Mapping[int, Sequence[Hop]]:
        found: dict[int, list[Hop]] = defaultdict(list)
        for hop in self.hops:
            found[hop.source].append(hop)
        return found

    @cached_property
    def messages_from(self) -> Mapping[int, Sequence[Message]]:
        found: dict[int, list[Message]] = defaultdict(list)
        for message in self.messages:
            found[message.source].append(message)
        return found


def follow(
    graph: Graph, request: Request, is_told: Callable[[Run], bool], is_known: Callable[[Hop], bool]
) -> Followed:
    """What came of a request, over the hops that are known.

    What a run does because of one record goes on for that record's request alone, if it `is_told` which one it was; else for
    every record's (DESIGN.md, "Link keys"). With `is_told` always true this is what the request really caused.
    """
    seen: set[tuple[int, int | None]] = set()
    hops: set[int] = set()
    messages: set[str] = set()
    waiting: list[tuple[int, int | None]] = [(run, None) for run in request.starts]
    while waiting:
        run, record = place = waiting.pop()
        if place in seen:
            continue
        seen.add(place)
        told = is_told(graph.runs[run])
        messages |= {m.key for m in graph.messages_from.get(run, ()) if _goes_on(m.scope, record, told)}
        for hop in graph.hops_from.get(run, ()):
            if is_known(hop) and _goes_on(hop.scope, record, told):
                hops.add(hop.number)
                waiting.append((hop.target, hop.record))
    return Followed(frozenset(run for run, _ in seen), frozenset(hops), frozenset(messages))


def _goes_on(scope: int | None, record: int | None, is_told: bool) -> bool:
    return scope is None or record is None or scope == record or not is_told


def flaws(graph: Graph) -> Iterator[str]:
    """What cannot be true of any graph, in words: nothing, unless the generator is wrong."""
    numbers = range(len(graph.runs))
    identities = [(run.request_id, run.attempt) for run in graph.runs if run.request_id]
    if len(set(identities)) < len(identities):
        yield "two runs have one request id and attempt"
    for hop in graph.hops:
        if hop.source not in numbers or hop.target not in numbers:
            yield f"hop {hop.number} leads from or to a run that never was"
        elif hop.record >= max(graph.runs[hop.target].records, 1):
            yield f"hop {hop.number} is a record that run {hop.target} never had"
    if len({message.key for message in graph.messages}) < len(graph.messages):
        yield "two messages have one key"
    for message in graph.messages:
        if (NEVER_SEEN in message.fates) == bool(message.takers):
            yield f"{message.key} was {set(message.fates)}, and taken by {len(message.takers)}"
    reached = {
        run
        for request in graph.requests
        for run in follow(graph, request, lambda _: True, lambda _: True).runs
    }
    if reached != set(numbers):
        yield f"runs {sorted(set(numbers) - reached)} have no cause"
