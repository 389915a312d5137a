"""What loading a handler costs in CPU and memory, once AWS's runtime client is there."""

import json
import subprocess
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from benchmarks.layer.contestants import Contestant

_SCRIPT = """
import json, os, sys, time
import awslambdaric.bootstrap
def resident_mb():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20
before = resident_mb()
begin = time.process_time()
exec(sys.argv[1])
cpu_s = time.process_time() - begin
print(json.dumps([cpu_s * 1000, resident_mb() - before]))
"""


@dataclass(frozen=True)
class Startup:
    cpu_ms: float
    memory_mb: float


def measured(contestants: list[Contestant], rounds: int) -> dict[str, Startup]:
    """Medians, over rounds in which each has its turn."""
    found: dict[str, list[tuple[float, float]]] = {contestant.name: [] for contestant in contestants}
    for _ in range(rounds):
        for contestant in contestants:
            found[contestant.name].append(_once(contestant))
    return {
        name: Startup(*(median(column) for column in zip(*runs, strict=True))) for name, runs in found.items()
    }


def _once(contestant: Contestant) -> tuple[float, float]:
    command: list[str | Path] = [contestant.python, "-c", _SCRIPT, contestant.load]
    done = subprocess.run(command, env=contestant.environment, capture_output=True, text=True, check=True)
    cpu_ms, memory_mb = json.loads(done.stdout.splitlines()[-1])
    return cpu_ms, memory_mb
