"""The steps of a transaction from producers to consumers, and the attempts that each took."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from coldlight_query.transactions.joins import NO_HOP, Edge
from coldlight_query.transactions.known import Known
from coldlight_query.transactions.spans import Ref, Span
from coldlight_query.transactions.stitching import Transaction


@dataclass(frozen=True)
class Hop:
    """`keys` are all of the records' link keys, those that both ends have first. `wait_ns` is how long what was sent
    waited; None for a call that waits for its callee, and where clocks cannot tell. `attempt` counts from 1;
    None where that is not known."""

    producer: Ref
    consumer: Ref
    evidence: str
    rule: str
    keys: tuple[str, ...]
    wait_ns: int | None
    attempt: int | None


def hops_of(known: Known, transaction: Transaction) -> list[Hop]:
    """By the time of the consumer."""
    members = transaction.members
    edges = [edge for edge in transaction.edges if edge.rule not in NO_HOP and edge.effect in members]
    shown = [edge for edge in edges if not _is_told_better(known, edge, edges)]
    shown.sort(key=lambda edge: (members[edge.effect].start_ns, edge.effect, edge.cause))
    attempts = _attempts(shown, members)
    return [
        Hop(
            producer=edge.cause,
            consumer=edge.effect,
            evidence=edge.evidence,
            rule=edge.rule,
            keys=_all_keys(edge),
            wait_ns=_wait_ns(members.get(edge.cause), members[edge.effect]),
            attempt=attempt,
        )
        for edge, attempt in zip(shown, attempts, strict=True)
    ]


def _is_told_better(known: Known, edge: Edge, edges: Iterable[Edge]) -> bool:
    """Whether the parent only stands above the very span that sent what was received."""
    if edge.rule != "parent":
        return False
    tree = known.tree(edge.cause.trace_id)
    return any(
        other.effect == edge.effect
        and other.rule != "parent"
        and other.cause in tree.spans
        and tree.run_of(other.cause) == tree.run_of(edge.cause)
        for other in edges
        if tree
    )


def _all_keys(edge: Edge) -> tuple[str, ...]:
    """Those that joined first, then the others that the same records carried."""
    others = sorted(key for key in edge.records or () if not key.startswith("span:"))
    return tuple(dict.fromkeys((*edge.keys, *others)))


def _wait_ns(producer: Span | None, consumer: Span) -> int | None:
    if producer is None or consumer.start_ns < producer.start_ns:
        return None
    if producer.ref.kind != "producer" and consumer.start_ns < producer.end_ns:
        return None
    return max(consumer.start_ns - producer.end_ns, 0)


def _attempts(edges: Sequence[Edge], members: Mapping[Ref, Span]) -> list[int | None]:
    """How often the same was received by the same function up to each edge, which are in the order of time. None where
    several were received and nothing tells whether they were the same."""
    received = [_received(edge, members[edge.effect]) for edge in edges]
    times: dict[str, list[Ref]] = {}
    for edge, same in zip(edges, received, strict=True):
        for what in same:
            times.setdefault(what, []).append(edge.effect)
    return [
        _attempt(edge, members[edge.effect], [times[what] for what in same])
        for edge, same in zip(edges, received, strict=True)
    ]


def _attempt(edge: Edge, consumer: Span, times: Sequence[Sequence[Ref]]) -> int | None:
    if consumer.step_retries is not None and edge.rule == "stepfunctions":
        return consumer.step_retries + 1
    if _is_untold(edge, consumer) and any(len(each) > 1 for each in times):
        return None
    return max((each.index(edge.effect) + 1 for each in times), default=1)


def _received(edge: Edge, consumer: Span) -> list[str]:
    """Names of what was received, by whom: keys, else the messages of its links, else what the producer sent as a whole."""
    if edge.rule == "parent":
        return []
    told = _all_keys(edge) or _linked_messages(edge, consumer) or (f"{edge.cause}",)
    return [f"{consumer.who} {consumer.step} {what}" for what in told]


def _is_untold(edge: Edge, consumer: Span) -> bool:
    return not _all_keys(edge) and not _linked_messages(edge, consumer)


def _linked_messages(edge: Edge, consumer: Span) -> tuple[str, ...]:
    links = [link for link in consumer.links if (link.trace_id, link.span_id) == edge.cause[:2]]
    return tuple(dict.fromkeys(link.message_id for link in links if link.message_id))
