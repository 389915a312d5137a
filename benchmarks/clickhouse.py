"""The ClickHouse server that the systems share, over HTTP."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from shutil import rmtree
from urllib.parse import urlsplit, urlunsplit

from clickhouse_connect import get_client
from clickhouse_connect.driver.client import Client

from benchmarks.processes import answers, free_port, running, wait_until
from benchmarks.signals import Signal
from benchmarks.system import Footprint

START_TIMEOUT_S = 60
FOOTPRINT = (Path(__file__).parent / "sql" / "footprint.sql").read_text()


@dataclass(frozen=True)
class ClickHouse:
    """A server: its URL without a database, its pid and its port of the native protocol where these are known."""

    url: str
    pid: int | None = None
    native_port: int | None = None

    def pids(self) -> list[int]:
        return [self.pid] if self.pid else []

    def database_url(self, database: str) -> str:
        return urlunsplit(urlsplit(self.url)._replace(path=f"/{database}"))


@contextmanager
def server(command: str, folder: Path) -> Iterator[ClickHouse]:
    """Run `command --path DIR --http-port N --tcp-port M`, a Python script or a program."""
    http_port, native_port = free_port(), free_port()
    program = [sys.executable, command] if _is_python(Path(command)) else [command]
    ports = ["--http-port", str(http_port), "--tcp-port", str(native_port)]
    log = folder / "clickhouse.log"
    with running([*program, "--path", str(folder / "clickhouse"), *ports], log) as process:
        url = f"http://127.0.0.1:{http_port}"
        wait_until(partial(answers, f"{url}/ping"), START_TIMEOUT_S, f"{command} is not ready; see {log}")
        yield ClickHouse(url, process.pid, native_port)
    rmtree(folder / "clickhouse")


def _is_python(script: Path) -> bool:
    with script.open("rb") as file:
        return b"python" in file.readline()


@contextmanager
def empty_database(clickhouse: ClickHouse, name: str) -> Iterator[Client]:
    """A database of this name with nothing in it, dropped at the end; yields a client to it."""
    server = get_client(dsn=clickhouse.url)
    server.command(f"DROP DATABASE IF EXISTS {name} SYNC")
    server.command(f"CREATE DATABASE {name}")
    try:
        yield get_client(dsn=clickhouse.database_url(name))
    finally:
        server.command(f"DROP DATABASE IF EXISTS {name} SYNC")


def count(client: Client, signal: Signal) -> int:
    """Items that a query finds now."""
    return int(str(client.command("SELECT count() FROM {table:Identifier}", {"table": signal.table})))


def footprint(client: Client, signal: Signal) -> Footprint:
    """What the tables of the client's database take on disk, outdated parts not counted."""
    [row] = client.query(FOOTPRINT, {"table": signal.table}).result_rows
    return Footprint(*map(int, row))
