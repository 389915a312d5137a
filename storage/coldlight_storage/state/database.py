"""The database of the state: how it is opened, and how its errors are told."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, MetaData, create_engine, event
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, SQLAlchemyError
from sqlalchemy.schema import CreateIndex, CreateTable

METADATA = MetaData()
"""Every table of the state."""

FILE = "state.db"
_PATIENCE_S = 5


class StateUnavailable(Exception):
    """The state cannot be read or written now. The text names the database and the fix."""


class State:
    """A database for what needs transactions; may be used from any number of threads."""

    def __init__(self, engine: Engine, name: str) -> None:
        self._engine = engine
        self._name = name
        self._is_made = False

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """All of it or nothing. Raises `StateUnavailable` for whatever the database says."""
        try:
            self._make_tables()
            with self._engine.begin() as connection:
                yield connection
        except (SQLAlchemyError, OSError) as error:
            reason = error.orig if isinstance(error, DBAPIError) else error
            said = " ".join(str(reason).split())
            raise StateUnavailable(f"{self._name} cannot be used: {said}. --state names another") from error

    def close(self) -> None:
        """Ends all connections."""
        self._engine.dispose()

    def _make_tables(self) -> None:
        """With the first transaction, for a PostgreSQL server may be away at the start."""
        if self._is_made:
            return
        with self._engine.begin() as connection:
            if connection.dialect.name == "postgresql":  # whose IF NOT EXISTS may fail when two do it at once
                connection.exec_driver_sql("SELECT pg_advisory_xact_lock(271828)")
            for table in METADATA.sorted_tables:
                connection.execute(CreateTable(table, if_not_exists=True))
                for index in table.indexes:
                    connection.execute(CreateIndex(index, if_not_exists=True))
        self._is_made = True


def open_state(url: str | None, folder: Path) -> State:
    """The state at a PostgreSQL URL or, without one, in SQLite's `state.db` in `folder`.

    Nothing is reached before the first transaction. Raises ValueError for a URL that is none.
    """
    if url is None:
        return State(_open_sqlite(folder / FILE), str(folder / FILE))
    address = parse_state_url(url)
    engine = create_engine(
        address, pool_pre_ping=True, pool_timeout=_PATIENCE_S, connect_args={"connect_timeout": _PATIENCE_S}
    )
    return State(engine, repr(address.set(drivername="postgresql")))


def parse_state_url(url: str) -> URL:
    """A URL whose `repr` hides the password. Raises ValueError that shows the form."""
    try:
        address = make_url(url)
    except (ArgumentError, ValueError):
        address = None
    if address is None or address.drivername not in ("postgresql", "postgres") or not address.database:
        raise ValueError("the URL of the state has the form postgresql://user:password@host:5432/database")
    return address.set(drivername="postgresql+psycopg")


def _open_sqlite(file: Path) -> Engine:
    engine = create_engine(f"sqlite:///{file}", connect_args={"timeout": _PATIENCE_S})

    @event.listens_for(engine, "do_connect")
    def make_file(*_: object) -> None:
        """For its owner alone: who may write it lets in whom they like."""
        file.parent.mkdir(parents=True, exist_ok=True)
        os.close(os.open(file, os.O_CREAT | os.O_RDWR, 0o600))

    @event.listens_for(engine, "connect")
    def configure(connection: Any, _: object) -> None:
        """WAL lets services read while a command writes; FULL makes a commit outlive a loss of power."""
        for pragma in ("journal_mode = WAL", "synchronous = FULL", "foreign_keys = ON"):
            connection.execute(f"PRAGMA {pragma}")

    return engine
