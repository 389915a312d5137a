"""Usage of a month as AWS bills it: quantities are added up, and then priced with tiers and free tiers.

Tiers count each account's usage of a service's dimension in a region, free tiers each account's in all regions
(https://aws.amazon.com/lambda/pricing/). Sums are over quantities, so that the month's amount is the same however its
usage was cut into days.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from coldlight_query.cost.price_tables import FreeTier, PriceTable, Tier
from coldlight_query.cost.pricing import exact_sum
from coldlight_query.cost.usage import EXACT, Usage


@dataclass(frozen=True)
class DayUsage:
    """Usage of an account on a day."""

    account: str
    day: date
    usage: Usage


@dataclass(frozen=True)
class Line:
    """One line of a month's bill. `amount` is for `quantity` without `free`; None where the table has no price."""

    account: str
    service: str
    region: str
    dimension: str
    unit: str | None
    quantity: Decimal
    free: Decimal
    amount: Decimal | None
    currency: str
    why_estimated: tuple[str, ...]


@dataclass(frozen=True)
class _Stretch:
    """What was used while one price held."""

    tiers: tuple[Tier, ...]
    quantity: Decimal


_LineKey = tuple[str, str, str, str]
"""Account, service, region, dimension."""


def month_lines(days: Iterable[DayUsage], table: PriceTable, *, with_free_tiers: bool = True) -> list[Line]:
    """The lines of a month's bill, in order of account, service, region and dimension. All of `days` is one month."""
    usage = list(days)
    by_line: dict[_LineKey, list[DayUsage]] = {}
    for entry in usage:
        used = entry.usage
        by_line.setdefault((entry.account, used.service, used.region, used.dimension), []).append(entry)
    free = _free(by_line, table) if with_free_tiers else {}
    return [_line(key, by_line[key], free.get(key, Decimal(0)), table) for key in sorted(by_line)]


def _line(key: _LineKey, days: list[DayUsage], free: Decimal, table: PriceTable) -> Line:
    account, service, region, dimension = key
    quantity = exact_sum(entry.usage.quantity for entry in days)
    reasons = [reason for entry in days for reason in entry.usage.why_estimated]
    unit, currency = None, table.currency
    stretches: dict[date, _Stretch] = {}
    for entry in sorted(days, key=lambda entry: entry.day):
        found = table.find(service, region, dimension, entry.day)
        if found is None:
            nothing = f"the table has no price for {service} {dimension}"
            return Line(*key, None, quantity, free, None, currency, (nothing,))
        reasons.extend(found.doubts)
        unit, currency = found.price.unit, found.price.currency
        before = stretches.get(found.price.effective_from)
        so_far = before.quantity if before else Decimal(0)
        stretches[found.price.effective_from] = _Stretch(
            found.price.tiers, EXACT.add(so_far, entry.usage.quantity)
        )
    amount = _charged(list(stretches.values()), free)
    return Line(
        account,
        service,
        region,
        dimension,
        unit,
        quantity,
        free,
        amount,
        currency,
        tuple(dict.fromkeys(reasons)),
    )


def _charged(stretches: list[_Stretch], free: Decimal) -> Decimal:
    """The free quantity is used up first; the tiers go on counting where a price changed within the month."""
    amount, counted = Decimal(0), Decimal(0)
    for stretch in stretches:
        billed = max(Decimal(0), EXACT.subtract(stretch.quantity, free))
        free = max(Decimal(0), EXACT.subtract(free, stretch.quantity))
        amount = EXACT.add(amount, tiered(stretch.tiers, counted, billed))
        counted = EXACT.add(counted, billed)
    return amount


def tiered(tiers: Iterable[Tier], start: Decimal, quantity: Decimal) -> Decimal:
    """What `quantity` costs in a month in which `start` has been billed before it."""
    end, floor, amount = EXACT.add(start, quantity), Decimal(0), Decimal(0)
    for tier in tiers:
        ceiling = end if tier.up_to is None else min(end, tier.up_to)
        within = EXACT.subtract(ceiling, max(start, floor))
        if within > 0:
            amount = EXACT.add(amount, EXACT.multiply(within, tier.price))
        if tier.up_to is None or end <= tier.up_to:
            break
        floor = tier.up_to
    return amount


def _free(by_line: dict[_LineKey, list[DayUsage]], table: PriceTable) -> dict[_LineKey, Decimal]:
    """How much of each line is free. AWS does not say which of several lines a free tier goes to: here the first one's
    usage has it, in the order of the lines."""
    left: dict[tuple[str, FreeTier], Decimal] = {}
    taken: dict[_LineKey, Decimal] = {}
    for key in sorted(by_line):
        account, service, _, dimension = key
        tier = table.free_tier(service, dimension)
        if tier is None:
            continue
        remaining = left.setdefault((account, tier), tier.monthly)
        taken[key] = min(remaining, exact_sum(entry.usage.quantity for entry in by_line[key]))
        left[account, tier] = EXACT.subtract(remaining, taken[key])
    return taken


def total(lines: Iterable[Line]) -> Decimal:
    """The sum of all lines that have a price."""
    return exact_sum(line.amount for line in lines if line.amount is not None)
