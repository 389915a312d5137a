"""Figures as tables: on the terminal, and as Markdown for docs/benchmarks.md."""

import os
import platform
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from math import isnan, nan
from pathlib import Path
from statistics import median

from rich.console import Console
from rich.table import Table

from benchmarks.ingest import Figures
from benchmarks.query import Latency


@dataclass(frozen=True)
class Report:
    """A table: its title, column names, and rows of text."""

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]


@dataclass(frozen=True)
class Metric:
    """A row of the ingest table: a number of each measurement; the median over the rounds is shown."""

    name: str
    of: Callable[[Figures], float]
    digits: int = 0


def _per_span_us(seconds: float, figures: Figures) -> float:
    return seconds / figures.spans * 1e6


def _role_us(role: str) -> Callable[[Figures], float]:
    return lambda figures: _per_span_us(figures.cpu_visible_s.get(role, nan), figures)


METRICS = (
    Metric("sent to visible, spans/s", lambda each: each.visible_per_s),
    Metric("acknowledged, spans/s", lambda each: each.acknowledged_per_s),
    Metric("CPU collector, µs/span", _role_us("collector"), 2),
    Metric("CPU ClickHouse server, µs/span", _role_us("clickhouse"), 2),
    Metric("CPU of both, µs/span", lambda each: _per_span_us(sum(each.cpu_visible_s.values()), each), 2),
    Metric(
        "CPU of both, merges too, µs/span",
        lambda each: _per_span_us(sum(each.cpu_settled_s.values()), each),
        2,
    ),
    Metric("CPU sender, µs/span", lambda each: _per_span_us(each.sender_cpu_s, each), 2),
    Metric("cores busy with anything else", lambda each: each.other_cores, 2),
    Metric("last acknowledged to visible under load, ms", lambda each: each.behind_s * 1000),
    Metric("acknowledged to visible when quiet, p50 ms", lambda each: median(each.freshness_ms)),
    Metric("acknowledged to visible when quiet, max ms", lambda each: max(each.freshness_ms)),
    Metric("collector's peak memory, MB", lambda each: each.collector_peak_mb),
    Metric("disk, span table, bytes/span", lambda each: each.footprint.span_bytes / each.footprint.spans, 1),
    Metric("disk, all tables, bytes/span", lambda each: each.footprint.all_bytes / each.footprint.spans, 1),
    Metric("acknowledged and missing, spans", lambda each: each.missing),
    Metric("stored more than once, spans", lambda each: each.footprint.rows - each.footprint.spans),
    Metric("requests told to come again", lambda each: each.retries),
)


def ingest(figures: Sequence[Figures], acknowledges: dict[str, str]) -> Iterator[Report]:
    """A table for each workload: systems side by side, with their spread over the rounds."""
    for workload in dict.fromkeys(each.workload for each in figures):
        of_workload = [each for each in figures if each.workload == workload]
        names = dict.fromkeys(each.candidate for each in of_workload)
        rounds = {name: [each for each in of_workload if each.candidate == name] for name in names}
        rows = [
            [metric.name, *(_median(metric, measured) for measured in rounds.values())] for metric in METRICS
        ]
        rows.insert(1, ["least and most of the rounds", *map(_range, rounds.values())])
        rows.append(["an acknowledgement means", *(acknowledges[name] for name in rounds)])
        rows.append(["merges settled in every round", *map(_settled, rounds.values())])
        sizes = {(each.spans, len(measured)) for measured in rounds.values() for each in measured}
        title = "; ".join(f"{workload}, {spans:,} spans, median of {count}" for spans, count in sizes)
        yield Report(title, ["", *rounds], rows)


def _median(metric: Metric, measured: Sequence[Figures]) -> str:
    value = median(map(metric.of, measured))
    return "unknown" if isnan(value) else f"{value:,.{metric.digits}f}"


def _range(measured: Sequence[Figures]) -> str:
    speeds = [each.visible_per_s for each in measured]
    return f"{min(speeds):,.0f} to {max(speeds):,.0f}"


def _settled(measured: Sequence[Figures]) -> str:
    return "yes" if all(each.settled for each in measured) else "no"


def query(latencies: Sequence[Latency]) -> Report:
    columns = ["system", "request", "spans stored", "queries", "p50 ms", "p95 ms", "max ms"]
    rows = [
        [each.candidate, each.request, f"{each.spans:,}", str(each.queries)]
        + [f"{value:.1f}" for value in (each.p50_ms, each.p95_ms, each.max_ms)]
        for each in latencies
    ]
    return Report("Queries, one client", columns, rows)


def machine() -> str:
    """What the figures were measured on."""
    models = [
        line.partition(":")[2].strip() for line in _lines("/proc/cpuinfo") if line.startswith("model name")
    ]
    memory_gib = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    model = models[0] if models else platform.machine()
    return f"{os.cpu_count()} cores ({model}), {memory_gib:.0f} GiB, Linux {platform.release()}"


def _lines(path: str) -> list[str]:
    return Path(path).read_text().splitlines()


def show(report: Report, console: Console) -> None:
    table = Table(title=report.title, title_justify="left")
    for number, column in enumerate(report.columns):
        table.add_column(column, justify="right" if number else "left")
    for row in report.rows:
        table.add_row(*row)
    console.print(table)


def markdown(report: Report) -> str:
    lines = [report.columns, ["---", *["---:"] * (len(report.columns) - 1)], *report.rows]
    return f"### {report.title}\n\n" + "".join(f"| {' | '.join(line)} |\n" for line in lines)
