"""One run of the benchmarks: what can be measured here, in turns, and where the figures go."""

import json
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Generic, TypeVar

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from benchmarks import clickhouse, coldlight, otelcol, rotel
from benchmarks.clickhouse import ClickHouse
from benchmarks.report import Report, machine, markdown, show
from benchmarks.system import Candidate

SERVER_MISSING = "No --clickhouse and no --clickhouse-server: only embedded Coldlight is measured."
ROTEL_MISSING = "No Rotel: install the distribution `rotel`, or name its program with --rotel."
OTELCOL_MISSING = "No OpenTelemetry Collector: build one with `make otelcol`, and name it with --otelcol."

F = TypeVar("F")
console = Console(width=None if sys.stdout.isatty() else 140)


@dataclass(frozen=True)
class Servers:
    """The ClickHouse server and the programs of a run, as given on the command line.

    `url` and `pid` are of a running server, `program` is one to start; `only` names systems, empty for all;
    `collectors` are the numbers of Coldlight's collectors on one server to be measured.
    """

    url: str | None
    pid: int | None
    program: str | None
    rotel: Path | None
    otelcol: Path | None
    only: frozenset[str]
    collectors: tuple[int, ...] = (1,)


@dataclass(frozen=True)
class Turn(Generic[F]):
    """A measurement to come, and what the progress bar calls it."""

    name: str
    measure: Callable[[], F]


def take_turns(turns: Sequence[Turn[F]]) -> list[F]:
    """The figures of all turns. A turn that fails is shown, and costs only itself."""
    figures = []
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console) as progress:
        task = progress.add_task("", total=len(turns))
        for turn in turns:
            progress.update(task, description=turn.name)
            try:
                figures.append(turn.measure())
            except (OSError, LookupError) as error:
                console.print(f"[red]{turn.name} failed:[/red] {error}")
            progress.advance(task)
    return figures


@contextmanager
def candidates(servers: Servers, folder: Path) -> Iterator[list[Candidate]]:
    """Every system that can be measured here, in the order of its turns; says what cannot, and why."""
    with ExitStack() as stack:
        server = _server(servers, folder, stack)
        found = [*(_on_server(server, servers, folder) if server else ()), coldlight.embedded(folder)]
        yield [each for each in found if not servers.only or each.name in servers.only]


def _server(servers: Servers, folder: Path, stack: ExitStack) -> ClickHouse | None:
    if servers.url:
        return ClickHouse(servers.url, servers.pid)
    if servers.program:
        return stack.enter_context(clickhouse.server(servers.program, folder))
    console.print(SERVER_MISSING)
    return None


def _on_server(server: ClickHouse, servers: Servers, folder: Path) -> Iterator[Candidate]:
    for collectors in servers.collectors:
        yield coldlight.on_server(server, folder, collectors)
    if servers.rotel is None:
        console.print(ROTEL_MISSING)
    else:
        yield rotel.candidate(server, servers.rotel, folder)
    if servers.otelcol is None:
        console.print(OTELCOL_MISSING)
    else:
        yield otelcol.candidate(server, servers.otelcol, folder)


def run_folder(results: Path) -> Path:
    """A new folder for the figures and logs of a run, named by the time."""
    folder = results.resolve() / f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def keep(folder: Path, name: str, figures: Sequence[object], reports: Sequence[Report]) -> None:
    """Print the tables, and write them and the raw figures to the run's folder."""
    for each in reports:
        show(each, console)
    raw = json.dumps(figures, indent=1, default=asdict)
    (folder / f"{name}.json").write_text(raw)
    text = "\n".join([f"Measured on {machine()}.\n", *map(markdown, reports)])
    (folder / f"{name}.md").write_text(text)
    console.print(f"Kept in {folder}/{name}.json and .md")
