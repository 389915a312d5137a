"""What a layer adds to an invocation as the caller sees it, in the tests' sandbox of Lambda's APIs with AWS's real runtime client."""

import os
import sys
import tempfile
import time
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import quantiles
from typing import Any

from tests.instrumentation.lambda_api.collectors import Collector
from tests.instrumentation.lambda_api.functions import Function
from tests.instrumentation.lambda_api.sandbox import Sandbox

from benchmarks.layer.contestants import FOLDER, Contestant

_WARM_UP = 5
_TICKS_PER_S = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Latency:
    """Until the response, and until the sandbox can be frozen, in milliseconds."""

    p50_ms: float
    p99_ms: float
    total_p50_ms: float


@dataclass(frozen=True)
class Extension:
    """What the extension has used once it waits for the first invocation."""

    cpu_ms: float
    memory_mb: float
    ready_ms: float


class BenchSandbox(Sandbox):
    """A sandbox with a contestant's Python, and with the layer as it was unpacked from its zip."""

    def __init__(self, contestant: Contestant, collector: Collector, folder: Path) -> None:
        is_ours = bool(contestant.zip_bytes)
        settings = {
            **contestant.environment,
            "COLDLIGHT_ENDPOINT": collector.url,
            "OTEL_EXPORTER_OTLP_ENDPOINT": collector.url,
        }
        settings.pop("_HANDLER")
        settings.pop("COLDLIGHT_HANDLER", None)
        handler = "app.handler" if is_ours or not contestant.packages else f"{_loading(contestant)}.handler"
        super().__init__(
            Function(
                handler, settings, layer=is_ours, wrapper=is_ours, task_root=(FOLDER / "function").absolute()
            ),
            folder,
        )
        self._python = str(contestant.python.absolute())
        link = self._opt / "python" / "coldlight_lambda"
        link.unlink()
        if is_ours:
            link.symlink_to((contestant.folders[0] / "coldlight_lambda").absolute())

    def _process(self, command: list[str], *arguments: Any) -> Any:
        return super()._process(
            [self._python if part == sys.executable else part for part in command], *arguments
        )


def _loading(contestant: Contestant) -> str:
    """A module whose `handler` is the function's, wrapped as the contestant wraps it."""
    name = "with_" + contestant.name.replace("-", "_").lower()
    (FOLDER / "function" / f"{name}.py").write_text(contestant.load + "\n")
    return name


def latency(contestant: Contestant, count: int, hangs: bool = False) -> Latency:
    """With a collector that answers in 100 ms, or never."""
    collector = Collector()
    collector.delay_s, collector.hangs = 0.1, hangs
    with tempfile.TemporaryDirectory() as folder:
        sandbox = BenchSandbox(contestant, collector, Path(folder))
        try:
            answers = [sandbox.invoke({"n": number}) for number in range(count + _WARM_UP)][_WARM_UP:]
        finally:
            sandbox.shutdown()
            collector.close()
    if any(answer.is_error for answer in answers):
        raise RuntimeError(f"{contestant.name}: {answers[0].body!r}")
    if contestant.sends_otlp and not collector.requests:
        raise RuntimeError(f"{contestant.name} has sent nothing: it was not measured at its work")
    responses = quantiles([answer.response_s * 1000 for answer in answers], n=100, method="inclusive")
    totals = quantiles([answer.total_s * 1000 for answer in answers], n=100, method="inclusive")
    return Latency(responses[49], responses[98], totals[49])


def extension(contestant: Contestant) -> Extension:
    """Of one start."""
    collector = Collector()
    with tempfile.TemporaryDirectory() as folder:
        sandbox = BenchSandbox(contestant, collector, Path(folder))
        begun = time.monotonic()
        sandbox.start()
        ready_ms = (time.monotonic() - begun) * 1000
        process = Path(f"/proc/{sandbox.extension_pid}")
        fields = (process / "stat").read_text().rpartition(")")[2].split()
        cpu_ms = (int(fields[11]) + int(fields[12])) / _TICKS_PER_S * 1000
        memory_mb = int((process / "statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20
        sandbox.shutdown()
    collector.close()
    return Extension(cpu_ms, memory_mb, ready_ms)


def against(found: Latency, bare: Latency) -> Latency:
    """What is added."""
    return replace(
        found,
        p50_ms=found.p50_ms - bare.p50_ms,
        p99_ms=found.p99_ms - bare.p99_ms,
        total_p50_ms=found.total_p50_ms - bare.total_p50_ms,
    )
