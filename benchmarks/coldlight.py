"""Coldlight, on the shared ClickHouse server or with its own embedded one."""

import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from shutil import rmtree

from benchmarks.clickhouse import ClickHouse, count, empty_database, footprint
from benchmarks.processes import answers, free_port, running, wait_until
from benchmarks.system import Candidate, Footprint, System

DATABASE = "bench_coldlight"
START_TIMEOUT_S = 60
DURABLE = "on disk, fdatasync done"


def on_server(clickhouse: ClickHouse, folder: Path) -> Candidate:
    return Candidate("Coldlight", DURABLE, partial(start_on_server, clickhouse, folder), True)


def embedded(folder: Path) -> Candidate:
    return Candidate("Coldlight embedded", DURABLE, partial(start_embedded, folder), True)


@contextmanager
def start_on_server(clickhouse: ClickHouse, folder: Path) -> Iterator[System]:
    url = clickhouse.database_url(DATABASE)
    with empty_database(clickhouse, DATABASE) as client, up(folder, ["--clickhouse", url]) as system:
        yield replace(
            system,
            processes={**system.processes, **clickhouse.processes()},
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
    data = folder / "coldlight"
    rmtree(data, ignore_errors=True)
    http_port, query_port = free_port(), free_port()
    free = ["--otlp-grpc-port", "0", "--zipkin-port", "0", "--xray-port", "0"]
    ports = ["--otlp-http-port", str(http_port), *free, "--query-port", str(query_port)]
    command = [
        str(Path(sys.executable).with_name("coldlight")),
        "up",
        "--data",
        str(data),
        *ports,
        *arguments,
    ]
    collector, query = f"http://127.0.0.1:{http_port}", f"http://127.0.0.1:{query_port}"
    log = folder / "coldlight.log"
    with running(command, log) as process:
        for service in (collector, query):
            wait_until(
                partial(answers, f"{service}/readyz"), START_TIMEOUT_S, f"coldlight is not ready; see {log}"
            )
        yield System(
            traces_url=f"{collector}/v1/traces",
            processes={"collector": process.pid},
            visible=partial(inserted, collector),
            footprint=lambda: _footprint_after(process, data),
            query_url=query,
        )
    rmtree(data)


def inserted(collector: str) -> int:
    """What the collector says that it has inserted: an embedded store has no other door for a count."""
    with urllib.request.urlopen(f"{collector}/metrics", timeout=10) as answer:
        for line in answer.read().decode().splitlines():
            if line.startswith("coldlight_inserted_items_total "):
                return int(float(line.split()[1]))
    raise LookupError(f"{collector}/metrics has no coldlight_inserted_items_total")


def _footprint_after(process: "subprocess.Popen[bytes]", data: Path) -> Footprint:
    """Of the embedded tables, which only one process may open: this one has to end first."""
    process.terminate()
    process.wait()
    command = [sys.executable, "-m", "benchmarks.embedded", str(data / "clickhouse")]
    answer = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return Footprint(*map(int, answer.split()))
