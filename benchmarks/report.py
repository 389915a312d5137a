"""Tables: on the terminal, and as Markdown for docs/benchmarks.md."""

import os
import platform
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table


@dataclass(frozen=True)
class Report:
    """A table: its title, column names, and rows of text."""

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]


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
        table.add_column(column, justify="right" if number else "left", no_wrap=not number)
    for row in report.rows:
        table.add_row(*row)
    console.print(table)


def markdown(report: Report) -> str:
    lines = [report.columns, ["---", *["---:"] * (len(report.columns) - 1)], *report.rows]
    return f"### {report.title}\n\n" + "".join(f"| {' | '.join(line)} |\n" for line in lines)
