"""The store on a ClickHouse server, over HTTP."""

from collections.abc import Generator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import clickhouse_connect
from clickhouse_connect.driver.client import Client

from coldlight_storage.batches import NOWHERE, Batch, Settings, insert_statement, quote, quote_name
from coldlight_storage.clients import READ_ONLY, Clients
from coldlight_storage.store import QueryLimits, Row
from coldlight_storage.wire import Wire

_CHUNK = 1 << 20
_INSERT_TIMEOUT_S, _GRACE_S = 300, 5


@dataclass(frozen=True, repr=False)
class ServerAddress:
    """Where a ClickHouse server is: `http(s)://user:password@host:8123/database`."""

    host: str
    port: int
    secure: bool
    username: str
    password: str
    database: str

    def __repr__(self) -> str:
        scheme = "https" if self.secure else "http"
        return f"{scheme}://{self.username}@{self.host}:{self.port}/{self.database}"


def parse_address(url: str) -> ServerAddress:
    """Reads a ClickHouse URL; user, port and database may be left out. Raises ValueError that shows the form."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("the ClickHouse URL has the form http(s)://user:password@host:8123/database")
    secure = parts.scheme == "https"
    return ServerAddress(
        host=parts.hostname,
        port=parts.port or (8443 if secure else 8123),
        secure=secure,
        username=unquote(parts.username or "default"),
        password=unquote(parts.password or ""),
        database=unquote(parts.path.strip("/")) or "default",
    )


class ServerStore:
    """`Store` on a server. Nothing is reached before the first call."""

    def __init__(self, address: ServerAddress, limits: QueryLimits | None = None) -> None:
        self._address = address
        self._limits = limits or QueryLimits()
        # A server that hangs is not waited for longer than a query may take.
        patience_s = round(self._limits.time_s) + _GRACE_S
        self._writers = Clients(partial(self._connect, _INSERT_TIMEOUT_S))
        self._readers = Clients(partial(self._connect, patience_s, READ_ONLY))

    def _connect(self, timeout_s: int, settings: Mapping[str, Any] | None = None) -> Client:
        address = self._address
        return clickhouse_connect.get_client(
            host=address.host,
            port=address.port,
            secure=address.secure,
            username=address.username,
            password=address.password,
            database=address.database,
            autogenerate_session_id=False,
            dedicated_pool=True,  # the driver's own pool would outlive `close`
            query_limit=0,
            query_retries=0,
            connect_timeout=5,
            send_receive_timeout=timeout_s,
            settings=dict(settings or {}),
        )

    def create_database(self) -> None:
        """Creates the database of the address if there is none. Raises as `command` does."""
        if self._address.database == "default":
            return
        outside = ServerStore(replace(self._address, database="default"))
        try:
            outside.command(f"CREATE DATABASE IF NOT EXISTS {quote_name(self._address.database)}")
        finally:
            outside.close()

    def beside(self, suffix: str) -> "ServerStore":
        address = replace(self._address, database=f"{self._address.database}_{suffix}")
        return ServerStore(address, self._limits)

    def insert(self, batch: Batch) -> None:
        self._read(batch, "")

    def check(self, batch: Batch) -> None:
        self._read(batch, NOWHERE)

    def sync(self) -> None:
        """What a server has answered for is in its hands."""

    def _read(self, batch: Batch, into: str) -> None:
        for table in batch.tables:
            insert = insert_statement(batch, table, "input({structure})", _schema, into)
            statement = insert + " FORMAT Protobuf\n"
            with self._writers.client(inserting=True) as client:
                client.raw_insert("", insert_block=_body(statement, batch.path))

    def select(self, sql: str, parameters: Mapping[str, Any] | None = None) -> list[Row]:
        return self._readers.select(sql, parameters, self._limits)

    def command(self, sql: str) -> None:
        self._writers.command(sql)

    def close(self) -> None:
        self._readers.close()
        self._writers.close()


def _schema(wire: Wire) -> Settings:
    return {
        "format_schema_source": "'string'",
        "format_schema": quote(wire.proto),
        "format_schema_message_name": quote(wire.message),
    }


def _body(statement: str, path: Path) -> Generator[bytes, None, None]:
    """The statement and, behind its line end, the segment as it lies on disk."""
    yield statement.encode()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            yield chunk
