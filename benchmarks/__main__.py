"""Measures Coldlight beside other collectors; prints tables and keeps the raw figures."""

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from benchmarks import coldlight, growth, ingest, metrics, query, replay, rotel
from benchmarks.bench import Servers, Turn, candidates, keep, run_folder, take_turns
from benchmarks.payload import ATTRIBUTES_PER_SPAN
from benchmarks.signals import SIGNALS
from benchmarks.workload import SHAPES, workload

app = typer.Typer(add_completion=False, help=__doc__)

Url = Annotated[str | None, typer.Option("--clickhouse", help="URL of a running server, without a database.")]
Pid = Annotated[int | None, typer.Option(help="The server's pid, for its CPU, if it runs on this machine.")]
Program = Annotated[
    str | None,
    typer.Option(help="Or a program that starts a server: PROGRAM --path DIR --http-port N --tcp-port M."),
]
RotelProgram = Annotated[
    Path | None, typer.Option("--rotel", help="rotel-agent; by default the installed one.")
]
OtelcolProgram = Annotated[
    Path | None, typer.Option("--otelcol", help="An OpenTelemetry Collector with the ClickHouse exporter.")
]
Only = Annotated[list[str] | None, typer.Option(help="A system by its name; may be repeated.")]
Results = Annotated[Path, typer.Option(help="Folder for figures, logs and data of the run.")]
Items = Annotated[int, typer.Option(help="Spans, or log records, a turn.")]
Shapes = Annotated[list[int] | None, typer.Option("--shape", help="Items a request: 512, 5, or both.")]
Signals = Annotated[list[str] | None, typer.Option("--signal", help="traces, logs, or both.")]
Attributes = Annotated[int, typer.Option(min=2, max=12, help="Attributes of a span.")]
Rounds = Annotated[int, typer.Option(help="Turns of each system; medians are shown.")]
StoredSpans = Annotated[int, typer.Option(help="Spans to store before asking.")]
Queries = Annotated[int, typer.Option(help="How often to ask.")]
Levels = Annotated[list[int] | None, typer.Option("--stored", help="Spans stored when it is measured.")]
Gib = Annotated[float, typer.Option(help="Size of the journal.")]
Collectors = Annotated[list[int] | None, typer.Option("--collectors", help="Collectors on one ClickHouse.")]


@app.callback(invoke_without_command=True)
def main(
    context: typer.Context,
    clickhouse: Url = None,
    clickhouse_pid: Pid = None,
    clickhouse_server: Program = None,
    rotel_program: RotelProgram = None,
    otelcol_program: OtelcolProgram = None,
    only: Only = None,
    results: Results = Path(".bench"),
) -> None:
    servers = Servers(
        url=clickhouse,
        pid=clickhouse_pid,
        program=clickhouse_server,
        rotel=rotel_program or rotel.installed(),
        otelcol=otelcol_program,
        only=frozenset(only or ()),
    )
    context.obj = servers, run_folder(results)
    if context.invoked_subcommand is None:
        measure_ingest(context)
        measure_query(context)


@app.command("ingest")
def measure_ingest(
    context: typer.Context,
    items: Items = 500_000,
    rounds: Rounds = 3,
    shape: Shapes = None,
    signal: Signals = None,
    attributes: Attributes = ATTRIBUTES_PER_SPAN,
) -> None:
    """Items a second from sent to visible, CPU, answers, memory, bytes on disk; the systems in turns."""
    servers, folder = context.obj
    workloads = [
        workload(size, items, SIGNALS[name], attributes)
        for name in signal or SIGNALS
        for size in shape or SHAPES
    ]
    with candidates(servers, folder) as systems:
        turns = [
            Turn(f"{system.name}, {each.name}", partial(ingest.measure, system, each, number))
            for number in range(rounds)
            for each in workloads
            for system in systems
        ]
        figures = take_turns(turns)
    acknowledges = {system.name: system.acknowledges for system in systems}
    keep(folder, "ingest", figures, list(metrics.ingest(figures, acknowledges)))


@app.command("query")
def measure_query(context: typer.Context, spans: StoredSpans = 5_000_000, queries: Queries = 200) -> None:
    """One trace by its id, and the newest traces, among many spans."""
    servers, folder = context.obj
    with candidates(servers, folder) as systems:
        turns = [
            Turn(system.name, partial(query.measure, system, spans, queries, number))
            for number, system in enumerate(systems)
            if system.has_query_service
        ]
        latencies = [latency for found in take_turns(turns) for latency in found]
    keep(folder, "query", latencies, [metrics.query(latencies)])


@app.command("growth")
def measure_growth(
    context: typer.Context,
    stored: Levels = None,
    collectors: Collectors = None,
    items: Items = 500_000,
    queries: Queries = 100,
) -> None:
    """What the next spans cost and how fast a trace comes back, the more is stored; with one collector and with four."""
    servers, folder = context.obj
    numbers = tuple(collectors or (1, 4))
    only = servers.only or frozenset(map(coldlight.name, numbers))
    with candidates(replace(servers, collectors=numbers, only=only), folder) as systems:
        levels = stored or [10_000, 1_000_000, 20_000_000]
        turns = [
            Turn(system.name, partial(growth.grow, system, levels, items, queries)) for system in systems
        ]
        measured = [level for found in take_turns(turns) for level in found]
    keep(folder, "growth", measured, [metrics.growth(measured)])


@app.command("replay")
def measure_replay(context: typer.Context, gib: Gib = 1.0, rounds: Rounds = 3) -> None:
    """How soon a killed Coldlight serves again while it replays a large journal. Fails when that is after more than 10 s."""
    _, folder = context.obj
    turns = [Turn("Coldlight embedded", partial(replay.measure, folder, round(gib * 2**30)))] * rounds
    measured = take_turns(turns)
    keep(folder, "replay", measured, [metrics.replay(measured)])
    raise typer.Exit(0 if len(measured) == rounds and all(one.is_kept for one in measured) else 1)


if __name__ == "__main__":
    app()
