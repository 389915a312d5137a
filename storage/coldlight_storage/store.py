"""The store: where batches go in and rows come out, whether ClickHouse runs in this process or elsewhere."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from coldlight_storage.batches import Batch

Row = dict[str, Any]


class StoreError(Exception):
    """ClickHouse refused a statement: it is wrong, or its limits (time, memory) do not allow it.

    Its text may quote data, as ClickHouse does of what it cannot parse. `summary` says what happened without: for logs,
    and for whoever is not to see data.
    """

    def __init__(self, message: str, code: int | None = None, summary: str = "") -> None:
        super().__init__(message)
        self.code = code
        self.summary = summary or message


class StoreUnavailable(StoreError):
    """ClickHouse did not answer, or not now. The same call may succeed later."""


class QueryTooLong(StoreError):
    """A query took longer than it may: narrow its time range."""


class QueryTooLarge(StoreError):
    """A query needed more memory than it may: narrow its time range."""


class BadPattern(StoreError):
    """A regular expression of a query does not compile; the text is RE2's reason."""


class DataFolderInUse(Exception):
    """Another process holds the data folder."""


class NewerSchema(Exception):
    """The tables were made by a newer Coldlight than this one."""


@dataclass(frozen=True)
class QueryLimits:
    """What one `select` may use: seconds of run time and bytes of memory (0: no limit of its own)."""

    time_s: float = 30.0
    memory_bytes: int = 0


class Reader(Protocol):
    """What queries need of a store."""

    def select(self, sql: str, parameters: Mapping[str, Any] | None = None) -> list[Row]:
        """The rows of a query, in its order, a dictionary each; no rows is an empty list.

        `parameters` are bound by ClickHouse to `{name:Type}` places. Rows belong to the caller.

        Raises `QueryTooLong`, `QueryTooLarge`, `StoreUnavailable` or `StoreError`.
        """
        ...


class Store(Reader, Protocol):
    """The contract of both forms, enforced by `tests/storage/test_store_conformance.py` over either.

    A store may be used from any number of threads; every call blocks its thread until ClickHouse has answered, so an
    event loop calls it through `asyncio.to_thread`. Calls of different threads run side by side, in no set order.
    What `insert` has returned from, a `select` that starts afterwards sees whole.
    """

    def insert(self, batch: Batch) -> None:
        """Writes a batch to all tables of its signal; rows of one table become visible together.

        The caller owns the file and keeps it unchanged for as long as it may call again. Called again with
        the same batch, adds nothing, as long as fewer than 10,000 other batches came between; so whoever
        does not know whether a batch went in (an exception, a crash) inserts it again.

        Raises `StoreUnavailable` when ClickHouse could not be reached or asks to wait: whether the batch
        went in is not known. Raises `StoreError` when ClickHouse refuses the batch, now and always;
        then nothing of it is in the table that refused it.
        """
        ...

    def check(self, batch: Batch) -> None:
        """Reads a batch as `insert` does, and stores nothing. Raises as `insert` does."""
        ...

    def sync(self) -> None:
        """Returns once what was inserted before would survive a loss of power, as far as that is in our hands.

        An embedded engine's folder is written to its disk. A server does that as it is told by its own settings
        and its replicas. Raises OSError; then nothing written since the last sync is certain, and no later sync makes
        it so: what matters is to be inserted anew.
        """
        ...

    def command(self, sql: str) -> None:
        """Runs a statement without a result (DDL). Raises `StoreUnavailable` or `StoreError`."""
        ...

    def close(self) -> None:
        """Ends all connections; an embedded engine is shut down cleanly. Calling anything afterwards is an error."""
        ...


class TenantStore(Store, Protocol):
    """A store whose database has others beside it, one for each tenant."""

    def create_database(self) -> None:
        """Creates the database of this store if there is none. Raises as `command` does."""
        ...

    def beside(self, suffix: str) -> "TenantStore":
        """The store of the database whose name ends in `_suffix`. Close it before this one."""
        ...
