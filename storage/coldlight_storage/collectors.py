"""Numbers for collectors: `IngestSegment` is an instance's number (high 20 bits) and its segment's (low 44 bits)."""

import random

from coldlight_storage.store import Store

_SEGMENT_BITS = 44
_LAST_NUMBER = (1 << 20) - 1

_HOLDERS = "SELECT Number, argMin(Identity, (ClaimedTime, Identity)) AS Holder FROM coldlight_collectors GROUP BY Number"


def claim_number(store: Store, identity: str) -> int:
    """The number of the collector with this identity; the same on every call, and nobody else's.

    `identity` is a UUID that the collector made up for itself. Raises what `Store` raises.
    """
    while True:
        holders = {row["Number"]: row["Holder"] for row in store.select(_HOLDERS)}
        mine = [int(number) for number, holder in holders.items() if holder == identity]
        if mine:
            return min(mine)
        free = random.choice(list(set(range(1, _LAST_NUMBER + 1)) - set(holders)))
        # Somebody else may claim it in the same moment, so it is ours only once it reads back so.
        store.command(f"INSERT INTO coldlight_collectors (Number, Identity) VALUES ({free}, '{identity}')")


def ingest_segment(instance: int, segment: int) -> int:
    """The value of `IngestSegment` for a segment of an instance."""
    return instance << _SEGMENT_BITS | segment
