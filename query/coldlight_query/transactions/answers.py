"""From a stitched transaction to the answer of the API. Knows no store."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from coldlight_query.times import NS_PER_MS
from coldlight_query.transactions.clocks import shown_end_ns, shown_start_ns
from coldlight_query.transactions.costs import MOST_PARTS, Costs, cost_answer
from coldlight_query.transactions.guesses import Guess, guesses
from coldlight_query.transactions.hops import Hop
from coldlight_query.transactions.messages import Message, ledger
from coldlight_query.transactions.path import Step, critical_steps
from coldlight_query.transactions.picture import Picture
from coldlight_query.transactions.spans import Ref, Span
from coldlight_query.transactions.warnings import warnings_of

_MOST_TIMELINE = 5_000


def transaction_answer(picture: Picture, costs: Costs) -> dict[str, Any]:
    """`models.Transaction`."""
    members, offsets = picture.members, picture.offsets
    messages = ledger(members, picture.hops)
    invocations = [_invocation(span, attempt, costs) for span, attempt in _attempts(picture)]
    steps = critical_steps(picture.known, picture.transaction, offsets)
    return {
        **_head(picture),
        "billed_ms": sum(costs.billed_ms.values()) if costs.billed_ms else None,
        **cost_answer(costs),
        "traces": picture.traces,
        "invocations": invocations,
        "hops": [_hop(hop) for hop in picture.hops],
        "messages": [_message(message, members) for message in messages],
        "timeline": [_timeline_span(span, offsets) for span in _shown(members, offsets)],
        "critical_path": [_step(step, members) for step in steps],
        "possibly": [_possibly(guess) for guess in guesses(picture)],
        "warnings": list(_warnings(picture, messages, costs)),
    }


def summary_answer(picture: Picture) -> dict[str, Any]:
    """`models.TransactionSummary`."""
    return {
        **_head(picture),
        "trace_count": len(picture.traces),
        "span_count": len(picture.members),
        "hop_count": len(picture.hops),
        "functions": sorted({span.who for span in picture.invocations}),
    }


def _head(picture: Picture) -> dict[str, Any]:
    """What a transaction and its line in a list have in common."""
    root, failure = picture.root, picture.failure
    return {
        "transaction_id": picture.transaction_id,
        "root": _ref(root.ref),
        "name": root.name,
        "service": root.service,
        "start_time_unix_nano": root.start_ns,
        "duration_ns": picture.duration_ns,
        "status": picture.status,
        "error": failure.first and error_answer(failure.first, picture.offsets),
    }


def _warnings(picture: Picture, messages: Sequence[Message], costs: Costs) -> Iterator[str]:
    yield from warnings_of(picture.known, picture.transaction, messages, picture.offsets)
    if len(picture.members) > _MOST_TIMELINE:
        yield f"the timeline shows the first {_MOST_TIMELINE} of {len(picture.members)} spans"
    if len(costs.parts) > MOST_PARTS:
        yield f"cost_parts shows the dearest {MOST_PARTS} of {len(costs.parts)}; cost_usd is the sum of all"


def _ref(ref: Ref) -> dict[str, str]:
    return {"trace_id": ref.trace_id, "span_id": ref.span_id}


def _attempts(picture: Picture) -> Iterator[tuple[Span, int]]:
    """Invocations in the order of time, each with which run of its request id it is."""
    counts: dict[tuple[str, str], int] = {}
    for span in picture.invocations:
        run = (span.who, span.request_id)
        counts[run] = counts.get(run, 0) + 1
        yield span, counts[run]


def _invocation(span: Span, attempt: int, costs: Costs) -> dict[str, Any]:
    part = costs.of_invocations.get(span.ref)
    timed_out = span.lambda_status == "timeout" or span.error_type == "Sandbox.Timedout"
    return {
        "request_id": span.request_id,
        "attempt": attempt,
        "function": span.who,
        "version": span.version or None,
        "trace_id": span.ref.trace_id,
        "span_id": span.ref.span_id,
        "start_time_unix_nano": span.start_ns,
        "duration_ns": span.duration_ns,
        "status": "timeout" if timed_out else "error" if span.is_error else "ok",
        "billed_ms": costs.billed_ms.get(span.ref),
        "cost_usd": part and part.usd,
        "full_cost_usd": part and part.cost.usd,
        "cost_basis": part and part.cost.basis,
    }


def _hop(hop: Hop) -> dict[str, Any]:
    return {
        "producer": _ref(hop.producer),
        "consumer": _ref(hop.consumer),
        "evidence": hop.evidence,
        "rule": hop.rule,
        "key": hop.keys[0] if hop.keys else None,
        "keys": list(hop.keys),
        "queue_wait_ms": None if hop.wait_ns is None else hop.wait_ns / NS_PER_MS,
        "attempt": hop.attempt,
    }


def _message(message: Message, members: Mapping[Ref, Span]) -> dict[str, Any]:
    return {
        "key": message.key,
        "producer": _ref(message.producer.ref),
        "destination": message.producer.destination or None,
        "sent_time_unix_nano": message.producer.end_ns,
        "status": message.status,
        "receipts": [_receipt(hop, members[hop.consumer]) for hop in message.hops],
    }


def _receipt(hop: Hop, consumer: Span) -> dict[str, Any]:
    return {
        "consumer": _ref(hop.consumer),
        "function": consumer.who,
        "attempt": hop.attempt,
        "status": consumer.status,
    }


def _shown(members: Mapping[Ref, Span], offsets: Mapping[Ref, int]) -> list[Span]:
    spans = sorted(members.values(), key=lambda span: (shown_start_ns(span, offsets), span.ref))
    return spans[:_MOST_TIMELINE]


def _timeline_span(span: Span, offsets: Mapping[Ref, int]) -> dict[str, Any]:
    return {
        **_ref(span.ref),
        "parent_span_id": span.parent_span_id or None,
        "kind": span.ref.kind,
        "name": span.name,
        "service": span.service,
        "status": span.status,
        "start_time_unix_nano": shown_start_ns(span, offsets),
        "duration_ns": span.duration_ns,
        "clock_offset_ns": offsets.get(span.ref, 0),
    }


def _possibly(guess: Guess) -> dict[str, Any]:
    ends = {"producer": _ref(guess.caller.ref), "consumer": _ref(guess.called.ref)}
    return {**ends, "evidence": "heuristic", "rule": "time"}


def _step(step: Step, members: Mapping[Ref, Span]) -> dict[str, Any]:
    return {
        "kind": step.kind,
        **_ref(step.ref),
        "name": members[step.ref].name,
        "start_time_unix_nano": step.start_ns,
        "duration_ns": step.end_ns - step.start_ns,
    }


def error_answer(span: Span, offsets: Mapping[Ref, int]) -> dict[str, Any]:
    """`models.TransactionError`."""
    return {
        **_ref(span.ref),
        "function": span.who,
        "name": span.name,
        "type": span.error_type or None,
        "message": span.status_message,
        "time_unix_nano": shown_end_ns(span, offsets),
    }
