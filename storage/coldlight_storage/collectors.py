"""Numbers for collectors: `IngestSegment` is an instance's number (high 20 bits) and its segment's (low 44 bits)."""

import random

from coldlight_storage.store import Store

_SEGMENT_BITS = 44
_LAST_NUMBER = (1 << 20) - 1

_HOLDERS = "SELECT Number, argMin(Identity, (ClaimedTime, Identity)) AS Holder FROM coldlight_collectors GROUP BY Number"


def claim_number(store: Store, identity: str, had: int | None = None) -> int:
    """The number of the collector with this identity; the same on every call, and nobody else's.

    `identity` is a UUID that the collector made up for itself. `had` is the number that it had before: it is claimed anew
    should ClickHouse have lost the claim, as it may by a loss of power, for rows under that number may be there. Raises what
    `Store` raises.
    """
    while True:
        holders = {int(row["Number"]): row["Holder"] for row in store.select(_HOLDERS)}
        mine = [number for number, holder in holders.items() if holder == identity]
        if had in mine:
            return had
        is_lost = had is not None and had not in holders
        if mine and not is_lost:
            return min(mine)
        free = had if is_lost else random.choice(list(set(range(1, _LAST_NUMBER + 1)) - set(holders)))
        # Somebody else may claim it in the same moment, so it is ours only once it reads back so.
        store.command(f"INSERT INTO coldlight_collectors (Number, Identity) VALUES ({free}, '{identity}')")


def ingest_segment(instance: int, segment: int) -> int:
    """The value of `IngestSegment` for a segment of an instance."""
    return instance << _SEGMENT_BITS | segment
