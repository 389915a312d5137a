"""The store on embedded ClickHouse (chDB): the engine runs inside this process, on a folder of its own.

What chDB demands: one process a folder, one connection a thread, and no fork once it is imported; so it is
imported with the first store and not before (ADR 2).
"""

import ctypes
import os
import threading
from collections.abc import Mapping
from copy import copy
from functools import partial
from hashlib import blake2b
from io import TextIOWrapper
from pathlib import Path
from typing import Any

import clickhouse_connect
from clickhouse_connect.driver.client import Client

from coldlight_storage.batches import NOWHERE, Batch, Settings, insert_statement, quote, quote_name
from coldlight_storage.clients import READ_ONLY, Clients
from coldlight_storage.folder_lock import lock_folder
from coldlight_storage.store import QueryLimits, Row
from coldlight_storage.wire import Wire

_LIBC = ctypes.CDLL(None, use_errno=True)  # for syncfs, which Python's os does not have


class EmbeddedStore:
    """`Store` in this process."""

    def __init__(self, folder: Path, memory_bytes: int, limits: QueryLimits | None = None) -> None:
        """Opens (or creates) the database in `folder`, using at most `memory_bytes`.

        Raises `DataFolderInUse` naming the process that holds the folder, or ValueError for a name that cannot be.
        """
        _file_argument(folder)
        self._lock: TextIOWrapper | None = lock_folder(folder)
        self._path = (folder / "clickhouse").resolve()
        self._schemas = (folder / "schemas").resolve()
        self._options = engine_options(memory_bytes)
        self._limits = limits or QueryLimits()
        self._database = "default"
        self._open_clients()
        with self._writers.client():
            pass  # opened here, so that a folder that cannot be used is found at the start
        # Held open: Linux tells of a failed write whoever had a descriptor at the time, and that once.
        self._folder = _opened(self._path)

    def _open_clients(self) -> None:
        self._writers = Clients(self._connect)
        self._readers = Clients(partial(self._connect, READ_ONLY))

    def _connect(self, settings: Mapping[str, Any] | None = None, database: str | None = None) -> Client:
        return clickhouse_connect.get_client(
            interface="chdb",
            path=str(self._path),
            database=database or self._database,
            chdb_options=self._options,
            query_limit=0,
            settings=dict(settings or {}),
        )

    def create_database(self) -> None:
        outside = Clients(partial(self._connect, database="default"))
        try:
            outside.command(f"CREATE DATABASE IF NOT EXISTS {quote_name(self._database)}")
        finally:
            outside.close()

    def beside(self, suffix: str) -> "EmbeddedStore":
        other = copy(self)
        other._database = f"{self._database}_{suffix}"
        other._lock = None  # the folder stays ours until the first of its stores is closed
        other._open_clients()
        other._folder = _opened(self._path)  # of its own, or the failure would be told to one of the two
        return other

    def insert(self, batch: Batch) -> None:
        self._read(batch, "")

    def check(self, batch: Batch) -> None:
        self._read(batch, NOWHERE)

    def _read(self, batch: Batch, into: str) -> None:
        source = f"file({_file_argument(batch.path)}, 'Protobuf', {{structure}})"
        for table in batch.tables:
            with self._writers.client(inserting=True) as client:
                client.command(insert_statement(batch, table, source, self._schema, into))

    def sync(self) -> None:
        if _LIBC.syncfs(self._folder):
            raise OSError(ctypes.get_errno(), "syncfs failed", str(self._path))

    def _schema(self, wire: Wire) -> Settings:
        """A schema given as text would be written to a folder `__cache__` wherever this process runs."""
        file = self._schemas / f"{blake2b(wire.proto.encode(), digest_size=8).hexdigest()}.proto"
        if not file.exists():
            self._schemas.mkdir(exist_ok=True)
            new = file.with_suffix(f".{threading.get_ident()}")  # nobody may read half a schema
            new.write_text(wire.proto)
            new.rename(file)
        return {"format_schema": quote(f"{file}:{wire.message}")}

    def select(self, sql: str, parameters: Mapping[str, Any] | None = None) -> list[Row]:
        return self._readers.select(sql, parameters, self._limits)

    def command(self, sql: str) -> None:
        self._writers.command(sql)

    def close(self) -> None:
        self._readers.close()
        self._writers.close()
        os.close(self._folder)
        if self._lock:
            self._lock.close()


def _opened(folder: Path) -> int:
    return os.open(folder, os.O_RDONLY | os.O_DIRECTORY)


def _file_argument(path: Path) -> str:
    """The path as ClickHouse's `file()` takes it. Raises ValueError for one that it would read as a pattern."""
    text = str(path.resolve())
    if found := set(text) & set("*?{}"):
        raise ValueError(
            f"{path} has {' '.join(sorted(found))} in its name, which ClickHouse reads as a pattern: "
            "choose another folder with --data"
        )
    return quote(text)


def engine_options(memory_bytes: int) -> dict[str, str | int]:
    """Caps that make the engine a good guest: it would otherwise plan with the whole machine."""
    return {
        "max_server_memory_usage": memory_bytes,
        "mark_cache_size": memory_bytes // 20,
        "index_mark_cache_size": memory_bytes // 40,
        "uncompressed_cache_size": 0,
        "background_pool_size": 2,
        "background_schedule_pool_size": 2,
        "max_concurrent_queries": 100,
    }
