"""A soak: senders send, Coldlight dies again and again, and in a quiet end everything is counted."""

import json
import os
import random
import subprocess
import sys
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.processes import answers, free_port, wait_until

from coldlight_storage import ServerStore, parse_address
from soak.clickhouse import SERVER_FAULTS, Server
from soak.faults import BUG, DEATHS, FAULT, FAULTS, PASSES
from soak.senders import Obligations, Request, sending
from soak.verdict import STORED, Stored, Verdict, as_stored, judge

START_S, DRAIN_S, STRIKE_S = 60, 120, 10
_SAMPLE, _MOST_PASSES = 100, 4
_SHORTEST_LIFE_S, _LONGEST_LIFE_S = 0.1, 2.0
_ROOT = Path(__file__).parents[1]  # where the package `soak` is found


@dataclass(frozen=True)
class Plan:
    """How many lives Coldlight has, and where: embedded in `folder`, or on a ClickHouse server with faults of its own."""

    folder: Path
    lives: int
    seed: int
    senders: int = 8
    faults: tuple[str, ...] = FAULTS
    server: Server | None = None
    bug: str = ""


@dataclass
class Report:
    """What happened. `struck` counts faults that did what they were arranged for."""

    verdict: Verdict
    struck: Counter[str]
    faults: tuple[str, ...]
    requests: int
    repeated: int
    refused: int
    unseen: list[str] = field(default_factory=list)
    counters: dict[str, float] = field(default_factory=dict)

    def never(self) -> list[str]:
        """What has to happen in a long soak, or it has shown nothing."""
        happened = {
            **{fault: self.struck[fault] for fault in self.faults},
            "a request is sent again": self.repeated,
            "a request is told to come again": self.refused,
        }
        return [what for what, count in happened.items() if not count]


class Victim:
    """Coldlight on a port that stays the same over all its lives."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self.http, self.query = free_port(), free_port()

    @contextmanager
    def life(self, fault: str = "", passes: int = 1) -> Iterator["subprocess.Popen[bytes]"]:
        """A process that has started, or has died of its fault on the way; at the end it is killed."""
        command = [sys.executable, "-m", "soak.victim", *self._arguments()]
        variables = {**os.environ, FAULT: fault, PASSES: str(passes), BUG: self._plan.bug}
        with (self._plan.folder / "coldlight.log").open("ab") as log:
            process = subprocess.Popen(command, cwd=_ROOT, env=variables, stdout=log, stderr=log)
        try:
            ready = f"http://127.0.0.1:{self.http}/readyz"
            wait_until(
                lambda: process.poll() is not None or answers(ready), START_S, f"{ready} does not answer"
            )
            yield process
        finally:
            process.kill()
            process.wait()

    def _arguments(self) -> list[str]:
        ports = {"otlp-http": self.http, "otlp-grpc": 0, "query": self.query, "zipkin": 0, "xray": 0}
        flags = [word for name, port in ports.items() for word in (f"--{name}-port", str(port))]
        place = ["--clickhouse", self._plan.server.url] if self._plan.server else []
        return ["up", "--data", str(self._plan.folder / "data"), *flags, *place]

    def counters(self) -> dict[str, float]:
        """The collector's own metrics."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.http}/metrics", timeout=10) as answer:
            lines = answer.read().decode().splitlines()
        pairs = (line.rsplit(" ", 1) for line in lines if line.startswith("coldlight_") and "{" not in line)
        return {name: float(value) for name, value in pairs}

    def shown(self, request: Request) -> bool:
        """Whether the public API shows a trace or its log records, with all their names."""
        url = f"http://127.0.0.1:{self.query}/api/v1/traces/{request.trace_id}"
        if request.signal == "logs":
            url += "/logs"
        try:
            with urllib.request.urlopen(url, timeout=30) as answer:
                body = json.load(answer)
        except urllib.error.HTTPError:
            return False
        names = (
            [span["name"] for span in body["spans"]]
            if "spans" in body
            else [log["body"] for log in body["logs"]]
        )
        return sorted(names) == sorted(request.names)


def soak(plan: Plan, lived: Callable[[str], object] = lambda _: None) -> Report:
    """Runs the plan; `lived` is told the fault of each life that has ended."""
    chance = random.Random(plan.seed)
    victim, obligations, struck = Victim(plan), Obligations(plan.seed), Counter[str]()
    order = [plan.faults[number % len(plan.faults)] for number in range(plan.lives)]
    chance.shuffle(order)
    with ExitStack() as last_life:
        with sending(victim.http, obligations, plan.senders):
            for fault in order:
                with victim.life(fault, chance.randint(1, _MOST_PASSES)) as process:
                    if plan.server and fault in SERVER_FAULTS:
                        struck[fault] += plan.server.suffer(fault, chance)
                    else:
                        struck[fault] += _strikes(process, fault, chance)
                lived(fault)
            last_life.enter_context(victim.life())  # a healthy one, for requests still under way
        unseen = _unseen(victim, obligations, chance)
        counters = victim.counters()
    owed = obligations.acknowledged
    return Report(
        verdict=judge(owed, _count(plan)),
        struck=struck,
        faults=plan.faults,
        requests=len(owed),
        repeated=obligations.repeated,
        refused=obligations.refused,
        unseen=unseen,
        counters=counters,
    )


def _unseen(victim: Victim, obligations: Obligations, chance: random.Random) -> list[str]:
    """Of a sample of what was acknowledged, the traces that the public API does not show in full."""
    wait_until(
        lambda: victim.counters()["coldlight_journal_bytes"] == 0, DRAIN_S, "the journal does not drain"
    )
    owed = obligations.acknowledged
    sample = chance.sample(owed, min(_SAMPLE, len(owed)))
    return [request.trace_id for request in sample if not victim.shown(request)]


def _strikes(process: "subprocess.Popen[bytes]", fault: str, chance: random.Random) -> bool:
    """Lets a life end, by its fault or by a kill; whether the fault did it, or lasted."""
    wait_s = STRIKE_S if fault in DEATHS else chance.uniform(_SHORTEST_LIFE_S, _LONGEST_LIFE_S)
    try:
        process.wait(wait_s)
    except subprocess.TimeoutExpired:
        return fault not in DEATHS
    return True


def _count(plan: Plan) -> Stored:
    """Directly in the tables, while no Coldlight runs."""
    if not plan.server:
        command = [sys.executable, "-m", "soak.count", str(plan.folder / "data")]
        counted = subprocess.run(command, cwd=_ROOT, check=True, capture_output=True, text=True)
        return as_stored(json.loads(counted.stdout))
    store = ServerStore(parse_address(plan.server.direct_url))
    try:
        return as_stored({signal: store.select(sql) for signal, sql in STORED.items()})
    finally:
        store.close()
