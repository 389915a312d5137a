"""A collector that was killed with a large journal: how soon it serves again, and how long that takes to drain."""

import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from shutil import rmtree

from benchmarks.coldlight import FREE_PORTS, START_TIMEOUT_S
from benchmarks.processes import answers, free_port, peak_memory_mb, running, wait_until
from benchmarks.sending import prepared
from benchmarks.workload import workload
from coldlight_storage.testing import span, traces_request

_SHAPE, _CHUNK_SPANS = 512, 256_000
_DRAIN_TIMEOUT_S = 600
_READY_S = 10.0
"""The promise: it serves within that, whatever its journal holds."""


@dataclass(frozen=True)
class Replay:
    """Seconds from the start of the process: until it says that it is ready, until a first request is acknowledged, and until
    all of the journal is in ClickHouse."""

    journal_bytes: int
    ready_s: float
    acknowledged_s: float
    drained_s: float
    peak_memory_mb: float

    @property
    def is_kept(self) -> bool:
        return self.acknowledged_s <= _READY_S


def measure(folder: Path, journal_bytes: int) -> Replay:
    """Fills a journal while ClickHouse is away, kills its collector, and starts `coldlight up` on the same data, with tables."""
    data, log, up = folder / "replay", folder / "replay.log", ["up", "--query-port", "0"]
    rmtree(data, ignore_errors=True)
    with _started(up, data, log) as (_, url):
        _wait_until_ready(url, log)
    held = _fill(data, log, journal_bytes)
    started = time.monotonic()
    with _started(up, data, log) as (process, url):
        _wait_until_ready(url, log)
        ready_s = time.monotonic() - started
        _ask(url)
        acknowledged_s = time.monotonic() - started
        wait_until(lambda: not _journal_bytes(url), _DRAIN_TIMEOUT_S, f"not drained; see {log}")
        drained_s = time.monotonic() - started
        peak_mb = peak_memory_mb(process.pid)
    rmtree(data)
    return Replay(held, ready_s, acknowledged_s, drained_s, peak_mb)


def _fill(data: Path, log: Path, journal_bytes: int) -> int:
    """The bytes in the journal in the end."""
    nowhere = f"http://127.0.0.1:{free_port()}/bench"
    with _started(["collector", "--clickhouse", nowhere], data, log) as (process, url):
        _wait_until_ready(url, log)
        seed = 0
        while (held := _journal_bytes(url)) < journal_bytes:
            seed += 1
            with prepared([url], workload(_SHAPE, _CHUNK_SPANS), seed) as sender:
                sender.send()
        process.kill()
        process.wait()
    return held


def _wait_until_ready(url: str, log: Path) -> None:
    wait_until(partial(answers, f"{url}/readyz"), START_TIMEOUT_S, f"not ready; see {log}", 0.01)


def _ask(url: str) -> None:
    """Sends one span. Raises OSError unless it is acknowledged."""
    body = traces_request(span(1)).SerializeToString()
    headers = {"Content-Type": "application/x-protobuf"}
    urllib.request.urlopen(urllib.request.Request(f"{url}/v1/traces", body, headers), timeout=30).close()


@contextmanager
def _started(command: list[str], data: Path, log: Path) -> "Iterator[tuple[subprocess.Popen[bytes], str]]":
    """A `coldlight` process on a data folder, and where it receives OTLP."""
    port = free_port()
    program = str(Path(sys.executable).with_name("coldlight"))
    ports = ["--otlp-http-port", str(port), *FREE_PORTS]
    with running([program, *command, "--data", str(data), *ports], log) as process:
        yield process, f"http://127.0.0.1:{port}"


def _journal_bytes(url: str) -> int:
    with urllib.request.urlopen(f"{url}/metrics", timeout=30) as answer:
        lines = answer.read().decode().splitlines()
    return next(int(float(line.split()[1])) for line in lines if line.startswith("coldlight_journal_bytes "))
