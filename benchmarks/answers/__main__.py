"""Measures how fast the query service answers, on an embedded store of a week that is made first and kept."""

from collections.abc import Iterator, Sequence
from itertools import groupby
from pathlib import Path
from typing import Annotated

import typer

from benchmarks.answers.measure import Answered, measure
from benchmarks.answers.stored import stored
from benchmarks.bench import keep, run_folder
from benchmarks.report import Report

GROWTH = (1_000_000, 10_000_000, 100_000_000)

Spans = Annotated[int, typer.Option(help="Spans to be stored.")]
Growth = Annotated[
    bool, typer.Option("--growth", help="One store after another: 1, 10 and 100 million spans.")
]
Count = Annotated[int, typer.Option("--answers", min=20, help="How often each question is asked.")]
Only = Annotated[str, typer.Option(help="Only questions with this in their name.")]
Memory = Annotated[float, typer.Option(help="GB that the engine may use.")]
Data = Annotated[Path, typer.Option(help="Folder in which the stores are kept.")]
Results = Annotated[Path, typer.Option(help="Folder for figures.")]


def main(
    spans: Spans = 100_000_000,
    growth: Growth = False,
    answers: Count = 100,
    only: Only = "",
    memory: Memory = 4.0,
    data: Data = Path(".bench/stores"),
    results: Results = Path(".bench"),
) -> None:
    """How fast the query service answers, on an embedded store of a week that is made first and kept."""
    found: list[Answered] = []
    for size in GROWTH if growth else (spans,):
        with stored(data, size, int(memory * 1e9)) as store:
            found += measure(store, answers, only)
    keep(run_folder(results), "answers", found, list(_tables(found)))


def _tables(found: Sequence[Answered]) -> Iterator[Report]:
    for spans, of_store in groupby(found, lambda each: each.spans):
        yield Report(f"{spans:,} spans", _COLUMNS, [_row(each) for each in of_store])


_COLUMNS = (
    "question",
    "aim, p95 ms",
    "p50 ms",
    "p95 ms",
    "CPU ms",
    "queries",
    "rows read",
    "query's memory, MB",
    "process's memory, MB",
)


def _row(each: Answered) -> list[str]:
    return [
        each.question,
        f"{each.aim_ms:.0f}",
        f"{each.p50_ms:.1f}",
        f"{each.p95_ms:.1f}",
        f"{each.cpu_ms_each:.1f}",
        f"{each.queries_each:.1f}",
        f"{each.rows_read_each:,.0f}",
        f"{each.query_memory_mb:,.0f}",
        f"{each.process_memory_mb:,.0f}",
    ]


if __name__ == "__main__":
    typer.run(main)
