"""`python -m benchmarks.layer [--rounds N] [--invocations N] [--layer ZIP]`: after `make layer`, or as `make bench-layer`."""

import argparse
import os
from pathlib import Path

from rich.console import Console

from benchmarks.layer import contestants, invocations, startup
from benchmarks.layer.contestants import Contestant
from benchmarks.report import Report, machine, show

PEERS = ("OpenTelemetry", "datadog-lambda", "lumigo_tracer")
"""The last two find nobody to send to here: their invocations are cheaper than in production."""


def main() -> None:
    parser = argparse.ArgumentParser(prog="benchmarks.layer", description=__doc__)
    parser.add_argument("--rounds", type=int, default=15, help="cold starts of each")
    parser.add_argument("--invocations", type=int, default=300, help="of each; 0 leaves them out")
    parser.add_argument("--layer", type=Path, default=Path("dist/coldlight-lambda-python.zip"))
    asked = parser.parse_args()
    console = Console()
    console.print(f"{machine()}; load {os.getloadavg()[0]:.1f}. Figures count only where that was 0.")
    compared = contestants.all_of_them(asked.layer)
    cold_starts(compared, asked.rounds, console)
    if asked.invocations:
        answers(compared, asked.invocations, console)


def cold_starts(compared: list[Contestant], rounds: int, console: Console) -> None:
    found = startup.measured(compared, rounds)
    bare = found["no layer"]
    rows = [
        (
            contestant.name,
            f"{found[contestant.name].cpu_ms - bare.cpu_ms:.1f}",
            f"{found[contestant.name].memory_mb - bare.memory_mb:.1f}",
            f"{contestants.size_bytes(contestant, compared[0]) / 1e6:.2f}"
            if contestant.name != "Coldlight, sources alone"
            else "",
        )
        for contestant in compared[1:]
    ]
    show(
        Report(
            f"Added by a layer, medians of {rounds} cold starts",
            ("", "import, CPU ms", "memory, MB", "zip, MB"),
            rows,
        ),
        console,
    )
    best = min(found[name].cpu_ms for name in PEERS) - bare.cpu_ms
    console.print(
        f"Coldlight's import takes {(found['Coldlight'].cpu_ms - bare.cpu_ms) / best:.1%} of the best of the others."
    )


def answers(compared: list[Contestant], count: int, console: Console) -> None:
    bare, ours = compared[0], compared[1]
    base = invocations.latency(bare, count)
    rows = [_row("no layer", base)]
    for contestant in [
        contestant for contestant in compared[1:] if contestant.zip_bytes or contestant.packages
    ]:
        rows.append(
            _row(f"+ {contestant.name}", invocations.against(invocations.latency(contestant, count), base))
        )
    hanging = invocations.latency(ours, count, hangs=True)
    rows.append(_row("+ Coldlight, collector hangs", invocations.against(hanging, base)))
    title = f"{count} invocations as the caller sees them, collector answering in 100 ms"
    show(Report(title, ("", "p50, ms", "p99, ms", "until frozen p50, ms"), rows), console)
    started = invocations.extension(ours)
    console.print(
        f"The extension: {started.cpu_ms:.0f} ms of CPU and {started.memory_mb:.1f} MB when it is ready."
    )


def _row(name: str, found: invocations.Latency) -> tuple[str, ...]:
    return name, f"{found.p50_ms:.2f}", f"{found.p99_ms:.2f}", f"{found.total_p50_ms:.2f}"


if __name__ == "__main__":
    main()
