"""Sends Coldlight four times what it can take, then attacks it, and says which promises held."""

import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated

import typer
from benchmarks.clickhouse import server
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from overload.run import Trial, overload, under_attack
from overload.victim import stored_spans, victim

console = Console()

Minutes = Annotated[float, typer.Option(min=0.1, help="How long four times the capacity is sent.")]
AttackMinutes = Annotated[float, typer.Option(min=0.1, help="How long the attack lasts.")]
Program = Annotated[
    Path | None,
    typer.Option(
        "--clickhouse-server",
        help="A program that starts a server (PROGRAM --path DIR --http-port N --tcp-port M): `coldlight collector` is"
        " tried with it. Without: `coldlight up`, on embedded ClickHouse.",
    ),
]
JournalLimit = Annotated[
    str,
    typer.Option(
        help="As of `coldlight up`. Where senders share the machine, only a small journal gets full."
    ),
]


def main(
    minutes: Minutes = 10,
    attack_minutes: AttackMinutes = 2,
    clickhouse_server: Program = None,
    journal_limit: JournalLimit = "512M",
) -> None:
    """Sends Coldlight four times what it can take, then attacks it, and says which promises held."""
    with tempfile.TemporaryDirectory() as name, ExitStack() as stack:
        folder, url = Path(name), ""
        if clickhouse_server:
            url = stack.enter_context(server(str(clickhouse_server), folder)).database_url("overload")
        trials = run(folder, url, journal_limit, minutes * 60, attack_minutes * 60)
        stored, owed = stored_spans(folder, url), sum(trial.acknowledged for trial in trials.values())
    for title, trial in trials.items():
        show(title, trial)
    promise(f"everything acknowledged is there: {stored:,} spans of {owed:,}", stored >= owed)
    kept = stored >= owed and all(all(trial.promises.values()) for trial in trials.values())
    raise typer.Exit(0 if kept else 1)


def run(folder: Path, url: str, journal_limit: str, seconds: float, attack_s: float) -> dict[str, Trial]:
    """Both trials on one Coldlight, which is stopped in the end."""
    columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    with victim(folder, url, journal_limit) as tried, Progress(*columns, console=console) as progress:
        task = progress.add_task("", total=1)

        def tell(what: str, done: float) -> None:
            progress.update(task, description=what, completed=done)

        form = "coldlight collector" if url else "coldlight up"
        return {
            f"{form}, four times its capacity": overload(tried, seconds, tell),
            f"{form}, under attack": under_attack(tried, attack_s, tell),
        }


def show(title: str, trial: Trial) -> None:
    table = Table("", title, title_justify="left", show_edge=False)
    for name, figure in trial.figures.items():
        table.add_row(name, figure)
    console.print(table)
    for what, held in trial.promises.items():
        promise(what, held)


def promise(what: str, held: bool) -> None:
    console.print(f"  {'kept  ' if held else 'BROKEN'}  {what}", style="green" if held else "red")


if __name__ == "__main__":
    typer.run(main)
