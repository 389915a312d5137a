"""The two trials: four times what Coldlight can take, and an attack while honest senders go on."""

import asyncio
import json
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from statistics import quantiles
from typing import Any

from overload.senders import Tally, send
from overload.victim import Victim

_ROOT = Path(__file__).parents[1]
_BULK_SPANS, _SMALL_SPANS = 512, 5
_FACTOR = 4
_MEASURE_S, _CALM_S = 20, 20
_DRAIN_S = 300
_HONEST_CONNECTIONS, _HONEST_PER_S, _ATTEMPTS = 20, 20.0, 30

Progress = Callable[[str, float], object]


@dataclass(frozen=True)
class Trial:
    """What was seen. `promises` are what has to hold, by how it is put; `figures` what is only shown."""

    figures: dict[str, str]
    promises: dict[str, bool]
    acknowledged: int = 0


@dataclass
class _Helper:
    """A sender in a process of its own, and the JSON it prints in the end."""

    process: "subprocess.Popen[str]" = field(init=False)
    module: str
    arguments: dict[str, float]

    def __post_init__(self) -> None:
        words = [word for name, value in self.arguments.items() for word in (f"--{name}", f"{value:g}")]
        command = [sys.executable, "-m", self.module, *words]
        self.process = subprocess.Popen(command, cwd=_ROOT, stdout=subprocess.PIPE, text=True)

    def wait_until_ready(self) -> None:
        assert self.process.stdout
        self.process.stdout.readline()

    def result(self) -> Any:
        printed, _ = self.process.communicate()
        return json.loads(printed)


def _bulk(victim: Victim, spans_per_s: float, seconds: float, connections: int = 16) -> _Helper:
    rate = spans_per_s / _BULK_SPANS
    arguments = {"port": victim.port, "spans": _BULK_SPANS, "per-s": rate, "seconds": seconds}
    return _Helper("overload.senders", arguments | {"connections": connections})


def capacity(victim: Victim) -> tuple[float, int]:
    """Spans a second that get as far as ClickHouse while more than enough are sent, and those acknowledged meanwhile."""
    before, started = victim.metric("coldlight_inserted_items_total"), time.monotonic()
    sent = _bulk(victim, 1e6, _MEASURE_S, connections=4).result()
    drain(victim)
    inserted = victim.metric("coldlight_inserted_items_total") - before
    return inserted / (time.monotonic() - started), sent["spans"]


def drain(victim: Victim) -> float:
    """Seconds until everything acknowledged is in ClickHouse."""
    started = time.monotonic()
    while time.monotonic() - started < _DRAIN_S:
        owed = victim.metric("coldlight_accepted_items_total") - victim.metric(
            "coldlight_inserted_items_total"
        )
        if owed <= 0:
            break
        time.sleep(0.2)
    return time.monotonic() - started


def _honest(victim: Victim, seconds: float, progress: Callable[[float], object]) -> Tally:
    async def run() -> Tally:
        watching = asyncio.create_task(_tick(seconds, progress))
        tally = await send(victim.port, _SMALL_SPANS, _HONEST_PER_S, seconds, _HONEST_CONNECTIONS, _ATTEMPTS)
        watching.cancel()
        return tally

    return asyncio.run(run())


async def _tick(seconds: float, progress: Callable[[float], object]) -> None:
    started = time.monotonic()
    while True:
        await asyncio.sleep(1)
        progress(min(1, (time.monotonic() - started) / seconds))


def overload(victim: Victim, seconds: float, progress: Progress) -> Trial:
    """Four times the capacity, measured first, for `seconds`."""
    progress("capacity", 0)
    spans_per_s, measured_spans = capacity(victim)
    flood = _bulk(victim, _FACTOR * spans_per_s, seconds, connections=64)
    honest = _honest(victim, seconds, lambda done: progress("four times capacity", done))
    flooded = flood.result()
    drained_s = drain(victim)
    flood_answers = Counter({int(status): count for status, count in flooded["answers"].items()})
    offered = (flood_answers.total() + flooded["unsent"]) * _BULK_SPANS / seconds
    sent = flood_answers.total() * _BULK_SPANS / seconds
    peak_mb = victim.peak_memory_mb()
    answers = flood_answers + honest.answers
    return Trial(
        figures={
            "capacity": f"{spans_per_s:,.0f} spans/s",
            "offered": f"{offered:,.0f} spans/s, {sent / spans_per_s:.1f} times capacity answered",
            "acknowledged": f"{flooded['spans'] / seconds:,.0f} spans/s",
            "answers": _shown(answers),
            **_latencies("honest senders", honest),
            "memory, at most": f"{peak_mb:,.0f} MB of {victim.memory_limit_mb:,}",
            "drained after": f"{drained_s:.1f} s",
        },
        promises={
            "memory stays within its limit": peak_mb <= victim.memory_limit_mb,
            "refusals are retryable ones": set(answers) <= {200, 429, 503},
            "more was offered than it takes": flood_answers[503] + flood_answers[429] + flooded["unsent"] > 0,
            "every honest request is taken in the end": honest.given_up == 0,
            "it drains within a minute": drained_s <= 60,
        },
        acknowledged=measured_spans + flooded["spans"] + honest.spans,
    )


def under_attack(victim: Victim, seconds: float, progress: Progress) -> Trial:
    """500 slow sockets, bombs and amplifying bodies together, while honest senders go on."""
    calm = _honest(victim, _CALM_S, lambda done: progress("no attack", done))
    hostile = _Helper("overload.attack", {"port": victim.port, "seconds": seconds})
    hostile.wait_until_ready()
    honest = _honest(victim, seconds, lambda done: progress("attack", done))
    answers = {name: Counter(found) for name, found in hostile.result().items()}
    peak_mb = victim.peak_memory_mb()
    p99_s = _quantile(honest.latencies_s, 99)
    return Trial(
        figures={
            **{name: _shown(found) for name, found in answers.items()},
            "honest answers": _shown(honest.answers),
            **_latencies("honest senders before", calm),
            **_latencies("honest senders", honest),
            "memory, at most": f"{peak_mb:,.0f} MB of {victim.memory_limit_mb:,}",
        },
        promises={
            "memory stays within its limit": peak_mb <= victim.memory_limit_mb,
            "honest requests are answered within 1 s (p99)": p99_s <= 1,
            "every honest request is taken in the end": honest.given_up == 0,
            "no hostile request is taken": not any("200" in found for found in answers.values()),
        },
        acknowledged=calm.spans + honest.spans,
    )


def _quantile(values: list[float], percent: int) -> float:
    return quantiles(values, n=100)[percent - 1] if len(values) > 1 else 0.0


def _latencies(who: str, tally: Tally) -> dict[str, str]:
    p50, p99 = (_quantile(tally.latencies_s, percent) * 1000 for percent in (50, 99))
    return {f"{who}, answered in": f"{p50:,.0f} ms (p50), {p99:,.0f} ms (p99)"}


def _shown(answers: Counter[Any]) -> str:
    return ", ".join(f"{status or 'none'}: {count:,}" for status, count in sorted(answers.items())) or "none"
