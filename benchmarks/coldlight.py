"""Coldlight, on the shared ClickHouse server or with its own embedded one."""

import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from shutil import rmtree

from benchmarks.clickhouse import ClickHouse, count, empty_database, footprint
from benchmarks.processes import answers, free_port, running, wait_until
from benchmarks.signals import Signal
from benchmarks.system import CLICKHOUSE, COLLECTOR, Candidate, Footprint, System

DATABASE = "bench_coldlight"
START_TIMEOUT_S = 60
DURABLE = "on disk, fdatasync done"
FREE_PORTS = ["--otlp-grpc-port", "0", "--zipkin-port", "0", "--xray-port", "0"]


@dataclass(frozen=True)
class Started:
    """A `coldlight` process that is ready, its endpoint, and its folder."""

    process: "subprocess.Popen[bytes]"
    url: str
    data: Path


def name(collectors: int) -> str:
    return "Coldlight" if collectors == 1 else f"Coldlight, {collectors} collectors"


def on_server(clickhouse: ClickHouse, folder: Path, collectors: int = 1) -> Candidate:
    return Candidate(
        name(collectors), DURABLE, partial(start_on_server, clickhouse, folder, collectors), True
    )


def embedded(folder: Path) -> Candidate:
    return Candidate("Coldlight embedded", DURABLE, partial(start_embedded, folder), True)


@contextmanager
def start_on_server(clickhouse: ClickHouse, folder: Path, collectors: int) -> Iterator[System]:
    """`coldlight up`, and as many `coldlight collector` beside it as it takes."""
    arguments = ["--clickhouse", clickhouse.database_url(DATABASE)]
    with empty_database(clickhouse, DATABASE) as client, ExitStack() as stack:
        first = stack.enter_context(up(folder, arguments))
        others = [
            stack.enter_context(collector(folder, f"coldlight-{number}", ["collector", *arguments]))
            for number in range(2, collectors + 1)
        ]
        yield replace(
            first,
            urls=[*first.urls, *(other.url for other in others)],
            pids={
                COLLECTOR: [*first.pids[COLLECTOR], *(other.process.pid for other in others)],
                CLICKHOUSE: clickhouse.pids(),
            },
            visible=partial(count, client),
            footprint=partial(footprint, client),
        )


@contextmanager
def start_embedded(folder: Path) -> Iterator[System]:
    with up(folder, []) as system:
        yield system


@contextmanager
def up(folder: Path, arguments: list[str]) -> Iterator[System]:
    """`coldlight up` on an empty data folder, ready."""
    query_port = free_port()
    query = f"http://127.0.0.1:{query_port}"
    with collector(folder, "coldlight", ["up", "--query-port", str(query_port), *arguments]) as started:
        _wait_until_ready(query, folder / "coldlight.log")
        yield System(
            urls=[started.url],
            pids={COLLECTOR: [started.process.pid]},
            visible=partial(inserted, started.url),
            footprint=partial(_footprint_after, started),
            query_url=query,
        )


@contextmanager
def collector(folder: Path, title: str, command: list[str]) -> Iterator[Started]:
    """A `coldlight` command that receives OTLP, on an empty data folder, ready."""
    data, log, port = folder / title, folder / f"{title}.log", free_port()
    rmtree(data, ignore_errors=True)
    program = str(Path(sys.executable).with_name("coldlight"))
    with running(
        [program, *command, "--data", str(data), "--otlp-http-port", str(port), *FREE_PORTS], log
    ) as process:
        url = f"http://127.0.0.1:{port}"
        _wait_until_ready(url, log)
        yield Started(process, url, data)
    rmtree(data)


def _wait_until_ready(service: str, log: Path) -> None:
    wait_until(partial(answers, f"{service}/readyz"), START_TIMEOUT_S, f"coldlight is not ready; see {log}")


def inserted(collector: str, _signal: Signal) -> int:
    """What the collector says that it has inserted: an embedded store has no other door for a count."""
    with urllib.request.urlopen(f"{collector}/metrics", timeout=10) as answer:
        for line in answer.read().decode().splitlines():
            if line.startswith("coldlight_inserted_items_total "):
                return int(float(line.split()[1]))
    raise LookupError(f"{collector}/metrics has no coldlight_inserted_items_total")


def _footprint_after(started: Started, signal: Signal) -> Footprint:
    """Of the embedded tables, which only one process may open: this one has to end first."""
    started.process.terminate()
    started.process.wait()
    module = [sys.executable, "-m", "benchmarks.embedded"]
    command = [*module, str(started.data / "clickhouse"), signal.name]
    answer = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return Footprint(*map(int, answer.split()))
