"""What the store knows of a stretch of time, as usage under keys.

ClickHouse counts invocations and calls that are alike, so that what is priced here are some hundreds of groups and not the
millions of rows behind them.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import orjson

from coldlight_query.cost.call_usage import Call, usage_of_trigger
from coldlight_query.cost.lambda_usage import (
    ARCHITECTURES,
    INIT_IS_BILLED_SINCE,
    PROVISIONED,
    BilledRun,
    usage_of_run,
)
from coldlight_query.cost.single import usages_of
from coldlight_query.cost.spending import Keys, Spent
from coldlight_query.cost.usage import EXACT, Usage
from coldlight_query.invocations.runs import Stretch, over_stretch
from coldlight_query.statements import statement
from coldlight_storage import Reader, Row

FUNCTION, ROUTE, TENANT_ID, DAY, SERVICE = "function", "route", "tenant_id", "day", "service"
DIMENSIONS = (FUNCTION, ROUTE, TENANT_ID, DAY, SERVICE)
"""What costs can be grouped by."""

LAMBDA_SERVICE = "lambda"

IN_STRETCH = "Timestamp >= fromUnixTimestamp64Nano({start_ns:Int64}) AND Timestamp <= fromUnixTimestamp64Nano({end_ns:Int64})"

WASTE, VERSION = "waste", "version"
"""What invocations are told apart by, too: failures and retries; versions of the function and of its service."""


@dataclass(frozen=True)
class Group:
    """Invocations that are alike in all that their price depends on."""

    row: Row
    run: BilledRun

    @property
    def account(self) -> str:
        return str(self.row["account"])


def read_groups(store: Reader, stretch: Stretch, by: Sequence[str], split_ns: int = 0) -> list[Group]:
    """The invocations of a stretch, told apart by what `by` names, and by whether they began before `split_ns`."""
    counted = statement("cost/attempts" if WASTE in by else "cost/known_runs")
    text = statement("cost/runs").replace("$counted", counted)
    bound = {"by": list(by), "split_ns": split_ns, "init_is_billed_since": INIT_IS_BILLED_SINCE}
    return [Group(row, _run(row)) for row in select_runs(store, text, stretch, bound)]


def select_runs(store: Reader, text: str, stretch: Stretch, parameters: Mapping[str, Any]) -> list[Row]:
    """The rows of a statement over `cost/known_runs`. An account or region that some runs do not tell is that of the function's
    other runs, if those agree."""
    bound = {**stretch.parameters(), "provisioned": PROVISIONED, **parameters}
    rows = store.select(over_stretch(text, statement("cost/facts_of_run")), bound)
    for name in ("account", "region"):
        known = _only(rows, name)
        rows = [{**row, name: row[name] or known.get(row["function"], "")} for row in rows]
    return rows


def _only(rows: Sequence[Row], name: str) -> dict[str, str]:
    """The one value that each function's rows tell, of those that tell no other."""
    told: dict[str, set[str]] = {}
    for row in rows:
        told.setdefault(row["function"], set()).update({row[name]} - {""})
    return {function: values.pop() for function, values in told.items() if len(values) == 1}


def _run(row: Row) -> BilledRun:
    return BilledRun(
        day=day_from(row["day"]),
        region=row["region"] or None,
        memory_mb=row["memory_mb"],
        billed_ms=row["total_billed_ms"] if row["is_reported"] else None,
        duration_ms=row["total_duration_ms"],
        architecture=ARCHITECTURES.get(row["architecture"]),
        init_type=row["init_type"] or None,
        is_restored=bool(row["is_restored"]),
        is_java=bool(row["is_java"]),
        is_new_tenant_environment=bool(row["is_new_tenant_environment"]),
        invocations=row["invocations"],
    )


def read_spent(store: Reader, stretch: Stretch, by: Sequence[str]) -> list[Spent]:
    """All that was used, under the values of `by`. Calls are nobody's route or tenant: their spans do not tell."""
    groups = read_groups(store, stretch, by)
    spent = [one for group in groups for one in _spent_by_runs(group, by)]
    if ROUTE not in by and TENANT_ID not in by:
        spent.extend(_spent_by_calls(store, stretch, by, _accounts(groups)))
    return spent


def _spent_by_runs(group: Group, by: Sequence[str]) -> Iterator[Spent]:
    """What the function used, and what delivered its events."""
    row, run = group.row, group.run
    by_function = tuple(usage_of_run(run))
    yield Spent(_keys(row, by, LAMBDA_SERVICE), group.account, run.day, by_function, run.invocations)
    delivery = usage_of_trigger(row["trigger"], row["region"], {})
    for usage in times(delivery, run.invocations):
        yield Spent(_keys(row, by, usage.service), group.account, run.day, (usage,))


def _accounts(groups: Sequence[Group]) -> dict[tuple[str, str], str]:
    """The account of each function in each region: spans of calls rarely tell it."""
    return {(group.row["function"], group.row["region"]): group.account for group in groups if group.account}


def _spent_by_calls(
    store: Reader, stretch: Stretch, by: Sequence[str], accounts: Mapping[tuple[str, str], str]
) -> Iterator[Spent]:
    """Calls of AWS APIs, by the functions that made them."""
    parameters = {"start_ns": stretch.start_ns, "end_ns": stretch.end_ns}
    for row in store.select(statement("cost/calls").replace("$among", IN_STRETCH), parameters):
        region = row["function_region"]
        account = row["account"] or accounts.get((row["function"], region), "")
        whose = {**row, "account": account, "region": region}
        for usage in times(usages_of(call_from(row)), row["calls"]):
            yield Spent(_keys(whose, by, usage.service), account, day_from(row["day"]), (usage,))


def call_from(row: Row) -> Call:
    """Of a row of `aws_calls.sql`."""
    attributes = orjson.loads(row["attributes"])
    duration_ms, items = float(row["duration_ms"]), row["items"]
    return Call(row["service"], row["method"], row["region"], attributes, duration_ms, items)


def times(usages: Sequence[Usage], count: int) -> list[Usage]:
    """The same, so many times."""
    return [
        Usage(one.service, one.region, one.dimension, EXACT.multiply(one.quantity, count), one.why_estimated)
        for one in usages
    ]


def _keys(row: Mapping[str, Any], by: Sequence[str], service: str) -> Keys:
    """The names and values of `by`; a function is told apart by its account and region, too."""
    values = {
        FUNCTION: (("function", row["function"]), ("account", row["account"]), ("region", row["region"])),
        ROUTE: ((ROUTE, row.get("by_route", "")),),
        TENANT_ID: ((TENANT_ID, row.get("by_tenant_id", "")),),
        DAY: ((DAY, day_from(row["day"]).isoformat()),),
        SERVICE: ((SERVICE, service),),
    }
    return tuple(pair for name in by for pair in values[name])


def day_from(value: Any) -> date:
    """ClickHouse's Date, in whichever form the store gives it."""
    if isinstance(value, datetime):
        return value.date()
    return value if isinstance(value, date) else date.fromisoformat(str(value)[:10])
