"""Tells ClickHouse, every few seconds, that this collector lives and up to when what it acknowledged is visible (ADR 14)."""

import asyncio
import logging
from dataclasses import dataclass

from coldlight_collector.journal import Journal
from coldlight_collector.journal.state import look
from coldlight_storage import Store, StoreError
from coldlight_storage.heartbeats import Heartbeat, report

log = logging.getLogger(__name__)

_BEAT_EVERY_S = 5.0


@dataclass
class Heart:
    """The heartbeat of a collector. `failures`: heartbeats that ClickHouse did not take, since the start."""

    journal: Journal
    store: Store
    failures: int = 0
    _number: int = 0
    _is_failing: bool = False

    async def beat_steadily(self, number: int) -> None:
        """Reports as collector `number` until cancelled, whatever becomes of a heartbeat: the next one says more."""
        self._number = number
        while True:
            await self.beat()
            await asyncio.sleep(_BEAT_EVERY_S)

    async def beat(self, is_stopped: bool = False) -> None:
        """Reports once, if it is known as whom."""
        if not self._number:
            return
        try:
            await asyncio.to_thread(self._report, self.journal.state().watermark_ns, is_stopped)
            self._is_failing = False
        except (StoreError, OSError) as error:
            self._note(error)

    def _report(self, watermark_ns: int, is_stopped: bool) -> None:
        quarantined = look(self.journal.folder).quarantined_files
        stored = self.journal.stored_bytes
        report(self.store, Heartbeat(self._number, watermark_ns, stored, quarantined, is_stopped))

    def _note(self, error: StoreError | OSError) -> None:
        self.failures += 1
        if not self._is_failing:  # the inserter tells how long ClickHouse is away
            reason = error.summary if isinstance(error, StoreError) else str(error)
            log.warning("a heartbeat could not be stored: %s", reason)
        self._is_failing = True
