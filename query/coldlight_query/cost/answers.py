"""What the routes of `/cost` answer."""

from collections.abc import Mapping, Sequence
from typing import Any

from coldlight_query.cost.month import Line, total
from coldlight_query.cost.price_tables import PriceTable
from coldlight_query.cost.pricing import rounded
from coldlight_query.cost.reading import read_spent
from coldlight_query.cost.single import figures
from coldlight_query.cost.spending import KeyCost, Spent, Tables, costs_by_key, month_of
from coldlight_query.invocations.runs import Stretch
from coldlight_storage import Reader


def read_costs(store: Reader, tables: Tables, stretch: Stretch, by: Sequence[str]) -> dict[str, Any]:
    """`models.Spendings`."""
    spent = read_spent(store, stretch, by)
    everything = [Spent((), one.account, one.day, one.usages, one.invocations) for one in spent]
    return {
        "start_time_unix_nano": stretch.start_ns,
        "end_time_unix_nano": stretch.end_ns,
        "by": list(by),
        "costs": [_spending(one) for one in costs_by_key(spent, tables)],
        "totals": [_spending(one) for one in costs_by_key(everything, tables)],
    }


def _spending(one: KeyCost) -> dict[str, Any]:
    return {**dict(one.keys), "invocations": one.invocations, **figures(one.cost)}


def read_month(
    store: Reader, tables: Tables, month: str, stretch: Stretch, with_free_tiers: bool
) -> dict[str, Any]:
    """`models.Month`."""
    bills = month_of(read_spent(store, stretch, ()), tables, with_free_tiers=with_free_tiers)
    return {
        "month": month,
        "with_free_tiers": with_free_tiers,
        "bills": [_bill(table, lines) for table, lines in bills],
    }


def _bill(table: PriceTable, lines: Sequence[Line]) -> dict[str, Any]:
    is_exact = all(line.amount is not None and not line.why_estimated for line in lines)
    return {
        "partition": table.partition,
        "prices": table.version,
        "currency": table.currency,
        "lines": [_line(line) for line in lines],
        "total": rounded(total(lines)),
        "kind": "exact" if is_exact else "estimated",
    }


def _line(line: Line) -> Mapping[str, Any]:
    return {
        "account": line.account,
        "service": line.service,
        "region": line.region,
        "dimension": line.dimension,
        "unit": line.unit,
        "quantity": f"{line.quantity:f}",
        "free": f"{line.free:f}",
        "amount": None if line.amount is None else rounded(line.amount),
        "why_estimated": list(line.why_estimated),
    }
