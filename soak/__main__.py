"""Kills Coldlight under load, in every place that is known to be delicate, and counts what it acknowledged."""

import tempfile
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from soak.clickhouse import SERVER_FAULTS, fragile_server
from soak.faults import BUGS, FAULTS
from soak.run import Plan, Report, soak

console = Console()

Lives = Annotated[int, typer.Option(min=1, help="How often Coldlight is started and killed.")]
Seed = Annotated[int, typer.Option(help="The same seed gives the same order of faults.")]
Program = Annotated[
    Path | None,
    typer.Option(
        "--clickhouse-server",
        help="A Python program that starts a server, which is then broken, too: PROGRAM --path DIR --http-port N --tcp-port M.",
    ),
]
Bug = Annotated[str, typer.Option(help=f"A bug to plant, which the soak must find: {', '.join(BUGS)}.")]


def main(lives: Lives = 60, seed: Seed = 1, clickhouse_server: Program = None, bug: Bug = "") -> None:
    """Kills Coldlight under load, in every place that is known to be delicate, and counts what it acknowledged."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        plan = Plan(folder, lives, seed, bug=bug)
        if clickhouse_server:
            server = stack.enter_context(fragile_server(clickhouse_server, folder))
            plan = replace(plan, server=server, faults=(*FAULTS, *SERVER_FAULTS))
        progress = stack.enter_context(Progress(*columns, console=console))
        task = progress.add_task("", total=lives)
        report = soak(plan, lambda fault: progress.update(task, advance=1, description=fault))
    show(report)
    raise typer.Exit(0 if report.verdict.is_good and not report.unseen else 1)


def show(report: Report) -> None:
    """Print what happened, what never did, and every promise that was broken."""
    verdict = report.verdict
    for fault, count in sorted(report.struck.items()):
        console.print(f"{count:8,}  {fault}")
    console.print(f"{report.repeated:8,}  requests sent again, {report.refused:,} refusals to come again")
    console.print(f"{report.requests:8,}  requests acknowledged, {verdict.items:,} spans and log records")
    for what, broken in {
        "lost": verdict.lost,
        "stored more than once": verdict.doubled,
        "stored and never acknowledged": verdict.unknown,
        "not shown by the API": report.unseen,
    }.items():
        console.print(f"{len(broken):8,}  {what} {broken[:5] or ''}", style="red" if broken else "green")
    if never := report.never():
        console.print(f"Never happened, so nothing is known of it: {', '.join(never)}", style="yellow")


if __name__ == "__main__":
    typer.run(main)
