"""The Coldlight under test: `coldlight up` on embedded ClickHouse, or `coldlight collector` on a server."""

import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from benchmarks.processes import answers, free_port, peak_memory_mb, running, wait_until

from coldlight_storage import ServerStore, Store, parse_address

CLICKHOUSE_MEMORY_MB = 2048
COLLECTOR_MEMORY_MB = 1024
"""What a collector may use beside the engine: bodies in flight, two of them being decoded, and the program."""
_START_S = 60
_COUNT = "SELECT count() AS spans FROM otel_traces"


@dataclass(frozen=True)
class Victim:
    """A running Coldlight. `url` is that of its ClickHouse server; without one, ClickHouse is inside."""

    port: int
    pid: int
    folder: Path
    url: str = ""

    @property
    def memory_limit_mb(self) -> int:
        return COLLECTOR_MEMORY_MB + (0 if self.url else CLICKHOUSE_MEMORY_MB)

    def peak_memory_mb(self) -> float:
        return peak_memory_mb(self.pid)

    def metric(self, name: str) -> float:
        """The sum of one of the collector's own metrics over all signals."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/metrics", timeout=30) as answer:
            lines = answer.read().decode().splitlines()
        return sum(
            float(line.rpartition(" ")[2]) for line in lines if line.startswith((f"{name} ", f"{name}{{"))
        )


@contextmanager
def victim(folder: Path, url: str = "", journal_limit: str = "512M") -> Iterator[Victim]:
    """Coldlight for the length of the block; the smaller its journal, the sooner it has to refuse."""
    port = free_port()
    flags = ["--otlp-http-port", str(port), "--otlp-grpc-port", "0", "--zipkin-port", "0", "--xray-port", "0"]
    flags += [
        "--data",
        str(folder / "data"),
        "--journal-limit",
        journal_limit,
        "--memory",
        f"{CLICKHOUSE_MEMORY_MB}M",
    ]
    form = ["collector", "--clickhouse", url] if url else ["up", "--query-port", "0"]
    command = [str(Path(sys.executable).with_name("coldlight")), *form, *flags]
    with running(command, folder / "coldlight.log") as process:
        ready = f"http://127.0.0.1:{port}/readyz"
        wait_until(partial(answers, ready), _START_S, f"{ready} does not answer; see {folder}/coldlight.log")
        yield Victim(port, process.pid, folder, url)


def stored_spans(folder: Path, url: str) -> int:
    """Spans in the tables of a Coldlight that has been stopped."""
    if url:
        store: Store = ServerStore(parse_address(url))
        try:
            return int(store.select(_COUNT)[0]["spans"])
        finally:
            store.close()
    command = [sys.executable, "-m", "overload.count", str(folder / "data")]
    return int(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
