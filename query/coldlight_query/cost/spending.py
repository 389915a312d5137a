"""What was used, gathered under keys (a function, a route, a day ...), and what that costs."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date

from coldlight_query.cost.month import DayUsage, Line, month_lines
from coldlight_query.cost.price_tables import PriceTable, partition_of
from coldlight_query.cost.pricing import Charge, Cost, price
from coldlight_query.cost.usage import Usage

Keys = tuple[tuple[str, str], ...]
"""Names and values: `(("function", "orders"), ("day", "2026-11-23"))`."""
Tables = Mapping[str, PriceTable]


@dataclass(frozen=True)
class Spent:
    """Usage of an account on a day, by whom the keys say. `invocations` is 0 of calls."""

    keys: Keys
    account: str
    day: date
    usages: tuple[Usage, ...]
    invocations: int = 0


@dataclass(frozen=True)
class KeyCost:
    """What one key costs in one currency."""

    keys: Keys
    invocations: int
    cost: Cost


def costs_by_key(spent: Iterable[Spent], tables: Tables) -> list[KeyCost]:
    """The cost of each key, the dearest first; one that pays in two currencies comes twice."""
    charges: dict[tuple[Keys, str], list[Charge]] = {}
    invocations: dict[tuple[Keys, str], int] = {}
    for one in spent:
        for partition, usages in _by_partition(one.usages).items():
            place = (one.keys, partition)
            charges.setdefault(place, []).extend(price(usages, tables[partition], one.day).charges)
            invocations[place] = invocations.get(place, 0) + one.invocations
    found = [
        KeyCost(keys, invocations[keys, partition], _cost(charged, tables[partition]))
        for (keys, partition), charged in charges.items()
    ]
    return sorted(found, key=lambda one: (-(one.cost.amount or 0), one.keys))


def _cost(charges: list[Charge], table: PriceTable) -> Cost:
    return Cost(tuple(charges), table.currency, table.version)


def _by_partition(usages: Iterable[Usage]) -> dict[str, list[Usage]]:
    found: dict[str, list[Usage]] = {}
    for usage in usages:
        found.setdefault(partition_of(usage.region), []).append(usage)
    return found


def month_of(
    spent: Iterable[Spent], tables: Tables, *, with_free_tiers: bool
) -> list[tuple[PriceTable, list[Line]]]:
    """A month's bill from each partition that was used: its table, and the lines."""
    days: dict[str, list[DayUsage]] = {}
    for one in spent:
        for partition, usages in _by_partition(one.usages).items():
            days.setdefault(partition, []).extend(DayUsage(one.account, one.day, usage) for usage in usages)
    return [
        (tables[partition], month_lines(usage, tables[partition], with_free_tiers=with_free_tiers))
        for partition, usage in sorted(days.items())
    ]
