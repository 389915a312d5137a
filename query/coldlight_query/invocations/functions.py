"""The functions page: each function's runs in a stretch of time, counted and measured."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from coldlight_query import cursors
from coldlight_query.cost.functions import read_function_costs
from coldlight_query.cost.pricing import Cost
from coldlight_query.cost.single import figures
from coldlight_query.cost.spending import Tables
from coldlight_query.invocations.names import Identity, identity_of, the_one
from coldlight_query.invocations.runs import Stretch, in_stretch
from coldlight_query.invocations.warnings import Counts, health_of, warnings_of
from coldlight_query.statements import statement
from coldlight_query.times import NS_PER_MS
from coldlight_storage import Reader, Row

_ROUTE = "functions"

Metrics = Mapping[Identity, Row]
"""What CloudWatch tells of functions: rows of `cloudwatch.sql`."""


def read_functions(
    store: Reader, stretch: Stretch, limit: int, cursor: str | None, prices: Tables
) -> dict[str, Any]:
    """`models.Functions`: a page of functions that ran in a stretch, by name."""
    after = tuple(cursors.decode(cursor, _ROUTE, str, str, str)) if cursor is not None else ("", "", "")
    rows = [row for row in _figures(store, stretch) if _place(row) > after]
    metrics, costs = _metrics(store, stretch), read_function_costs(store, stretch, prices)
    page = rows[:limit]
    return {
        **_bounds(stretch),
        "functions": [_function(row, metrics, stretch, costs.of(identity_of(row))) for row in page],
        "next_cursor": cursors.encode(_ROUTE, *_place(page[-1])) if len(rows) > limit else None,
    }


def read_function(
    store: Reader, asked: Identity, stretch: Stretch, prices: Tables, version: str = ""
) -> dict[str, Any]:
    """`models.FunctionOfStretch`. Raises `ProblemError`: 404 for a function that did not run, 409 for the name of several."""
    by_identity = {identity_of(row): row for row in _figures(store, stretch, version)}
    one = the_one(asked, by_identity)
    cost = read_function_costs(store, stretch, prices).of(one, version)
    found = _function(by_identity[one], _metrics(store, stretch), stretch, cost)
    return {**_bounds(stretch), "function": found}


def _figures(store: Reader, stretch: Stretch, version: str = "") -> list[Row]:
    return store.select(in_stretch("figures"), {**stretch.parameters(), "version": version})


def _metrics(store: Reader, stretch: Stretch) -> Metrics:
    rows = store.select(statement("invocations/cloudwatch"), stretch.parameters())
    return {identity_of(row): row for row in rows}


def _place(row: Row) -> tuple[str, str, str]:
    return row["function"], row["account"], row["region"]


def _bounds(stretch: Stretch) -> dict[str, int]:
    return {"start_time_unix_nano": stretch.start_ns, "end_time_unix_nano": stretch.end_ns}


def _function(row: Row, metrics: Metrics, stretch: Stretch, cost: Cost) -> dict[str, Any]:
    """`models.Function` of a row of `figures.sql`."""
    identity = identity_of(row)
    told = _told_by_cloudwatch(identity, metrics)
    counts = Counts(
        **{name: row[name] for name in _COUNTS},
        throttles=told["throttles"],
        iterator_age_ms=told["iterator_age_ms"],
    )
    warnings = warnings_of(counts)
    return {
        "name": identity.name,
        "arn": identity.arn,
        "account": identity.account or None,
        "region": identity.region or None,
        "health": health_of(warnings),
        "warnings": [asdict(warning) for warning in warnings],
        **{name: row[name] for name in ("invocations", "errors", "timeouts", "out_of_memory")},
        "throttles": told["throttles"],
        "cold_starts": row["cold_starts"] if row["known_cold"] else None,
        "cold_start_share": row["cold_starts"] / row["known_cold"] if row["known_cold"] else None,
        "duration_ms": quantiles(row["duration_ms"]),
        "cold_duration_ms": quantiles(row["cold_duration_ms"]),
        "warm_duration_ms": quantiles(row["warm_duration_ms"]),
        "init_ms": quantiles(row["init_ms"]),
        "billed_ms": row["billed_ms"],
        "timeout_ms": row["timeout_ms"],
        **_memory(row),
        "concurrency": _concurrency(row, told["concurrency"], stretch),
        "iterator_age_ms": told["iterator_age_ms"],
        "versions": [_version(version) for version in row["versions"]],
        **figures(cost),
    }


_COUNTS = (
    "invocations",
    "ended",
    "errors",
    "timeouts",
    "out_of_memory",
    "cold_starts",
    "known_cold",
    "near_memory",
    "near_timeout",
)


def quantiles(values: Sequence[float]) -> dict[str, float] | None:
    """`models.RunQuantiles`; None of no values."""
    return dict(zip(("p50", "p95", "p99"), values, strict=True)) if values else None


def _memory(row: Row) -> dict[str, Any]:
    size, used = row["memory_mb"], row["max_memory_used_mb"]
    known = size is not None and used is not None
    return {
        "memory_mb": size,
        "max_memory_used_mb": used,
        "memory_headroom_mb": max(size - used, 0) if known else None,
    }


def _concurrency(row: Row, reported: float | None, stretch: Stretch) -> dict[str, Any]:
    """Runs at once: by the runs themselves, and by CloudWatch."""
    length_ms = (stretch.end_ns - stretch.start_ns) / NS_PER_MS
    busy_ms = row["busy_ms"]
    return {
        "average": busy_ms / length_ms if busy_ms is not None and length_ms > 0 else None,
        "peak": row["peak"] or None,
        "sandboxes": row["sandboxes"] or None,
        "reported_peak": reported,
    }


def _version(told: tuple[str, int, int, int, int]) -> dict[str, Any]:
    version, first_ns, last_ns, invocations, errors = told
    return {
        "version": version or None,
        "first_start_time_unix_nano": first_ns,
        "last_start_time_unix_nano": last_ns,
        "invocations": invocations,
        "errors": errors,
    }


def _told_by_cloudwatch(identity: Identity, metrics: Metrics) -> dict[str, Any]:
    """Of the one function of CloudWatch's that this may be; of none or several nothing is known."""
    found = [row for known, row in metrics.items() if known.may_be(identity)]
    row = found[0] if len(found) == 1 else None
    return {
        "throttles": int(row["throttles"]) if row and row["throttle_points"] else None,
        "concurrency": row["concurrency"] if row and row["concurrency_points"] else None,
        "iterator_age_ms": row["iterator_age_ms"] if row and row["iterator_age_points"] else None,
    }
