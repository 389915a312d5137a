"""A soak: senders send, Coldlight dies again and again, and in a quiet end everything is counted."""

import json
import multiprocessing
import os
import random
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from multiprocessing.process import BaseProcess
from pathlib import Path

from benchmarks.processes import answers, free_port, wait_until

from coldlight_storage import ServerStore, Signal, parse_address
from soak import room
from soak.clickhouse import SERVER_FAULTS, Server
from soak.faults import ANYWHERE, DEATHS, DISK_FAILS, FAILING_SYNC, FAULTS, FULL, POWER
from soak.power import Disk, lose_power
from soak.senders import Obligations, Request, sending
from soak.verdict import STORED, Stored, Verdict, as_stored, judge
from soak.victim import Life, live

START_S, DRAIN_S, STRIKE_S = 180, 300, 30
_SAMPLE, _MOST_PASSES, _MOST_ENCORES = 60, 3, 5
_SHORTEST_LIFE_S, _LONGEST_LIFE_S = 0.1, 2.0
_SHORTEST_SYNCED_S = 1.0  # so that there is something to lose
_LOSING_POWER = (POWER, FAILING_SYNC)
"""Faults that end in a loss of power each time."""
_ROOT = Path(__file__).parents[1]  # where the package `soak` is found
_PROCESSES = multiprocessing.get_context(
    "forkserver"
)  # so that a life does not begin with seconds of imports
_PROCESSES.set_forkserver_preload(["soak.victim"])


@dataclass(frozen=True)
class Plan:
    """How many lives Coldlight has, and where: embedded on `disk`, or on a ClickHouse server with faults of its own."""

    disk: Disk
    lives: int
    seed: int
    senders: int = 8
    faults: tuple[str, ...] = FAULTS
    server: Server | None = None
    bug: str = ""
    power_losses: float = 0.2
    """How often power is lost, too, when a process dies."""

    @property
    def log(self) -> Path:
        return self.disk.beside / "coldlight.log"


@dataclass
class Report:
    """What happened. `struck` counts faults that did what they were arranged for; `failures` are what must not be."""

    verdict: Verdict = field(default_factory=Verdict)
    struck: Counter[str] = field(default_factory=Counter)
    faults: tuple[str, ...] = ()
    lives: int = 0
    repeated: int = 0
    refused: int = 0
    mended: int = 0
    failures: list[str] = field(default_factory=list)

    @property
    def is_good(self) -> bool:
        return self.verdict.is_good and not self.failures

    def never(self) -> list[str]:
        """What has to happen in a soak, or it has shown nothing."""
        happened = {
            **{fault: self.struck[fault] for fault in self.faults},
            "a request is sent again": self.repeated,
            "a request is told to come again": self.refused,
        }
        return [what for what, count in happened.items() if not count]

    def __add__(self, other: "Report") -> "Report":
        return Report(
            self.verdict + other.verdict,
            self.struck + other.struck,
            other.faults,
            self.lives + other.lives,
            self.repeated + other.repeated,
            self.refused + other.refused,
            self.mended + other.mended,
            self.failures + other.failures,
        )


class Victim:
    """Coldlight on a port that stays the same over all its lives."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self.http, self.query = free_port(), free_port()

    @contextmanager
    def life(self, fault: str = "", passes: int = 1) -> Iterator[BaseProcess]:
        """A process that has started, or has died of its fault on the way; at the end it is killed."""
        plan = self._plan
        life = Life(self._arguments(), plan.log, plan.disk, fault, passes, plan.bug)
        process = _PROCESSES.Process(target=live, args=(life,))
        process.start()
        try:
            ready = f"http://127.0.0.1:{self.http}/readyz"
            wait_until(
                lambda: not process.is_alive() or answers(ready), START_S, f"{ready} does not answer", 0.02
            )
            yield process
        except TimeoutError:
            assert process.pid
            os.kill(process.pid, signal.SIGABRT)  # where it hangs is in its log then
            process.join(1)
            raise
        finally:
            process.kill()
            process.join()

    def _arguments(self) -> list[str]:
        ports = {"otlp-http": self.http, "otlp-grpc": 0, "query": self.query, "zipkin": 0, "xray": 0}
        flags = [word for name, port in ports.items() for word in (f"--{name}-port", str(port))]
        place = ["--clickhouse", self._plan.server.url] if self._plan.server else []
        return ["up", "--data", str(self._plan.disk.data), *flags, *place]

    def has_drained(self) -> bool:
        """Whether the collector says that its journal is empty."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.http}/metrics", timeout=10) as answer:
            lines = answer.read().decode().splitlines()
        return "coldlight_journal_bytes 0.0" in lines

    def shown(self, request: Request) -> bool:
        """Whether the public API shows a trace or its log records, with all their names and attributes."""
        url = f"http://127.0.0.1:{self.query}/api/v1/traces/{request.trace_id}"
        if request.signal is Signal.LOGS:
            url += "/logs"
        try:
            with urllib.request.urlopen(url, timeout=30) as answer:
                body = json.load(answer)
        except urllib.error.HTTPError:
            return False
        found = [(one["name"], one["attributes"]) for one in body.get("spans", ())]
        found += [(one["body"], one["attributes"]) for one in body.get("logs", ())]
        return sorted(found, key=str) == sorted(request.items, key=str)


def soak(plan: Plan, lived: Callable[[str], object] = lambda _: None) -> Report:
    """Runs the plan; `lived` is told the fault of each life that has ended."""
    chance = random.Random(plan.seed)
    victim, obligations = Victim(plan), Obligations(plan.seed)
    report = Report(faults=plan.faults)
    with ExitStack() as last_life:
        with sending(victim.http, obligations, plan.senders):
            for fault in _order(plan, report, chance):
                _live_through(plan, victim, fault, obligations, report, chance)
                report.lives += 1
                lived(fault)
            last_life.enter_context(victim.life())  # a healthy one, for requests still under way
        report.failures += _unseen(victim, obligations, chance)
    report.verdict = judge(obligations.owed(), _count(plan))
    report.failures += obligations.failures
    report.repeated, report.refused = obligations.repeated, obligations.refused
    report.mended = plan.log.read_text(errors="replace").count("in ClickHouse: it is mended")
    return report


def _order(plan: Plan, report: Report, chance: random.Random) -> Iterator[str]:
    """Each fault as often as any other; in the end those once more that never struck."""
    order = [plan.faults[number % len(plan.faults)] for number in range(plan.lives)]
    chance.shuffle(order)
    yield from order
    for _ in range(_MOST_ENCORES):
        yield from (fault for fault in dict.fromkeys(order) if not report.struck[fault])


def _live_through(
    plan: Plan, victim: Victim, fault: str, obligations: Obligations, report: Report, chance: random.Random
) -> None:
    strikes, acknowledged = plan.disk.strikes, len(obligations.acknowledged)
    with victim.life(fault, chance.randint(1, _MOST_PASSES)) as process:
        if plan.server and fault in SERVER_FAULTS:
            report.struck[fault] += plan.server.suffer(fault, chance)
        elif fault == FULL:
            report.struck[fault] += _fill_disk(plan, obligations, report, chance)
        else:
            if fault in (DISK_FAILS, FAILING_SYNC):
                _await_strike(plan.disk, strikes, process)
            has_struck = _strikes(process, fault, chance)
            report.struck[fault] += has_struck or plan.disk.strikes > strikes
    if fault in _LOSING_POWER or chance.random() < plan.power_losses:
        lose_power(plan.disk, chance)
        report.struck[POWER] += fault != POWER
    with plan.log.open("a") as log:
        log.write(f"--- {fault}: {len(obligations.acknowledged) - acknowledged} requests acknowledged\n")


def _fill_disk(plan: Plan, obligations: Obligations, report: Report, chance: random.Random) -> bool:
    """Whether anybody was refused for it. Once there is room again, it has to go on."""
    refused = obligations.refused
    with room.full(plan.disk.root):
        time.sleep(chance.uniform(0.5, 3))
    struck = obligations.refused > refused
    acknowledged = len(obligations.acknowledged)
    try:
        wait_until(lambda: len(obligations.acknowledged) > acknowledged + 10, STRIKE_S, "")
    except TimeoutError:
        report.failures.append(f"after {FULL} it does not go on")
    return struck


def _unseen(victim: Victim, obligations: Obligations, chance: random.Random) -> Iterator[str]:
    """Of a sample of what was acknowledged, the traces that the public API does not show in full."""
    wait_until(victim.has_drained, DRAIN_S, "the journal does not drain")
    owed = [request for request in obligations.owed() if request.signal is not Signal.METRICS]
    for request in chance.sample(owed, min(_SAMPLE, len(owed))):
        if not victim.shown(request):
            yield f"the API does not show {request.signal} {request.trace_id} as sent"


def _await_strike(disk: Disk, strikes: int, process: BaseProcess) -> None:
    with suppress(TimeoutError):
        wait_until(lambda: disk.strikes > strikes or not process.is_alive(), STRIKE_S, "no call has failed")


def _strikes(process: BaseProcess, fault: str, chance: random.Random) -> bool:
    """Lets a life end, by its fault or by a kill; whether the fault did it, or lasted."""
    longer_s = _SHORTEST_SYNCED_S if fault in _LOSING_POWER else 0
    process.join(
        STRIKE_S if fault in DEATHS else longer_s + chance.uniform(_SHORTEST_LIFE_S, _LONGEST_LIFE_S)
    )
    return fault in (POWER, ANYWHERE) or (fault in DEATHS and not process.is_alive())


def _count(plan: Plan) -> Stored:
    """Directly in the tables, while no Coldlight runs."""
    if not plan.server:
        command = [sys.executable, "-m", "soak.count", str(plan.disk.data)]
        counted = subprocess.run(command, cwd=_ROOT, check=True, capture_output=True, text=True)
        return as_stored(json.loads(counted.stdout))
    store = ServerStore(parse_address(plan.server.direct_url))
    try:
        return as_stored({signal: store.select(sql) for signal, sql in STORED.items()})
    finally:
        store.close()
