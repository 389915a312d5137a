"""Scores how truly Coldlight rebuilds requests: made-up applications, sent through the real receivers."""

import json
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from benchmarks.bench import console, run_folder
from benchmarks.coldlight import start_embedded
from benchmarks.report import machine, markdown, show
from benchmarks.system import System
from benchmarks.truth import examples, tables
from benchmarks.truth.services import SERVICES
from benchmarks.truth.trial import Findings, running, trial
from benchmarks.truth.wire import Flavour
from benchmarks.truth.world import Recipe, World, world

PLAIN_FROM = 1_000_000
"""Seeds of worlds without link keys, so that both flavours can be stored at once."""

Seed = Annotated[int, typer.Option(help="Of the first world; the next have the next seeds.")]
Worlds = Annotated[int, typer.Option(min=1, help="Applications of each flavour.")]
Requests = Annotated[int, typer.Option(min=1, help="Requests to each application.")]
Flavours = Annotated[list[Flavour] | None, typer.Option("--flavour", help="Whose spans; both by default.")]
Services = Annotated[
    list[str] | None, typer.Option("--service", help="Only this between functions; may be repeated.")
]
Trouble = Annotated[bool, typer.Option(help="Whether spans are lost, late, skewed or sent twice.")]
Show = Annotated[int, typer.Option(help="Wrong answers to show, the smallest of each kind.")]
Results = Annotated[Path, typer.Option(help="Folder for figures, logs and data of the run.")]
Running = Annotated[
    tuple[str, str] | None,
    typer.Option(
        "--running", help="URLs of OTLP/HTTP and query service of an empty Coldlight that runs already."
    ),
]


def main(
    seed: Seed = 1,
    worlds: Worlds = 50,
    requests: Requests = 8,
    flavour: Flavours = None,
    service: Services = None,
    trouble: Trouble = True,
    shown: Show = 5,
    results: Results = Path(".bench"),
    urls: Running = None,
) -> None:
    """Scores how truly Coldlight rebuilds requests: made-up applications, sent through the real receivers.

    Exits with 1 unless every request with exact keys that lost nothing was rebuilt exactly.
    """
    if unknown := set(service or ()) - set(SERVICES):
        raise typer.BadParameter(f"--service {unknown.pop()}: write one of {', '.join(SERVICES)}")
    flavours = list(dict.fromkeys(flavour or Flavour))
    recipes = [
        Recipe(_first_seed(seed, each) + number, requests, each, trouble, tuple(service or ()))
        for each in flavours
        for number in range(worlds)
    ]
    folder = run_folder(results)
    with _system(urls, folder) as system:
        findings = _try(system, list(map(world, recipes)))
    found = {each: tables.scores(findings, each) for each in flavours}
    _keep(folder, findings, found)
    for each in examples.smallest(findings.judged, shown):
        examples.show(each, console)
    clean = [score for score in found.get(Flavour.LAYER, []) if score.kind == tables.CLEAN]
    raise typer.Exit(int(any(score.exact < score.requests for score in clean)))


def _first_seed(seed: int, flavour: Flavour) -> int:
    return seed + PLAIN_FROM if flavour is Flavour.PLAIN and seed < PLAIN_FROM else seed


@contextmanager
def _system(urls: tuple[str, str] | None, folder: Path) -> Iterator[System]:
    """The one that runs already, or a new one with an embedded store."""
    if urls is not None:
        yield running(*urls)
        return
    with start_embedded(folder) as system:
        yield system


def _try(system: System, worlds: Sequence[World]) -> Findings:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console) as progress:
        task = progress.add_task("")

        def tell(what: str, done: int, total: int) -> None:
            progress.update(task, description=what, completed=done, total=total)

        return trial(system, worlds, time.time_ns(), tell)


def _keep(folder: Path, findings: Findings, found: dict[Flavour, list[tables.Score]]) -> None:
    """Prints the tables, and writes them and the figures to the run's folder."""
    reports = [
        table
        for flavour, scores in found.items()
        for table in (
            tables.by_trouble(scores, f"Requests, {flavour}"),
            tables.by_service(findings, flavour),
        )
    ]
    reports.append(tables.by_entry(findings.entered))
    for report in reports:
        show(report, console)
    figures = {flavour.value: [asdict(score) for score in scores] for flavour, scores in found.items()}
    (folder / "truth.json").write_text(json.dumps({"spans": findings.spans, **figures}, indent=1))
    text = "\n".join([f"Measured on {machine()}.\n", *map(markdown, reports)])
    (folder / "truth.md").write_text(text)
    console.print(f"{findings.spans:,} spans. Kept in {folder}/truth.json and .md")


if __name__ == "__main__":
    typer.run(main)
