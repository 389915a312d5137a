"""What of a batch is in the tables, and taking it out again: by the segment that every row names."""

from coldlight_storage.batches import TABLES, Batch
from coldlight_storage.store import Store


def stored_items(store: Store, batch: Batch) -> int:
    """How many rows the tables hold of a batch; its `items` when all is well. Raises as `Store.select` does."""
    counts = (
        store.select(f"SELECT count() AS n FROM {table} WHERE {_rows(batch)}")
        for table in TABLES[batch.signal]
    )
    return sum(rows[0]["n"] for rows in counts)


def remove_items(store: Store, batch: Batch) -> None:
    """Takes all rows of a batch out of its tables. Raises as `Store.command` does.

    Tables derived from them keep what they know: it is idempotent, and the batch is inserted anew.
    """
    for table in TABLES[batch.signal]:
        store.command(f"DELETE FROM {table} WHERE {_rows(batch)} SETTINGS lightweight_deletes_sync = 2")


def _rows(batch: Batch) -> str:
    # Both values come from the program, never from a sender.
    return f"ReceivedDate = toDate('{batch.received.isoformat()}') AND IngestSegment = {batch.ingest_segment}"
