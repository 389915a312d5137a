"""What a transaction costs: its invocations, what delivered their events, and the calls that they made."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from functools import cached_property
from typing import Any

from coldlight_query.cost.call_usage import Call, usage_of_trigger
from coldlight_query.cost.price_tables import partition_of
from coldlight_query.cost.pricing import Cost, exact_sum, price, rounded
from coldlight_query.cost.single import cost_of_run, day_of, figures, usages_of
from coldlight_query.cost.spending import Tables
from coldlight_query.invocations.run import Run
from coldlight_query.transactions.picture import Picture
from coldlight_query.transactions.shares import Shares
from coldlight_query.transactions.spans import Ref, Span

Runs = Mapping[str, Sequence[Run]]
"""By request id."""
Calls = Mapping[Ref, tuple[Call, date]]
"""Calls of AWS APIs by their spans, each with its day."""

MOST_PARTS = 5_000
"""In an answer; the sum has all of them."""

INVOCATION, DELIVERY, CALL = "invocation", "delivery", "call"


@dataclass(frozen=True)
class Part:
    """`cost` is that of the whole; `share` is what this transaction bears of its amount, None where that is unknown."""

    kind: str
    ref: Ref
    service: str
    cost: Cost
    share: Decimal | None

    @property
    def usd(self) -> float | None:
        """The share in USD; None where it is unknown, or billed in another currency."""
        return None if self.share is None or self.cost.currency != "USD" else rounded(self.share)


@dataclass(frozen=True)
class Costs:
    """`parts` come the dearest first; `billed_ms` is what Lambda reported of the invocations that these spans are."""

    parts: Sequence[Part] = ()
    billed_ms: Mapping[Ref, int] = field(default_factory=dict)

    @cached_property
    def of_invocations(self) -> Mapping[Ref, Part]:
        return {part.ref: part for part in self.parts if part.kind == INVOCATION}


def costs_of(picture: Picture, runs: Runs, calls: Calls, tables: Tables) -> Costs:
    """All that has a price, or should have: a call of a service without prices is a part without an amount."""
    told = [(span, run) for span in picture.invocations if (run := _run_of(span, runs))]
    shares = Shares(picture)
    parts = [*_of_runs(told, tables, shares), *_of_calls(picture, calls, tables, shares)]
    billed = {span.ref: run.billed_ms for span, run in told if run.billed_ms is not None}
    return Costs(sorted(parts, key=lambda part: -(part.share or 0)), billed)


def _run_of(span: Span, runs: Runs) -> Run | None:
    """The one that the span is told of; of several attempts that of its sandbox."""
    same = runs.get(span.request_id, ())
    own = [run for run in same if run.span_id == span.ref.span_id] or [
        run for run in same if run.instance == span.process
    ]
    return next(iter(own or (same if len(same) == 1 else ())), None)


def _of_runs(told: Sequence[tuple[Span, Run]], tables: Tables, shares: Shares) -> Iterator[Part]:
    for span, run in told:
        yield _part(INVOCATION, span.ref, "lambda", cost_of_run(run, tables), shares)
        batch = {
            "messaging.batch.message_count": span.record_count or 1,
            "messaging.destination.name": span.destination,
        }
        delivered = usage_of_trigger(run.trigger or "", run.region or "", batch)
        if delivered:
            table = tables[partition_of(run.region or "")]
            cost = price(delivered, table, day_of(run.start_time_unix_nano))
            yield _part(DELIVERY, span.ref, delivered[0].service, cost, shares)


def _of_calls(picture: Picture, calls: Calls, tables: Tables, shares: Shares) -> Iterator[Part]:
    for ref in picture.members:
        if ref in calls:
            call, day = calls[ref]
            if usages := usages_of(call):
                cost = price(usages, tables[partition_of(call.region)], day)
                yield _part(CALL, ref, usages[0].service, cost, shares)


def _part(kind: str, ref: Ref, service: str, cost: Cost, shares: Shares) -> Part:
    share = None if cost.amount is None else shares.of(ref).of(cost.amount)
    return Part(kind, ref, service, cost, share)


def cost_answer(costs: Costs) -> dict[str, Any]:
    """`cost_usd`, `cost_basis` and `cost_parts` of `models.Transaction`."""
    return {
        "cost_usd": _sum(costs.parts, "USD"),
        "cost_basis": _basis(costs.parts),
        "cost_parts": [_part_answer(part) for part in costs.parts[:MOST_PARTS]],
    }


def _sum(parts: Sequence[Part], currency: str) -> float | None:
    shares = [part.share for part in parts if part.share is not None and part.cost.currency == currency]
    return rounded(exact_sum(shares)) if shares else None


def _basis(parts: Sequence[Part]) -> dict[str, Any] | None:
    """`models.CostBasis` of all parts that pay in the currency of the first."""
    if not parts:
        return None
    first = parts[0].cost
    reasons = [reason for part in parts for reason in part.cost.why_estimated]
    reasons += [
        f"not in the sum: {part.service}, billed in {part.cost.currency}"
        for part in parts
        if part.cost.currency != first.currency
    ]
    return {
        "kind": "estimated" if reasons else "exact",
        "prices": first.version,
        "currency": first.currency,
        "amount": _sum(parts, first.currency),
        "why_estimated": list(dict.fromkeys(reasons)),
    }


def _part_answer(part: Part) -> dict[str, Any]:
    whole = figures(part.cost)
    return {
        "kind": part.kind,
        "trace_id": part.ref.trace_id,
        "span_id": part.ref.span_id,
        "service": part.service,
        "cost_usd": part.usd,
        "full_cost_usd": whole["cost_usd"],
        "cost_basis": whole["cost_basis"],
    }
