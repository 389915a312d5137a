"""Coldlight's store: the tables, their migrations, and ClickHouse in its two forms."""

from pathlib import Path

from coldlight_storage.batches import Batch
from coldlight_storage.embedded import EmbeddedStore
from coldlight_storage.server import ServerStore, parse_address
from coldlight_storage.signals import Signal
from coldlight_storage.store import (
    BadPattern,
    DataFolderInUse,
    NewerSchema,
    QueryLimits,
    QueryTooLarge,
    QueryTooLong,
    Reader,
    Row,
    Store,
    StoreError,
    StoreUnavailable,
    TenantStore,
)
from coldlight_storage.stores import Stores

__version__ = "0.1.0"

__all__ = [
    "BadPattern",
    "Batch",
    "DataFolderInUse",
    "EmbeddedStore",
    "NewerSchema",
    "QueryLimits",
    "QueryTooLarge",
    "QueryTooLong",
    "Reader",
    "Row",
    "ServerStore",
    "Signal",
    "Store",
    "StoreError",
    "StoreUnavailable",
    "Stores",
    "TenantStore",
    "open_store",
    "parse_address",
]


def open_store(
    clickhouse: str | None, folder: Path, memory_bytes: int, limits: QueryLimits | None = None
) -> TenantStore:
    """The store at a ClickHouse URL or, without one, the embedded one in `folder`.

    Raises `DataFolderInUse`, or ValueError for a URL that is none.
    """
    if clickhouse:
        return ServerStore(parse_address(clickhouse), limits)
    return EmbeddedStore(folder, memory_bytes, limits)
