"""What functions need not have cost in a stretch of time: `waste.py` over what the store knows."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from coldlight_query.cost.lambda_usage import ARCHITECTURES, X86, BilledRun, usage_of_run
from coldlight_query.cost.price_tables import PriceTable, partition_of
from coldlight_query.cost.pricing import exact_sum, price, rounded
from coldlight_query.cost.reading import WASTE, Group, read_groups, select_runs
from coldlight_query.cost.spending import Tables
from coldlight_query.cost.usage import Usage
from coldlight_query.cost.waste import Environment, MemoryUse, Proposal, idle_concurrency, right_size
from coldlight_query.invocations.runs import Stretch
from coldlight_query.statements import statement
from coldlight_storage import Reader, Row

Whose = tuple[str, str, str]
"""Function, account, region."""


@dataclass(frozen=True)
class _Part:
    """Some of a function's invocations, and what they cost; None where that is billed in another currency than USD."""

    invocations: int
    usd: Decimal | None


def read_waste(store: Reader, tables: Tables, stretch: Stretch) -> dict[str, Any]:
    """`models.Waste`."""
    groups = _by_function(read_groups(store, stretch, (WASTE,)))
    sizes = _rows_of(select_runs(store, statement("cost/memory"), stretch, {}))
    idle = _rows_of(select_runs(store, statement("cost/provisioned"), stretch, {}))
    functions = [
        _function(whose, groups[whose], sizes.get(whose, []), idle.get(whose, []), tables) for whose in groups
    ]
    return {
        "start_time_unix_nano": stretch.start_ns,
        "end_time_unix_nano": stretch.end_ns,
        "prices": tables["aws"].version,
        "functions": sorted(functions, key=_most_first),
    }


def _most_first(function: Mapping[str, Any]) -> tuple[float, str]:
    saved = (function["right_size"] or {}).get("saved_usd") or 0
    known = (
        function["failed_usd"],
        function["retried_usd"],
        function["layer_usd"],
        function["idle_concurrency_usd"],
    )
    return -sum((amount or 0 for amount in known), saved), function["function"]


def _by_function(groups: Iterable[Group]) -> dict[Whose, list[Group]]:
    found: dict[Whose, list[Group]] = {}
    for group in groups:
        found.setdefault(_whose(group.row), []).append(group)
    return found


def _rows_of(rows: Iterable[Row]) -> dict[Whose, list[Row]]:
    found: dict[Whose, list[Row]] = {}
    for row in rows:
        found.setdefault(_whose(row), []).append(row)
    return found


def _whose(row: Row) -> Whose:
    return row["function"], row["account"], row["region"]


def _function(
    whose: Whose, groups: list[Group], sizes: list[Row], idle: list[Row], tables: Tables
) -> dict[str, Any]:
    table = tables[partition_of(whose[2])]
    failed = _part([group for group in groups if group.row["is_failed"]], table)
    retries = _part([group for group in groups if group.row["is_retry"]], table)
    everything = _part(groups, table)
    proposal = _proposal(sizes, groups, table)
    return {
        "function": whose[0],
        "account": whose[1],
        "region": whose[2],
        "invocations": everything.invocations,
        "cost_usd": _rounded(everything.usd),
        "failed_invocations": failed.invocations,
        "failed_usd": _rounded(failed.usd),
        "retries": retries.invocations,
        "retried_usd": _rounded(retries.usd),
        "layer_ms": _sum_known(group.row["total_added_ms"] for group in groups),
        "layer_usd": _rounded(_added(groups, table)),
        "idle_concurrency_usd": _rounded(_idle(idle, groups, table)),
        "right_size": None if proposal is None else _right_size(proposal),
    }


def _part(groups: Sequence[Group], table: PriceTable) -> _Part:
    amounts = [price(usage_of_run(group.run), table, group.run.day).amount or Decimal(0) for group in groups]
    usd = exact_sum(amounts) if table.currency == "USD" else None
    return _Part(sum(group.run.invocations for group in groups), usd)


def _added(groups: Sequence[Group], table: PriceTable) -> Decimal | None:
    """The compute that extensions took after the runtime was done; None where nobody tells how long that was."""
    added = [
        replace(group.run, billed_ms=group.row["total_added_ms"], is_restored=False)
        for group in groups
        if group.run.memory_mb is not None and group.row["total_added_ms"] is not None
    ]
    if not added or table.currency != "USD":
        return None
    return exact_sum(price(_compute(run), table, run.day).amount or Decimal(0) for run in added)


def _compute(run: BilledRun) -> list[Usage]:
    return [usage for usage in usage_of_run(run) if "gb_seconds" in usage.dimension]


def _sum_known(numbers: Iterable[int | None]) -> int | None:
    known = [number for number in numbers if number is not None]
    return sum(known) if known else None


def _rate(row: Row, dimension: str, groups: Sequence[Group], table: PriceTable) -> Decimal | None:
    """The price of a GB-second on the last day, in USD."""
    architecture = ARCHITECTURES.get(row["architecture"], X86)
    day = max(group.run.day for group in groups)
    found = table.find("lambda", row["region"], f"{dimension}_{architecture}", day)
    return None if found is None or found.price.currency != "USD" else found.price.tiers[0].price


def _idle(rows: Sequence[Row], groups: Sequence[Group], table: PriceTable) -> Decimal | None:
    if not rows:
        return Decimal(0)
    rate = _rate(rows[0], "provisioned_gb_seconds", groups, table)
    if rate is None:
        return None
    environments = [
        Environment(row["size_mb"], row["first_ms"], row["last_ms"], row["busy_ms"]) for row in rows
    ]
    return idle_concurrency(environments, rate)


def _proposal(rows: Sequence[Row], groups: Sequence[Group], table: PriceTable) -> Proposal | None:
    rate = _rate(rows[0], "gb_seconds", groups, table) if rows else None
    if rate is None:
        return None
    uses = [
        MemoryUse(row["size_mb"], row["p99_used_mb"], row["invocations"], row["total_billed_ms"])
        for row in rows
    ]
    return right_size(uses, rate)


def _right_size(proposal: Proposal) -> dict[str, Any]:
    return {
        "memory_mb": proposal.memory_mb,
        "saved_usd": _rounded(proposal.saved),
        "is_measured": proposal.is_measured,
        "reason": proposal.reason,
    }


def _rounded(amount: Decimal | None) -> float | None:
    return None if amount is None else rounded(amount)
