"""`coldlight` as people run it: processes with ports of their own, watched from outside and stopped by signals."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from threading import Timer
from typing import Any

import httpx

COLDLIGHT = Path(sys.executable).with_name("coldlight")
COLLECTOR_PORTS = (
    *("--otlp-http-port", "0", "--otlp-grpc-port", "0"),
    *("--zipkin-port", "0", "--xray-port", "0"),
)
QUERY_PORTS = ("--query-port", "0")
ANY_PORTS = (*COLLECTOR_PORTS, *QUERY_PORTS)
STOP_S = 10
"""Within which Coldlight promises to end once it is told to."""

_PATIENCE_S = 60
HTTP = httpx.Client(timeout=_PATIENCE_S)
"""For all requests: a client of its own for each would load certificates each time."""
_started: list["subprocess.Popen[str]"] = []
_LAST_LINE = "Stop with Ctrl-C"
_READER = str(Path(__file__).with_name("read_folder.py"))


def environment(**more: str) -> dict[str, str]:
    """Variables of a user who has set nothing but `more`.

    Nor one that keeps Python from caching what it has compiled, which would make every start seconds longer.
    """
    own = ("COLDLIGHT_", "OTEL_", "PYTHONDONTWRITEBYTECODE")
    kept = {name: text for name, text in os.environ.items() if not name.startswith(own)}
    return {**kept, "COLUMNS": "120", **more}


def coldlight(*arguments: str, cwd: Path, **variables: str) -> "subprocess.CompletedProcess[str]":
    """Runs a command that ends by itself."""
    return subprocess.run(
        [COLDLIGHT, *arguments],
        cwd=cwd,
        env=environment(**variables),
        capture_output=True,
        text=True,
        timeout=_PATIENCE_S,
        check=False,
    )


@dataclass(frozen=True)
class Service:
    """A running `coldlight up`, `collector` or `query`, and the lines with which it started."""

    process: "subprocess.Popen[str]"
    banner: str
    log: Path

    @property
    def otlp_http(self) -> str:
        return self._address("OTLP/HTTP")

    @property
    def otlp_grpc(self) -> str:
        return self._address("OTLP/gRPC")

    @property
    def zipkin(self) -> str:
        return self._address("Zipkin")

    @property
    def xray(self) -> str:
        return self._address("X-Ray")

    @property
    def query(self) -> str:
        return self._address("Query API").removesuffix("/docs")

    def _address(self, name: str) -> str:
        found = re.search(rf"^  {name} +(\S+)$", self.banner, re.MULTILINE)
        assert found, f"no address of {name} in:\n{self.banner}"
        return found[1]

    def get(self, path: str, **parameters: str | int) -> Any:
        """The JSON with which the query API answers."""
        answer = HTTP.get(f"{self.query}{path}", params=parameters)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def trace(self, trace_id: str, spans: int = 1, **parameters: str) -> Any:
        """A trace, once at least so many of its spans are to be seen."""
        path = f"/api/v1/traces/{trace_id}"

        def seen() -> bool:
            answer = HTTP.get(f"{self.query}{path}", params={"limit": 1})
            return answer.status_code == 200 and answer.json()["span_count"] >= spans

        eventually(seen, f"{spans} spans of trace {trace_id}")
        return self.get(path, limit=100_000, **parameters)

    def logs(self, trace_id: str, records: int = 1) -> list[Any]:
        """The log records of a trace, once at least so many are to be seen."""
        found: list[Any] = []

        def seen() -> bool:
            found[:] = self.get(f"/api/v1/traces/{trace_id}/logs")["logs"]
            return len(found) >= records

        eventually(seen, f"{records} log records of trace {trace_id}")
        return found

    def metric(self, name: str) -> float:
        """The value of one of the collector's own metrics."""
        found = re.search(
            rf"^{re.escape(name)} (\S+)$", HTTP.get(f"{self.otlp_http}/metrics").text, re.MULTILINE
        )
        assert found, name
        return float(found[1])

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        """The exit code after a signal. Raises `TimeoutExpired` when the process goes on beyond its promise."""
        self.process.send_signal(number)
        try:
            return self.process.wait(STOP_S)
        finally:
            _end(self.process)


def start(*arguments: str, folder: Path, **variables: str) -> Service:
    """Starts `coldlight <arguments>` in `folder` and returns once it says that it is up."""
    folder.mkdir(parents=True, exist_ok=True)
    log = folder / "stderr.log"
    with log.open("w") as errors:
        process = subprocess.Popen(
            [COLDLIGHT, *arguments],
            cwd=folder,
            env=environment(**variables),
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
        )
    _started.append(process)
    return Service(process, _read_banner(process, log), log)


def _read_banner(process: "subprocess.Popen[str]", log: Path) -> str:
    """Everything up to the line that ends the banner."""
    assert process.stdout
    banner = ""
    watchdog = Timer(_PATIENCE_S, process.kill)
    watchdog.start()
    try:
        for line in process.stdout:
            banner += line
            if line.startswith(_LAST_LINE):
                return banner
    finally:
        watchdog.cancel()
    raise AssertionError(f"ended with {process.wait()} before it was up:\n{banner}{log.read_text()}")


def end_all() -> None:
    """Ends what a failed test has left running."""
    for process in _started:
        _end(process)


def _end(process: "subprocess.Popen[str]") -> None:
    process.kill()
    process.wait()
    if process.stdout:
        process.stdout.close()


def eventually(condition: Callable[[], bool], what: str) -> None:
    """Returns once the condition holds; fails, naming `what`, if it does not for a minute."""
    deadline = time.monotonic() + _PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline, f"waited in vain for {what}"
        time.sleep(0.05)


class Home:
    """A data folder with embedded ClickHouse, and the `coldlight up` on it, which runs whenever it is needed."""

    def __init__(self, folder: Path, *arguments: str) -> None:
        self.folder = folder
        self._arguments = ("up", "--data", str(folder / "data"), *ANY_PORTS, *arguments)
        self._service: Service | None = None

    def service(self) -> Service:
        """The running service; a new one if the last was stopped or killed."""
        if self._service is None or self._service.process.poll() is not None:
            self._service = start(*self._arguments, folder=self.folder)
        return self._service

    def stop(self) -> None:
        if self._service is not None and self._service.process.poll() is None:
            self._service.stop()

    def select(self, *queries: str) -> list[list[dict[str, Any]]]:
        """The rows that each query finds in the tables, read after a stop: one process a folder."""
        self.stop()
        command = [sys.executable, _READER, str(self.folder / "data"), *queries]
        done = subprocess.run(command, capture_output=True, text=True, timeout=_PATIENCE_S, check=False)
        assert done.returncode == 0, done.stderr
        rows: list[list[dict[str, Any]]] = json.loads(done.stdout)
        return rows
