"""One ClickHouse client a thread: neither chDB's connections nor HTTP sessions may be shared."""

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import Error

from coldlight_storage.failures import meaning
from coldlight_storage.store import QueryLimits, Row

READ_ONLY = {"readonly": 2}
"""Settings of a client that cannot write but may set its own limits."""


class Clients:
    """Opens a client for each thread that asks, and closes them all."""

    def __init__(self, connect: Callable[[], Client]) -> None:
        self._connect = connect
        self._of_thread = threading.local()
        self._all: list[Client] = []
        self._lock = threading.Lock()

    @contextmanager
    def client(self, inserting: bool = False) -> Iterator[Client]:
        """The calling thread's client. Raises `StoreError` and its kinds for the driver's errors.

        One that failed is not used again: chDB hands what a failed query had put out already to the next one.
        """
        try:
            yield self._open()
        except Exception as error:
            self._discard()
            if isinstance(error, Error):
                raise meaning(error, inserting) from error
            raise

    def _open(self) -> Client:
        client: Client | None = getattr(self._of_thread, "client", None)
        if client is None:
            client = self._of_thread.client = self._connect()
            with self._lock:
                self._all.append(client)
        return client

    def _discard(self) -> None:
        client: Client | None = self._of_thread.__dict__.pop("client", None)
        if client is not None:
            with self._lock:
                self._all.remove(client)
            client.close()

    def select(self, sql: str, parameters: Mapping[str, Any] | None, limits: QueryLimits) -> list[Row]:
        """`Store.select` of either form."""
        settings: dict[str, Any] = {"max_execution_time": limits.time_s}
        if limits.memory_bytes:
            settings["max_memory_usage"] = limits.memory_bytes
        # For a query without any place the driver would put the values in itself, as Python's % does.
        placed = {name: value for name, value in (parameters or {}).items() if f"{{{name}:" in sql}
        with self.client() as client:
            result = client.query(sql, parameters=placed, settings=settings)
        return [dict(zip(result.column_names, row, strict=True)) for row in result.result_rows]

    def command(self, sql: str) -> None:
        """`Store.command` of either form."""
        with self.client() as client:
            client.command(sql)

    def close(self) -> None:
        with self._lock:
            clients, self._all = self._all, []
        for client in clients:
            client.close()
