"""Rotel, an OpenTelemetry collector in Rust, with its ClickHouse exporter."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import urlsplit

from benchmarks.clickhouse import ClickHouse, count, empty_database, footprint
from benchmarks.processes import free_port, listens, running, wait_until
from benchmarks.system import CLICKHOUSE, COLLECTOR, Candidate, System

DATABASE = "bench_rotel"
START_TIMEOUT_S = 30
SCHEMA = (Path(__file__).parent / "sql" / "exporter.sql").read_text()

# Large batches and no async inserts are what Rotel's authors advise for ClickHouse, and ran their own benchmark
# with. A second to fill a batch, for 200 ms, is what ClickHouse advises; it costs Rotel less CPU a span.
TUNING = [
    "--batch-max-size",
    "102400",
    "--batch-timeout",
    "1s",
    "--clickhouse-exporter-async-insert",
    "false",
]


def candidate(clickhouse: ClickHouse, binary: Path, folder: Path) -> Candidate:
    return Candidate("Rotel", "in memory: lost by a crash", partial(start, clickhouse, binary, folder))


def installed() -> Path | None:
    """The program of the `rotel` distribution, where that is installed."""
    spec = find_spec("rotel")
    if spec is None or spec.origin is None:
        return None
    return Path(spec.origin).with_name("rotel-agent")


@contextmanager
def start(clickhouse: ClickHouse, binary: Path, folder: Path) -> Iterator[System]:
    """Rotel on a database of its own, with the exporter's tables in it."""
    http_port = free_port()
    with empty_database(clickhouse, DATABASE) as client:
        for statement in SCHEMA.rstrip(";\n").split(";\n"):
            client.command(statement)
        command = _command(clickhouse, binary, folder, http_port)
        with running(command, folder / "rotel.log") as process:
            wait_until(
                partial(listens, http_port), START_TIMEOUT_S, f"Rotel does not listen; see {folder}/rotel.log"
            )
            yield System(
                urls=[f"http://127.0.0.1:{http_port}"],
                pids={COLLECTOR: [process.pid], CLICKHOUSE: clickhouse.pids()},
                visible=partial(count, client),
                footprint=partial(footprint, client),
            )


def _command(clickhouse: ClickHouse, binary: Path, folder: Path, http_port: int) -> list[str]:
    parts = urlsplit(clickhouse.url)
    listen = [
        "--otlp-http-endpoint",
        f"127.0.0.1:{http_port}",
        "--otlp-grpc-endpoint",
        f"127.0.0.1:{free_port()}",
    ]
    files = ["--pid-file", str(folder / "rotel.pid"), "--log-file", str(folder / "rotel-agent.log")]
    exporter = ["--exporter", "clickhouse", "--clickhouse-exporter-database", DATABASE]
    exporter += ["--clickhouse-exporter-endpoint", f"{parts.scheme}://{parts.hostname}:{parts.port}"]
    if parts.username:
        exporter += ["--clickhouse-exporter-user", parts.username]
        exporter += ["--clickhouse-exporter-password", parts.password or ""]
    return [str(binary), "start", *listen, *files, *exporter, *TUNING]
