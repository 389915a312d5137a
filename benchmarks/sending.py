"""Workloads on their way: the sender's process, and waiting until what it sent is visible."""

import json
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from benchmarks.sender import Sent
from benchmarks.signals import Signal
from benchmarks.system import System
from benchmarks.workload import Workload

STALLED_AFTER_S = 30


@dataclass(frozen=True)
class Sender:
    """A sender process with its requests in memory, waiting for the word."""

    process: "subprocess.Popen[str]"

    def send(self) -> Sent:
        """Raises `ConnectionError` when it could not get everything acknowledged; it has printed why."""
        answer, _ = self.process.communicate("go\n")
        if self.process.returncode:
            raise ConnectionError("the sender gave up; its error is above")
        return Sent(**json.loads(answer))


@contextmanager
def prepared(urls: Sequence[str], workload: Workload, seed: int) -> Iterator[Sender]:
    """A sender that has made its requests, and sends them to each of `urls` alike when it is told to."""
    numbers = {
        "--requests": workload.items // workload.items_per_request,
        "--items": workload.items_per_request,
        "--attributes": workload.attributes,
        "--connections": workload.connections,
        "--seed": seed,
    }
    options = [text for name, number in numbers.items() for text in (name, str(number))]
    options += ["--signal", workload.signal.name, *(text for url in urls for text in ("--url", url))]
    command = [sys.executable, "-m", "benchmarks.sender", *options]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        process.stdout.readline()
        try:
            yield Sender(process)
        finally:
            process.kill()


def load(system: System, workload: Workload, seed: int) -> Sent:
    """Send a workload and wait until it is visible, unmeasured. Raises `LookupError` when items are missing."""
    found = system.visible(workload.signal)
    with prepared(system.urls, workload, seed) as sender:
        sent = sender.send()
    if missing := wait_until_visible(system, workload.signal, found + sent.items):
        raise LookupError(f"{missing} of {sent.items} acknowledged {workload.signal.items} are not visible")
    return sent


def wait_until_visible(system: System, signal: Signal, expected: int, interval_s: float = 0.05) -> int:
    """Returns how many of the expected items are missing once none came for 30 s: 0 when all are visible."""
    found, changed_s = system.visible(signal), time.monotonic()
    while found < expected and time.monotonic() - changed_s < STALLED_AFTER_S:
        time.sleep(interval_s)
        newest = system.visible(signal)
        if newest != found:
            found, changed_s = newest, time.monotonic()
    return expected - found
