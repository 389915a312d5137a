"""The OpenTelemetry Collector, in Go, with its ClickHouse exporter: `make otelcol` builds it."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

from benchmarks.clickhouse import ClickHouse, count, empty_database, footprint
from benchmarks.processes import free_port, listens, running, wait_until
from benchmarks.system import CLICKHOUSE, COLLECTOR, Candidate, System

DATABASE = "bench_otelcol"
START_TIMEOUT_S = 30

# As the exporter's README advises: the native protocol, batches in the sending queue of 5,000 rows and more, filled
# in up to a second as for the others. No asynchronous inserts, which are for small batches. A full queue holds senders
# back: by default it would drop what was acknowledged. Two inserts at a time are what two cores can do.
QUEUE = {
    "num_consumers": 2,
    "sizer": "items",
    "queue_size": 500_000,
    "block_on_overflow": True,
    "batch": {"flush_timeout": "1s", "min_size": 100_000, "max_size": 100_000},
}


def candidate(clickhouse: ClickHouse, program: Path, folder: Path) -> Candidate:
    start_it = partial(start, clickhouse, program, folder)
    return Candidate("OpenTelemetry Collector", "in memory: lost by a crash", start_it)


@contextmanager
def start(clickhouse: ClickHouse, program: Path, folder: Path) -> Iterator[System]:
    """The Collector on a database of its own, in which it makes its tables."""
    http_port = free_port()
    config, log = folder / "otelcol.json", folder / "otelcol.log"
    config.write_text(json.dumps(configuration(clickhouse, http_port)))
    with (
        empty_database(clickhouse, DATABASE) as client,
        running([str(program), "--config", str(config)], log) as process,
    ):
        wait_until(partial(listens, http_port), START_TIMEOUT_S, f"otelcol does not listen; see {log}")
        yield System(
            urls=[f"http://127.0.0.1:{http_port}"],
            pids={COLLECTOR: [process.pid], CLICKHOUSE: clickhouse.pids()},
            visible=partial(count, client),
            footprint=partial(footprint, client),
        )


def configuration(clickhouse: ClickHouse, http_port: int) -> dict[str, object]:
    """In JSON, which is YAML."""
    parts = urlsplit(clickhouse.url)
    port = clickhouse.native_port
    exporter = {
        "endpoint": f"tcp://{parts.hostname}:{port}" if port else clickhouse.url,
        "username": parts.username or "default",
        "password": parts.password or "",
        "database": DATABASE,
        "create_schema": True,
        "async_insert": False,
        "timeout": "60s",
        "sending_queue": QUEUE,
    }
    pipeline = {"receivers": ["otlp"], "exporters": ["clickhouse"]}
    return {
        "receivers": {"otlp": {"protocols": {"http": {"endpoint": f"127.0.0.1:{http_port}"}}}},
        "exporters": {"clickhouse": exporter},
        "service": {
            "pipelines": {"traces": pipeline, "logs": pipeline},
            "telemetry": {"metrics": {"level": "none"}},
        },
    }
