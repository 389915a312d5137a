"""CPU that a system took between two moments."""

import time
from dataclasses import dataclass
from math import nan

from benchmarks.processes import busy_s, cpu_s
from benchmarks.system import System


@dataclass(frozen=True)
class Moment:
    """When it was, and the CPU seconds that had gone by then: by role, and of the whole machine.

    NaN is what cannot be known: the CPU of a server whose pid was not given."""

    at_s: float
    cpu_s: dict[str, float]
    busy_s: float


def now(system: System) -> Moment:
    cpu = {role: sum(map(cpu_s, pids)) if pids else nan for role, pids in system.pids.items()}
    return Moment(time.monotonic(), cpu, busy_s())


def spent_s(before: Moment, after: Moment) -> dict[str, float]:
    return {role: seconds - before.cpu_s[role] for role, seconds in after.cpu_s.items()}


def other_cores(before: Moment, after: Moment, sender_s: float) -> float:
    """Cores that were busy with neither the system nor the sender, on average."""
    ours_s = sum(spent_s(before, after).values()) + sender_s
    return (after.busy_s - before.busy_s - ours_s) / (after.at_s - before.at_s)
