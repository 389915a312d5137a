"""Processes under measurement: starting and stopping them, and what they cost."""

import os
import socket
import subprocess
import time
import urllib.request
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

STOP_TIMEOUT_S = 30
TICKS_PER_S = os.sysconf("SC_CLK_TCK")


@contextmanager
def running(command: list[str], log: Path) -> Iterator["subprocess.Popen[bytes]"]:
    """Run `command` with its output in `log`, and end it by SIGTERM."""
    with log.open("ab") as output:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT)
        try:
            yield process
        finally:
            process.terminate()
            try:
                process.wait(STOP_TIMEOUT_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def wait_until(
    condition: Callable[[], bool], timeout_s: float, reason: str, interval_s: float = 0.05
) -> None:
    """Ask every `interval_s` until it holds. Raises `TimeoutError` with `reason`."""
    deadline = time.monotonic() + timeout_s
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(reason)
        time.sleep(interval_s)


def free_port() -> int:
    """A port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def answers(url: str) -> bool:
    """Whether GET of `url` is answered with success."""
    try:
        with urllib.request.urlopen(url, timeout=1) as answer:
            return bool(answer.status == 200)
    except OSError:  # not listening yet, or 503: not ready yet
        return False


def cpu_s(pid: int) -> float:
    """CPU seconds, user and system, of a process and its living children, all threads of them."""
    # The name, in parentheses, may hold spaces; utime and stime are the 12th and 13th field after it.
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    own = (int(fields[11]) + int(fields[12])) / TICKS_PER_S
    return own + sum(cpu_s(child) for child in _children(pid))


def busy_s() -> float:
    """CPU seconds that the machine spent on anything at all since it started, time stolen from it too."""
    user, nice, system, _idle, _iowait, *interrupts_and_steal = map(
        int, Path("/proc/stat").read_text().split("\n")[0].split()[1:9]
    )
    return (user + nice + system + sum(interrupts_and_steal)) / TICKS_PER_S


def forget_peak_memory(pid: int) -> None:
    """Let `peak_memory_mb` be of the time from now on; for processes of other users it stays that since they started."""
    with suppress(PermissionError):
        Path(f"/proc/{pid}/clear_refs").write_text("5")
    for child in _children(pid):
        forget_peak_memory(child)


def peak_memory_mb(pid: int) -> float:
    """The most memory that a process held since its peak was forgotten, with what its living children did."""
    status = Path(f"/proc/{pid}/status").read_text().splitlines()
    own = next(int(line.split()[1]) for line in status if line.startswith("VmHWM:")) / 1024
    return own + sum(peak_memory_mb(child) for child in _children(pid))


def _children(pid: int) -> Iterator[int]:
    for task in Path(f"/proc/{pid}/task").iterdir():
        yield from map(int, (task / "children").read_text().split())


def settle(pids: Iterable[int], timeout_s: float) -> bool:
    """Wait until all of them together take less than 5 % of a core for three seconds: merges are done.

    False when they were still busy after `timeout_s`.
    """
    pids = list(pids)
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        before = sum(map(cpu_s, pids))
        time.sleep(3)
        if sum(map(cpu_s, pids)) - before < 0.15:
            return True
    return False
