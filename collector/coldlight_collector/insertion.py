"""One batch on its way into ClickHouse: exactly once, even if nobody knows what became of an earlier attempt.

A deduplication token alone does not promise that. ClickHouse killed in the wrong moment knows the token and lacks the
rows, and drops every repetition; after a loss of power it may have the rows and not the token, and take them twice
(ADR 10). So what was tried before is counted once it is in.
"""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from secrets import token_hex

from coldlight_collector.journal.salvage import leave_out_refused, rewrite
from coldlight_storage import Batch, Store, StoreError, StoreUnavailable
from coldlight_storage.segments import remove_items, stored_items

log = logging.getLogger(__name__)

_ATTEMPTS = 6
"""A batch that cannot be counted right after so many attempts has a reason that no attempt will mend."""


@contextmanager
def _waiting() -> Iterator[None]:
    """Counting and removing is never refused for good: a batch that is in must not be set aside because of it."""
    try:
        yield
    except StoreError as error:
        raise StoreUnavailable(str(error), error.code, error.summary) from error


class Miscounted(StoreError):
    """ClickHouse takes a batch without an error, and then does not have its rows, or has more."""


@dataclass
class Insertion:
    """A batch and the attempts at it; each method may be called again after `StoreUnavailable` or OSError.

    `is_new`: no attempt at it has begun, in this process or an earlier one.
    """

    store: Store
    batch: Batch
    is_new: bool
    epoch: int = 0

    def insert(self) -> None:
        """Raises as `Store.insert` does, and `Miscounted`."""
        if not self.batch.items:
            self.withdraw()
        elif self.is_new:
            self.is_new = False
            self.store.insert(self.batch)
        else:
            self._insert_counted()

    def insert_anew(self) -> None:
        """After `withdraw`: puts the rows in once more, under a token that ClickHouse does not know. Raises `StoreUnavailable`.

        It took the batch before, so whatever it says now, it will take it again.
        """
        if self.batch.items:
            self.batch = replace(self.batch, token=f"{self.batch.token.partition('-')[0]}-{token_hex(8)}")
            with _waiting():
                self._insert_counted()

    def withdraw(self) -> None:
        """Takes out what earlier attempts may have left in some of the tables. Raises `StoreUnavailable`."""
        if not self.is_new:
            with _waiting():
                remove_items(self.store, self.batch)

    def _insert_counted(self) -> None:
        # The token comes first and unchanged: it waits for an attempt that still runs in the server, and makes whole
        # what one that broke off has left out of the derived tables.
        stored = 0
        for _ in range(_ATTEMPTS):
            token = f"{self.batch.token}:{self.epoch}" if self.epoch else self.batch.token
            self.store.insert(replace(self.batch, token=token))
            with _waiting():
                stored = stored_items(self.store, self.batch)
            if stored == self.batch.items:
                return
            log.warning("a batch of %d items has %d in ClickHouse: it is mended", self.batch.items, stored)
            self.withdraw()
            self.epoch += 1
        raise Miscounted(f"{stored} rows of {self.batch.items} after {_ATTEMPTS} attempts")

    def rewrite(self) -> None:
        """Spells every request of the batch in protobuf's plainest form. Raises OSError."""
        rewrite(self.batch.path, self.batch.signal)

    def leave_out_refused(self) -> int:
        """Moves the requests that ClickHouse refuses out of the batch, and says how many. Raises as `Store.check` does."""
        kept, refused = leave_out_refused(self.batch.path, self._is_taken)
        items = sum(frame.items for frame in kept)
        self.batch = replace(self.batch, requests=len(kept), items=items)
        return len(refused)

    def _is_taken(self, part: Path) -> bool:
        try:
            self.store.check(replace(self.batch, path=part))
        except StoreUnavailable:
            raise
        except StoreError:
            return False
        return True
