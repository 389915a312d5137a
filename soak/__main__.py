"""Kills Coldlight under load, in every place that is known to be delicate, and counts what it acknowledged."""

import shutil
import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from soak import room
from soak.clickhouse import SERVER_FAULTS, fragile_server
from soak.faults import BUGS, EMBEDDED_FAULTS, FAULTS, FULL
from soak.power import Disk
from soak.run import Plan, Report, soak

console = Console()

Lives = Annotated[int, typer.Option(min=1, help="How often Coldlight is started and killed.")]
LivesARound = Annotated[
    int, typer.Option("--round", min=1, help="After so many lives it is counted, and begun anew.")
]
Seed = Annotated[
    int, typer.Option(help="The same seed gives the same order of faults; each round adds one to it.")
]
Program = Annotated[
    Path | None,
    typer.Option(
        "--clickhouse-server",
        help="A Python program that starts a server, which is then broken, too: PROGRAM --path DIR --http-port N --tcp-port M.",
    ),
]
Bug = Annotated[str, typer.Option(help=f"A bug to plant, which the soak must find: {', '.join(BUGS)}.")]


def main(
    lives: Lives = 60,
    lives_a_round: LivesARound = 50,
    seed: Seed = 1,
    clickhouse_server: Program = None,
    bug: Bug = "",
) -> None:
    """Kills Coldlight under load, in every place that is known to be delicate, and counts what it acknowledged."""
    has_room = room.enter()
    if not has_room:
        console.print(f"Left out: {FULL}, for `unshare --map-root-user --mount` is not allowed here.")
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    report = Report()
    with Progress(*columns, console=console) as progress:
        task = progress.add_task("", total=lives)
        while report.lives < lives and report.is_good:
            each = min(lives_a_round, lives - report.lives)
            report += _round(each, seed, clickhouse_server, bug, has_room,
                             lambda fault: progress.update(task, advance=1, description=fault))  # fmt: skip
            console.print(_line(report, seed), soft_wrap=True)
            seed += 1
    show(report)
    raise typer.Exit(0 if report.is_good and not report.never() else 1)


def _round(
    lives: int, seed: int, program: Path | None, bug: str, has_room: bool, lived: Callable[[str], object]
) -> Report:
    """A soak on a disk of its own, which is kept if anything is wrong."""
    folder = Path(tempfile.mkdtemp(prefix=f"soak-{seed}-"))
    disk = Disk(folder / "disk", folder)
    with ExitStack() as stack:
        if has_room:
            room.mount(disk.root)
            stack.callback(room.unmount, disk.root)
        server = stack.enter_context(fragile_server(program, folder)) if program else None
        faults = (*FAULTS, *((FULL,) if has_room else ()), *(SERVER_FAULTS if server else EMBEDDED_FAULTS))
        plan = Plan(disk, lives, seed, faults=faults, server=server, bug=bug)
        is_good = False
        try:
            report = soak(plan, lived)
            is_good = report.is_good
        finally:
            if not is_good:
                shutil.copytree(disk.root, folder / "kept", symlinks=True)
                console.print(f"Seed {seed} went wrong; what is left of it is in {folder}", style="red")
    if is_good:
        shutil.rmtree(folder)
    return report


def _line(report: Report, seed: int) -> str:
    verdict = report.verdict
    return (
        f"seed {seed}: {report.lives:,} lives, {verdict.requests:,} requests, {len(verdict.lost)} lost, "
        f"{len(verdict.doubled)} doubled, {len(verdict.altered)} altered, {len(report.failures)} failures"
    )


def show(report: Report) -> None:
    """Print what happened, what never did, and every promise that was broken."""
    verdict = report.verdict
    for fault, count in sorted(report.struck.items()):
        console.print(f"{count:8,}  {fault}")
    console.print(f"{report.repeated:8,}  requests sent again, {report.refused:,} refusals to come again")
    console.print(f"{report.mended:8,}  batches that were tried before and had to be mended")
    console.print(
        f"{verdict.requests:8,}  requests acknowledged, {verdict.items:,} spans, log records and points"
    )
    for what, broken in {
        "lost": verdict.lost,
        "stored more than once": verdict.doubled,
        "altered": verdict.altered,
        "stored and never acknowledged": verdict.unknown,
        "failures": report.failures,
    }.items():
        console.print(f"{len(broken):8,}  {what} {broken[:5] or ''}", style="red" if broken else "green")
    if never := report.never():
        console.print(f"Never happened, so nothing is known of it: {', '.join(never)}", style="red")


if __name__ == "__main__":
    typer.run(main)
