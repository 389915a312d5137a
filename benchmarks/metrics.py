"""Figures as tables: systems side by side, medians over the rounds, and what Coldlight takes of Rotel's."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import isnan, nan
from statistics import median

from benchmarks.growth import Level
from benchmarks.ingest import Cost, Figures
from benchmarks.query import Latency
from benchmarks.replay import Replay
from benchmarks.report import Report
from benchmarks.system import CLICKHOUSE, COLLECTOR

OURS, THEIRS = "Coldlight", "Rotel"


@dataclass(frozen=True)
class Metric:
    """A row of the ingest table: a number of each measurement. NaN is unknown."""

    name: str
    of: Callable[[Figures], float]
    digits: int = 0
    compared: bool = True
    """Whether the quotient of Coldlight and Rotel says anything."""


def cpu_per_million_s(cost: Cost, seconds: Mapping[str, float], *roles: str) -> float:
    """CPU seconds of these roles for a million items, which are microseconds for one."""
    return sum(seconds.get(role, nan) for role in roles) / cost.sent.items * 1e6


def _visible(*roles: str) -> Callable[[Figures], float]:
    return lambda each: cpu_per_million_s(each.cost, each.cost.cpu_visible_s, *roles)


def _settled(*roles: str) -> Callable[[Figures], float]:
    return lambda each: cpu_per_million_s(each.cost, each.cost.cpu_settled_s, *roles)


def _memory(role: str) -> Callable[[Figures], float]:
    return lambda each: each.cost.peak_memory_mb.get(role, nan)


METRICS = (
    Metric("sent to visible, a second", lambda each: each.cost.visible_per_s),
    Metric(
        "acknowledged, a second",
        lambda each: each.cost.sent.items / (each.cost.sent.acknowledged_s - each.cost.sent.started_s),
    ),
    Metric("answer, p50 ms", lambda each: each.cost.sent.p50_ms, 1),
    Metric("answer, p99 ms", lambda each: each.cost.sent.p99_ms, 1),
    Metric("CPU s a million: collector", _visible(COLLECTOR), 2),
    Metric("CPU s a million: ClickHouse until visible", _visible(CLICKHOUSE), 2),
    Metric("CPU s a million: ClickHouse, merges too", _settled(CLICKHOUSE), 2),
    Metric("CPU s a million: both until visible", _visible(COLLECTOR, CLICKHOUSE), 2),
    Metric("CPU s a million: both, merges too", _settled(COLLECTOR, CLICKHOUSE), 2),
    Metric("peak memory, collector, MB", _memory(COLLECTOR)),
    Metric("peak memory, ClickHouse, MB", _memory(CLICKHOUSE)),
    Metric("disk, bytes each", lambda each: each.footprint.table_bytes / each.footprint.items, 1),
    Metric("disk, all tables, bytes each", lambda each: each.footprint.all_bytes / each.footprint.items, 1),
    Metric("last acknowledged to visible under load, ms", lambda each: each.cost.behind_s * 1000),
    Metric("acknowledged to visible when quiet, p50 ms", lambda each: median(each.freshness_ms)),
    Metric("acknowledged to visible when quiet, max ms", lambda each: max(each.freshness_ms)),
    Metric("acknowledged and missing", lambda each: each.cost.missing, compared=False),
    Metric("stored more than once", lambda each: each.footprint.rows - each.footprint.items, compared=False),
    Metric("requests told to come again", lambda each: each.cost.sent.retries, compared=False),
    Metric("sent, bytes each", lambda each: each.cost.sent.bytes / each.cost.sent.items, compared=False),
    Metric(
        "sender, CPU s a million", lambda each: each.cost.sent.cpu_s / each.cost.sent.items * 1e6, 2, False
    ),
    Metric("cores busy with anything else", lambda each: each.cost.other_cores, 2, False),
)


def ingest(figures: Sequence[Figures], acknowledges: Mapping[str, str]) -> Iterator[Report]:
    """A table for each workload: systems side by side, with their spread over the rounds."""
    for workload in dict.fromkeys(each.workload for each in figures):
        of_workload = [each for each in figures if each.workload == workload]
        names = dict.fromkeys(each.candidate for each in of_workload)
        rounds = {name: [each for each in of_workload if each.candidate == name] for name in names}
        quotient = {OURS, THEIRS} <= names.keys()
        rows = [_row(metric, rounds, quotient) for metric in METRICS]
        rows.insert(1, ["least and most of the rounds", *map(_range, rounds.values())])
        rows.append(["merges settled in every round", *map(_all_settled, rounds.values())])
        rows.append(["an acknowledgement means", *(acknowledges[name] for name in rounds)])
        columns = ["", *rounds, *([f"{OURS} / {THEIRS}"] if quotient else [])]
        sizes = {(each.cost.sent.items, len(measured)) for measured in rounds.values() for each in measured}
        title = "; ".join(f"{workload}, {items:,} in all, median of {count}" for items, count in sizes)
        yield Report(title, columns, [[*row, *[""] * (len(columns) - len(row))] for row in rows])


def _row(metric: Metric, rounds: Mapping[str, Sequence[Figures]], quotient: bool) -> list[str]:
    medians = {name: median(map(metric.of, measured)) for name, measured in rounds.items()}
    shown = [_number(value, metric.digits) for value in medians.values()]
    if not quotient or not metric.compared or not medians[THEIRS]:
        return [metric.name, *shown]
    return [metric.name, *shown, _number(medians[OURS] / medians[THEIRS], 2)]


def _number(value: float, digits: int) -> str:
    return "unknown" if isnan(value) else f"{value:,.{digits}f}"


def _range(measured: Sequence[Figures]) -> str:
    speeds = [each.cost.visible_per_s for each in measured]
    return f"{min(speeds):,.0f} to {max(speeds):,.0f}"


def _all_settled(measured: Sequence[Figures]) -> str:
    return "yes" if all(each.cost.settled for each in measured) else "no"


def query(latencies: Sequence[Latency]) -> Report:
    columns = ["system", "request", "spans stored", "queries", "p50 ms", "p95 ms", "max ms"]
    rows = [
        [each.candidate, each.request, f"{each.spans:,}", str(each.queries)]
        + [f"{value:.1f}" for value in (each.p50_ms, each.p95_ms, each.max_ms)]
        for each in latencies
    ]
    return Report("Queries, one client", columns, rows)


def growth(levels: Sequence[Level]) -> Report:
    columns = [
        "system",
        "spans stored",
        "sent to visible, a second",
        "CPU s a million: collector",
        "ClickHouse, merges too",
        "peak memory, collector, MB",
        "one trace, p50 ms",
        "p95 ms",
        "newest traces, p50 ms",
        "p95 ms",
    ]
    return Report("What the next spans and a look cost", columns, [_level(level) for level in levels])


def _level(level: Level) -> list[str]:
    cost = level.cost
    numbers = [
        (cost.visible_per_s, 0),
        (cpu_per_million_s(cost, cost.cpu_visible_s, COLLECTOR), 2),
        (cpu_per_million_s(cost, cost.cpu_settled_s, CLICKHOUSE), 2),
        (cost.peak_memory_mb[COLLECTOR], 0),
        *((value, 1) for latency in level.latencies for value in (latency.p50_ms, latency.p95_ms)),
    ]
    return [level.candidate, f"{level.stored:,}", *(_number(value, digits) for value, digits in numbers)]


def replay(measured: Sequence[Replay]) -> Report:
    columns = ["journal, MiB", "ready after s", "first answer after s", "drained after s", "peak memory, MB"]
    rows = [
        [f"{each.journal_bytes / 2**20:,.0f}"]
        + [f"{value:.1f}" for value in (each.ready_s, each.acknowledged_s, each.drained_s)]
        + [f"{each.peak_memory_mb:,.0f}"]
        for each in measured
    ]
    return Report("A killed collector starts again", columns, rows)
