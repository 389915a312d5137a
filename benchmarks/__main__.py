"""Measures Coldlight beside other collectors; prints tables and keeps the raw figures."""

from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from benchmarks import ingest, query, report, rotel
from benchmarks.bench import Servers, Turn, candidates, keep, run_folder, take_turns

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
Only = Annotated[list[str] | None, typer.Option(help="A system by its name; may be repeated.")]
Results = Annotated[Path, typer.Option(help="Folder for figures, logs and data of the run.")]
IngestSpans = Annotated[int, typer.Option(help="Spans a turn.")]
Shapes = Annotated[list[int] | None, typer.Option("--shape", help="Spans a request: 512, 5, or both.")]
Rounds = Annotated[int, typer.Option(help="Turns of each system; medians are shown.")]
StoredSpans = Annotated[int, typer.Option(help="Spans to store before asking.")]
Queries = Annotated[int, typer.Option(help="How often to ask.")]


@app.callback(invoke_without_command=True)
def main(
    context: typer.Context,
    clickhouse: Url = None,
    clickhouse_pid: Pid = None,
    clickhouse_server: Program = None,
    rotel_program: RotelProgram = None,
    only: Only = None,
    results: Results = Path(".bench"),
) -> None:
    servers = Servers(
        url=clickhouse,
        pid=clickhouse_pid,
        program=clickhouse_server,
        rotel=rotel_program or rotel.installed(),
        only=frozenset(only or ()),
    )
    context.obj = servers, run_folder(results)
    if context.invoked_subcommand is None:
        measure_ingest(context)
        measure_query(context)


@app.command("ingest")
def measure_ingest(
    context: typer.Context, spans: IngestSpans = 500_000, rounds: Rounds = 3, shape: Shapes = None
) -> None:
    """Spans a second from sent to visible, CPU, freshness, bytes on disk; the systems in turns."""
    servers, folder = context.obj
    with candidates(servers, folder) as systems:
        turns = [
            Turn(f"{system.name}, {workload.name}", partial(ingest.measure, system, workload, number))
            for number in range(rounds)
            for workload in [ingest.workload(each, spans) for each in shape or ingest.SHAPES]
            for system in systems
        ]
        figures = take_turns(turns)
    acknowledges = {system.name: system.acknowledges for system in systems}
    keep(folder, "ingest", figures, list(report.ingest(figures, acknowledges)))


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
    keep(folder, "query", latencies, [report.query(latencies)])


if __name__ == "__main__":
    app()
