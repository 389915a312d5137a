"""Usage at a table's prices.

One request is priced at the marginal rate: that of the first tier, without a free tier. What a month's volume
takes off is nobody's request in particular, and is known when the month is (`month.py`).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any

from coldlight_query.cost.price_tables import PriceTable
from coldlight_query.cost.usage import EXACT, Usage

PICO = Decimal("0.000000000001")
"""Answers are rounded to this; sums are not."""


@dataclass(frozen=True)
class Charge:
    """What a usage costs. `amount` is None where the table has no price for it."""

    usage: Usage
    amount: Decimal | None
    currency: str
    doubts: tuple[str, ...] = ()

    @property
    def why_estimated(self) -> tuple[str, ...]:
        return (*self.usage.why_estimated, *self.doubts)


@dataclass(frozen=True)
class Cost:
    """The sum of charges. Exact is one of which nothing was assumed: each quantity as AWS reports it, each price verified."""

    charges: tuple[Charge, ...]
    currency: str
    version: str

    @property
    def amount(self) -> Decimal | None:
        """None where nothing of it has a price."""
        amounts = [charge.amount for charge in self.charges if charge.amount is not None]
        return exact_sum(amounts) if amounts else None

    @property
    def why_estimated(self) -> list[str]:
        """Each reason once, in order."""
        return list(dict.fromkeys(reason for charge in self.charges for reason in charge.why_estimated))

    @property
    def basis(self) -> dict[str, Any]:
        """`models.CostBasis`."""
        amount = self.amount
        return {
            "kind": "estimated" if self.why_estimated else "exact",
            "prices": self.version,
            "currency": self.currency,
            "amount": None if amount is None else rounded(amount),
            "why_estimated": self.why_estimated,
        }

    @property
    def usd(self) -> float | None:
        """The amount in USD; None where it is unknown, or billed in another currency (see `basis`)."""
        amount = self.amount
        return None if amount is None or self.currency != "USD" else rounded(amount)


def price(usages: Iterable[Usage], table: PriceTable, day: date) -> Cost:
    """Usage of one request at the marginal rate of a day."""
    return Cost(tuple(_charge(usage, table, day) for usage in usages), table.currency, table.version)


def added(costs: Sequence[Cost], table: PriceTable) -> Cost:
    """All of them in the currency of the first; of none, that of a table."""
    first = costs[0] if costs else Cost((), table.currency, table.version)
    return Cost(tuple(charge for cost in costs for charge in cost.charges), first.currency, first.version)


def _charge(usage: Usage, table: PriceTable, day: date) -> Charge:
    found = table.find(usage.service, usage.region, usage.dimension, day)
    if found is None:
        nothing = f"the table has no price for {usage.service} {usage.dimension}"
        return Charge(usage, None, table.currency, (nothing,))
    amount = EXACT.multiply(usage.quantity, found.price.tiers[0].price)
    return Charge(usage, amount, found.price.currency, found.doubts)


def exact_sum(amounts: Iterable[Decimal]) -> Decimal:
    """A sum that raises `decimal.Inexact` rather than lose a digit."""
    total = Decimal(0)
    for amount in amounts:
        total = EXACT.add(total, amount)
    return total


def rounded(amount: Decimal) -> float:
    """For an answer: 12 decimals, half to even."""
    return float(amount.quantize(PICO, ROUND_HALF_EVEN))
