"""What became of each message that a transaction sent."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from coldlight_query.transactions.hops import Hop
from coldlight_query.transactions.spans import Ref, Span, kind_of

_MESSAGES = frozenset({"sqs", "sns", "eventbridge", "kinesis", "firehose", "kafka"})


@dataclass(frozen=True)
class Message:
    """`hops` are the times that it was received, in their order."""

    key: str
    producer: Span
    hops: tuple[Hop, ...]
    status: str


def ledger(members: Mapping[Ref, Span], hops: Sequence[Hop]) -> list[Message]:
    """In the order in which they were sent."""
    receipts: dict[tuple[Ref, str], list[Hop]] = {}
    for hop in hops:
        for key in hop.keys:
            receipts.setdefault((hop.producer, key), []).append(hop)
    given_up = {hop.producer for hop in hops if hop.rule == "lambda" and members[hop.consumer].entries}
    linked = {hop.producer for hop in hops if hop.rule == "link"}
    messages = []
    for span in members.values():
        for key in dict.fromkeys(span.produced):
            if kind_of(key) in _MESSAGES:
                received = receipts.get((span.ref, key), [])
                status = _status(span, received, [members[hop.consumer] for hop in received], given_up)
                if not received and span.ref in linked:
                    status = "received"  # under another id, as from SNS in SQS with raw delivery
                messages.append(Message(key, span, tuple(received), status))
    return messages


def _status(
    producer: Span, received: Sequence[Hop], consumers: Sequence[Span], given_up: Collection[Ref]
) -> str:
    if not received:
        return "never_seen"
    if _came_by_another_queue(producer, received, consumers):
        return "dead_lettered"
    if any(span.ref in given_up for span in consumers):
        return "dead_lettered"
    return "retried" if any(hop.attempt and hop.attempt > 1 for hop in received) else "received"


def _came_by_another_queue(producer: Span, received: Sequence[Hop], consumers: Sequence[Span]) -> bool:
    """SQS moves a message to the dead-letter queue under the id that it has."""
    queues = {
        span.destination
        for hop, span in zip(received, consumers, strict=True)
        if hop.rule == "sqs" and span.destination
    }
    return len(queues | ({producer.destination} if queues and producer.destination else set())) > 1
