"""Deployments: when each version of a function was first seen, and how its runs did against those of the versions before.

Runs are compared by the version that ran them and not by the clock, and warm ones apart from cold ones: a new version is
always colder. A function that runs `$LATEST` only is told apart by its `service.version`.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from coldlight_query import cursors
from coldlight_query.cost.functions import read_function_costs
from coldlight_query.cost.pricing import Cost
from coldlight_query.cost.single import figures
from coldlight_query.cost.spending import Tables
from coldlight_query.invocations.functions import quantiles
from coldlight_query.invocations.names import Identity
from coldlight_query.invocations.runs import Stretch, in_stretch
from coldlight_query.statements import statement
from coldlight_query.times import LATEST_NS
from coldlight_storage import Reader, Row

_ROUTE = "deployments"


@dataclass(frozen=True)
class Deployment:
    """A version first seen at `first_ns`. `is_published`: one of Lambda's, and not of the service's own."""

    function: Identity
    version: str
    service_version: str
    is_published: bool
    first_ns: int
    last_ns: int

    @property
    def place(self) -> tuple[int, str, str, str, str]:
        return self.first_ns, self.function.name, self.function.account, self.function.region, self.version


@dataclass(frozen=True)
class Asked:
    """Versions first seen in [start_ns, end_ns], of one function or of all; compared over `window_ns` before and after."""

    start_ns: int
    end_ns: int
    window_ns: int
    function: Identity | None = None
    limit: int = 20
    cursor: str | None = None


def read_deployments(store: Reader, asked: Asked, prices: Tables) -> dict[str, Any]:
    """`models.Deployments`, newest first."""
    name = asked.function.name if asked.function else ""
    rows = store.select(statement("invocations/versions"), {"function": name})
    before = cursors.decode(asked.cursor, _ROUTE, int, str, str, str, str) if asked.cursor else None
    found = [one for one in deployments_of(rows) if _is_wanted(one, asked, before)]
    found.sort(key=lambda one: one.place, reverse=True)
    page = found[: asked.limit]
    return {
        "deployments": [_compared(store, one, asked.window_ns, prices) for one in page],
        "next_cursor": cursors.encode(_ROUTE, *page[-1].place) if len(found) > asked.limit else None,
    }


def _is_wanted(one: Deployment, asked: Asked, before: Sequence[Any] | None) -> bool:
    return (
        asked.start_ns <= one.first_ns <= asked.end_ns
        and (before is None or one.place < tuple(before))
        and (asked.function is None or one.function.may_be(asked.function))
    )


def deployments_of(rows: Iterable[Row]) -> list[Deployment]:
    """Of rows of `versions.sql`. Where an account or region is not told, it is that of the function's other rows, if those
    agree; and where Lambda's versions are known, the service's own are none beside them."""
    told = [
        Deployment(
            Identity(row["function"], row["account"], row["region"]),
            row["version"],
            row["service_version"],
            row["is_published"],
            row["first_ns"],
            row["last_ns"],
        )
        for row in rows
    ]
    known = [one.function for one in told]
    merged: dict[tuple[Identity, str], Deployment] = {}
    for one in (replace(one, function=_identified(one.function, known)) for one in told):
        key = (one.function, one.version)
        merged[key] = _together(merged[key], one) if key in merged else one
    published = {one.function for one in merged.values() if one.is_published}
    return [one for one in merged.values() if one.is_published or one.function not in published]


def _identified(function: Identity, known: Sequence[Identity]) -> Identity:
    namesakes = [other for other in known if other.name == function.name]
    accounts = {other.account for other in namesakes if other.account}
    regions = {other.region for other in namesakes if other.region}
    return Identity(
        function.name,
        function.account or (accounts.pop() if len(accounts) == 1 else ""),
        function.region or (regions.pop() if len(regions) == 1 else ""),
    )


def _together(one: Deployment, other: Deployment) -> Deployment:
    return replace(
        one,
        service_version=max(one.service_version, other.service_version),
        is_published=one.is_published or other.is_published,
        first_ns=min(one.first_ns, other.first_ns),
        last_ns=max(one.last_ns, other.last_ns),
    )


def _compared(store: Reader, one: Deployment, window_ns: int, prices: Tables) -> dict[str, Any]:
    """`models.Deployment`."""
    cohorts = _cohorts(store, one, window_ns, prices)
    return {
        "function": one.function.name,
        "arn": one.function.arn,
        "account": one.function.account or None,
        "region": one.function.region or None,
        "version": one.version if one.is_published else None,
        "service_version": one.service_version or None,
        "first_seen_unix_nano": one.first_ns,
        "last_seen_unix_nano": one.last_ns,
        "before": cohorts.get(False),
        "after": cohorts.get(True),
    }


def _cohorts(store: Reader, one: Deployment, window_ns: int, prices: Tables) -> dict[bool, dict[str, Any]]:
    """`models.Cohort`s: of other versions before, and of this one after; those without any runs are missing."""
    stretch = Stretch(one.first_ns - window_ns, min(one.first_ns + window_ns, LATEST_NS), one.function.name)
    asked = {
        "account": one.function.account,
        "region": one.function.region,
        "version": one.version,
        "is_published": one.is_published,
        "first_ns": one.first_ns,
    }
    rows = store.select(in_stretch("cohorts"), stretch.parameters() | asked)
    costs = read_function_costs(store, stretch, prices, split_ns=one.first_ns)
    found = {bool(row["of_version"]): row for row in rows}
    return {
        of_version: _cohort(row, costs.of_cohort(one.function, one.version, one.is_published, of_version))
        for of_version, row in found.items()
    }


def _cohort(row: Row, cost: Cost) -> dict[str, Any]:
    return {
        **{name: row[name] for name in _COUNTS},
        "error_share": row["errors"] / row["invocations"],
        "cold_duration_ms": quantiles(row["cold_duration_ms"]),
        "warm_duration_ms": quantiles(row["warm_duration_ms"]),
        "billed_ms": row["billed_ms"],
        **figures(cost),
    }


_COUNTS = ("invocations", "errors", "timeouts", "out_of_memory", "cold_starts")
