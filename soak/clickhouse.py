"""A ClickHouse server that dies, stalls and loses answers, and comes back with what it had."""

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from benchmarks.processes import answers, free_port, wait_until

from soak.proxy import Break, Proxy, proxy

DATABASE = "soak"
_START_S, _STRIKE_S, _INSERT_S = 60, 10, 0.1


class Server:
    """Started by `python PROGRAM --path DIR --http-port N --tcp-port M`; `url` leads to it through the proxy."""

    def __init__(self, program: Path, folder: Path) -> None:
        self._folder = folder
        self._port = free_port()
        ports = ["--http-port", str(self._port), "--tcp-port", str(free_port())]
        self._command = [sys.executable, str(program), "--path", str(folder / "clickhouse"), *ports]
        self._process: subprocess.Popen[bytes] | None = None
        self.direct_url = f"http://127.0.0.1:{self._port}/{DATABASE}"
        self.proxy: Proxy | None = None

    @property
    def url(self) -> str:
        assert self.proxy
        return f"http://127.0.0.1:{self.proxy.port}/{DATABASE}"

    @property
    def port(self) -> int:
        return self._port

    def start(self) -> None:
        with (self._folder / "clickhouse.log").open("ab") as log:
            # a group of its own, for the program may run the server in a child
            self._process = subprocess.Popen(self._command, stdout=log, stderr=log, start_new_session=True)
        wait_until(
            partial(answers, f"http://127.0.0.1:{self._port}/ping"), _START_S, "ClickHouse is not ready"
        )

    def kill(self) -> None:
        self._signal(signal.SIGKILL)
        assert self._process
        self._process.wait()

    def _signal(self, number: signal.Signals) -> None:
        assert self._process
        os.killpg(self._process.pid, number)

    def suffer(self, fault: str, chance: random.Random) -> bool:
        """Goes through a fault of `SERVER_FAULTS`; whether it struck an insert."""
        return SERVER_FAULTS[fault](self, chance)

    def _be_killed(self, chance: random.Random) -> bool:
        struck = self._is_inserting(chance)
        self.kill()
        time.sleep(chance.uniform(0, 2))
        self.start()
        return struck

    def _stall(self, chance: random.Random) -> bool:
        struck = self._is_inserting(chance)
        self._signal(signal.SIGSTOP)
        time.sleep(chance.uniform(1, 4))
        self._signal(signal.SIGCONT)
        return struck

    def _is_inserting(self, chance: random.Random) -> bool:
        """Waits for an insert, and for some part of the time that one takes; whether one came by."""
        assert self.proxy
        self.proxy.inserting.clear()
        struck = self.proxy.inserting.wait(_STRIKE_S)
        time.sleep(chance.uniform(0, _INSERT_S))
        return struck

    def _break(self, how: Break) -> bool:
        assert self.proxy
        self.proxy.breaks.append(how)
        try:
            wait_until(lambda: not self.proxy or not self.proxy.breaks, _STRIKE_S, "no insert came by")
        except TimeoutError:
            self.proxy.breaks.clear()
            return False
        return True


SERVER_FAULTS: dict[str, Callable[[Server, random.Random], bool]] = {
    "ClickHouse is killed and comes back": Server._be_killed,
    "ClickHouse stalls": Server._stall,
    "half an insert gets lost": lambda server, _: server._break(Break.REQUEST),
    "the answer to an insert gets lost": lambda server, _: server._break(Break.ANSWER),
}


@contextmanager
def fragile_server(program: Path, folder: Path) -> Iterator[Server]:
    """A server and its proxy for the length of the block."""
    server = Server(program, folder)
    server.start()
    with proxy(server.port, is_open=True) as before:
        server.proxy = before
        try:
            yield server
        finally:
            server.kill()
