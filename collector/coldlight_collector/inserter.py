"""Moves sealed segments into ClickHouse, for as long as it takes."""

import asyncio
import logging
import time
import uuid
from collections import Counter
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TypeVar

from prometheus_client import Histogram

from coldlight_collector.heart import Heart
from coldlight_collector.insertion import Insertion
from coldlight_collector.journal import Journal, Sealed
from coldlight_collector.journal.frames import TornFrame
from coldlight_collector.journal.salvage import REJECTED
from coldlight_collector.journal.segment import read_sealed, write_durably
from coldlight_collector.turns import Turns
from coldlight_storage import Batch, Signal, Store, StoreError, StoreUnavailable
from coldlight_storage.collectors import claim_number, ingest_segment

log = logging.getLogger(__name__)

T = TypeVar("T")

# ClickHouse spends about 0.1 s on any INSERT, however small. So that a trickle of data costs a fraction of a core, and
# requests of a few spans do not make batches of a few thousand, a signal has one batch at a time, and they begin not more
# often than `_interval_s` says. What has become a large batch meanwhile need not wait.
_LARGE_BATCH = 100_000
_SHORTEST_INTERVAL_S, _LONGEST_INTERVAL_S, _TIMES_AN_INSERT = 0.6, 2.4, 4
_FORGET_EVERY_S = 5.0
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.1, 5.0
_BUCKETS_S = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300)
# An answer can be lost in the very moment the process ends, so a segment keeps its token over restarts.
_EPOCH = 0
_NUMBER = "number"


@dataclass
class InsertCounts:
    """What the inserter has done since its start; `waiting_for` says what it is waiting for, if for anything.

    `waiting_since_ns` is a Unix time. `durations_s` are those of attempts that succeeded; `delays_s` last from the
    receipt of a batch's first request until queries see it.
    """

    batches: int = 0
    items: int = 0
    rejected_batches: int = 0
    rewritten_batches: int = 0
    quarantined_requests: int = 0
    quarantined_items: int = 0
    retries: int = 0
    waiting_for: str = ""
    waiting_since_ns: int = 0
    durations_s: Histogram = field(
        default_factory=lambda: _histogram("coldlight_insert_duration_seconds", "Time of one INSERT")
    )
    delays_s: Histogram = field(
        default_factory=lambda: _histogram(
            "coldlight_visible_delay_seconds",
            "From the receipt of a batch's first request until it is visible",
        )
    )


def _histogram(name: str, meaning: str) -> Histogram:
    histogram = Histogram(name, meaning, ["signal"], registry=None, buckets=_BUCKETS_S)
    for signal in Signal:
        histogram.labels(signal)  # shown from the start
    return histogram


@dataclass
class _Inserted:
    """A segment that ClickHouse has; `failed_syncs` is how many there had been when its first attempt began."""

    segment: Sealed
    insertion: Insertion
    failed_syncs: int


@dataclass
class Inserter:
    """Inserts segments of `journal` into `store`, up to `workers` side by side, the oldest first.

    `prepare` makes the tables; it may be called several times.
    """

    journal: Journal
    store: Store
    identity: str
    prepare: Callable[[], object]
    workers: int = 2
    counts: InsertCounts = field(default_factory=InsertCounts)
    inserting: Callable[[Sealed], AbstractContextManager[None]] = lambda _: nullcontext()
    """Is entered around each insert."""
    heart: Heart = field(init=False)
    turns: Turns = field(default_factory=Turns)
    _instance: int = 0
    _busy: int = 0
    _inserted: list[_Inserted] = field(default_factory=list)
    _failed_syncs: int = 0
    _occupied: Counter[Signal] = field(default_factory=Counter)
    _threads: ThreadPoolExecutor = field(init=False)

    def __post_init__(self) -> None:
        self.heart = Heart(self.journal, self.store)
        # Of its own: a server that hangs must not take the threads in which others insert, or journals sync.
        self._threads = ThreadPoolExecutor(self.workers + 1, thread_name_prefix="insert")

    async def run(self) -> None:
        """Works until cancelled; a batch under way then is inserted again by the next start.

        Raises what `prepare` raises beyond `StoreUnavailable`.
        """
        await self._persist(lambda: self._in_thread(self.prepare))
        self._instance = await self._persist(lambda: self._in_thread(self._claim_number))
        self.journal.wants_batch = self._wants_batch
        async with asyncio.TaskGroup() as group:
            for _ in range(self.workers):
                group.create_task(self._work())
            group.create_task(self.heart.beat_steadily(self._instance))
            group.create_task(self._forget_steadily())

    def _claim_number(self) -> int:
        """Before any row carries it the number is on our own disk: ClickHouse may lose the claim and keep the rows.

        Raises as the store does, and OSError.
        """
        had = read_number(self.journal.folder)
        number = claim_number(self.store, self.identity, had)
        if number != had:
            write_durably(self.journal.folder / _NUMBER, [str(number).encode()])
        return number

    @property
    def is_prepared(self) -> bool:
        """Whether ClickHouse has the tables, and knows this collector."""
        return self._instance != 0

    async def drained(self) -> None:
        """Returns once every sealed segment is in ClickHouse, and gone from the journal."""
        await self.journal.sealed.join()
        await self._forget_inserted()

    async def _work(self) -> None:
        while True:
            segment = await self.journal.sealed.get()
            loop = asyncio.get_running_loop()
            began = loop.time()
            self._busy += 1
            self._occupied[segment.signal] += 1
            try:
                if segment.contents and segment.contents.items < _LARGE_BATCH:
                    await self.turns.pace()
                await self._insert(segment)
            finally:
                self._busy -= 1
                next_at = began + _interval_s(loop.time() - began)
                loop.call_at(next_at, self._release, segment.signal)
                self.journal.sealed.task_done()
                self.journal.nudge()

    async def _forget_steadily(self) -> None:
        while True:
            await asyncio.sleep(_FORGET_EVERY_S)
            await self._forget_inserted()

    async def _forget_inserted(self) -> None:
        """Takes segments out of the journal, but not before a loss of power could no longer cost their rows."""
        inserted, self._inserted = self._inserted, []
        if inserted:
            await self._persist(lambda: self._make_safe(inserted))
        for one in inserted:
            try:
                self.journal.forget(one.segment)
            except OSError as error:
                log.error("a segment that is in ClickHouse cannot be removed from the journal: %s", error)
                self._inserted.append(one)

    async def _make_safe(self, inserted: list[_Inserted]) -> None:
        """Syncs. A sync that follows a failed one says nothing of what was written before: that is written anew.

        Raises OSError, and StoreUnavailable.
        """
        doubtful = [one for one in inserted if one.failed_syncs < self._failed_syncs]
        failed_syncs = self._failed_syncs
        # All at once, so that a crash now leaves nothing that the next start would count as good.
        for one in doubtful:
            await self._in_thread(one.insertion.withdraw)
        for one in doubtful:
            await self._in_thread(one.insertion.insert_anew)
            one.failed_syncs = failed_syncs
        try:
            await self._in_thread(self.store.sync)
        except OSError:
            self._failed_syncs += 1
            raise

    def _wants_batch(self, signal: Signal, items: int) -> bool:
        is_free = self.journal.sealed.empty() and self._busy < self.workers
        return is_free and (items >= _LARGE_BATCH or not self._occupied[signal])

    def _release(self, signal: Signal) -> None:
        self._occupied[signal] -= 1
        self.journal.nudge()

    async def _insert(self, segment: Sealed) -> None:
        try:
            batch = await self._persist(lambda: self._batch(segment))
        except FileNotFoundError:
            log.error("segment %s was taken away before it was inserted", segment.path)
            self.journal.forget(segment)
            return
        insertion = Insertion(self.store, batch, is_new=segment.contents is not None)
        failed_syncs = self._failed_syncs
        try:
            with self.inserting(segment):
                await self._insert_what_can_be(insertion)
        except (StoreError, TornFrame) as error:
            await self._attempt(insertion.withdraw)
            await self._attempt(partial(self._set_aside, segment, error))
            return
        self._inserted.append(_Inserted(segment, insertion, failed_syncs))
        self._count(segment, insertion.batch.items)
        if self.journal.is_half_full:
            await self._forget_inserted()

    def _count(self, segment: Sealed, items: int) -> None:
        self.journal.mark_visible(segment)
        self.counts.batches += 1
        self.counts.items += items
        if segment.received_ns:
            delay_ns = self.journal.state().now_ns - segment.received_ns
            self.counts.delays_s.labels(segment.signal).observe(max(0, delay_ns) / 10**9)

    async def _insert_what_can_be(self, insertion: Insertion) -> None:
        """One request that ClickHouse cannot read must not cost the others of its batch."""
        try:
            await self._attempt(partial(self._timed_insert, insertion))
        except StoreError as error:
            log.warning(
                "a batch of %s is rewritten, as ClickHouse refuses it: %s",
                insertion.batch.signal,
                error.summary,
            )
            await self._attempt(insertion.rewrite)
            self.counts.rewritten_batches += 1
            await self._insert_rewritten(insertion)

    async def _insert_rewritten(self, insertion: Insertion) -> None:
        try:
            await self._attempt(partial(self._timed_insert, insertion))
        except StoreError as error:
            items = insertion.batch.items
            refused = await self._attempt(insertion.leave_out_refused)
            if not refused:
                raise
            self.counts.quarantined_requests += refused
            self.counts.quarantined_items += items - insertion.batch.items
            kept = f"{insertion.batch.path.stem}{REJECTED}"
            log.error("%d requests are kept in %s: %s", refused, kept, error.summary)
            await self._attempt(partial(self._timed_insert, insertion))

    def _timed_insert(self, insertion: Insertion) -> None:
        began_s = time.monotonic()
        insertion.insert()
        self.counts.durations_s.labels(insertion.batch.signal).observe(time.monotonic() - began_s)

    async def _attempt(self, step: Callable[[], T]) -> T:
        return await self._persist(lambda: self._in_turn(step))

    async def _in_turn(self, step: Callable[[], T]) -> T:
        async with self.turns.turn():
            return await self._in_thread(step)

    async def _in_thread(self, step: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._threads, step)

    async def _batch(self, segment: Sealed) -> Batch:
        """The frozen description of a segment: the same after every restart."""
        contents = segment.contents
        if contents is None:
            contents = await asyncio.to_thread(read_sealed, segment.path)
        return Batch(
            signal=segment.signal,
            path=segment.path,
            ingest_segment=ingest_segment(self._instance, segment.number),
            received=datetime.fromtimestamp(contents.received_ns // 10**9, UTC).date(),
            token=f"{self._instance}:{segment.number}:{_EPOCH}",
            requests=contents.requests,
            items=contents.items,
            data=contents.data,
        )

    async def _persist(self, attempt: Callable[[], Awaitable[T]]) -> T:
        """Tries until ClickHouse and the disk allow it. Raises `StoreError` when ClickHouse refuses for good."""
        pause_s = _FIRST_PAUSE_S
        while True:
            try:
                result = await attempt()
            except FileNotFoundError:
                raise  # it will not come back
            except (StoreUnavailable, OSError) as error:
                self._note_failure(error)
                await asyncio.sleep(pause_s)
                pause_s = min(2 * pause_s, _LONGEST_PAUSE_S)
            else:
                if self.counts.waiting_for:
                    log.info("ClickHouse answers again")
                self.counts.waiting_for = ""
                return result

    def _note_failure(self, error: StoreUnavailable | OSError) -> None:
        reason = error.summary if isinstance(error, StoreError) else error.strerror or str(error)
        self.counts.retries += 1
        if not self.counts.waiting_for:
            self.counts.waiting_since_ns = self.journal.state().now_ns
            log.warning("waiting for ClickHouse; the journal keeps what arrives: %s", reason)
        self.counts.waiting_for = reason

    def _set_aside(self, segment: Sealed, error: Exception) -> None:
        """A batch that ClickHouse will never take, or that cannot be read any more, must not hold up those behind it, nor be lost."""
        kept = self.journal.set_aside(segment)
        self.counts.rejected_batches += 1
        reason = error.summary if isinstance(error, StoreError) else str(error)
        log.error("a batch of %s cannot be inserted; it is kept in %s: %s", segment.signal, kept, reason)


def _interval_s(took_s: float) -> float:
    """From the start of one batch to that of the next: four times what an INSERT takes, within bounds.

    Where nothing else goes on, that is the shortest interval, and data is visible soon. The busier the machine, the longer
    an INSERT takes and the larger the next batch, so that what every INSERT costs is spread over more rows: at 20,000
    spans a second on two busy cores ClickHouse's part falls from 43 to 21 us a span.
    """
    return min(max(_SHORTEST_INTERVAL_S, _TIMES_AN_INSERT * took_s), _LONGEST_INTERVAL_S)


def read_number(folder: Path) -> int | None:
    """The number that the collector with its journal in this folder has had, if any. Raises OSError."""
    file = folder / _NUMBER
    return int(file.read_text()) if file.exists() else None


def read_identity(folder: Path) -> str:
    """The collector's identity, made up on its first start and kept with its journal.

    Raises OSError, or ValueError when the file holds no UUID.
    """
    file = folder / "identity"
    if not file.exists():
        write_durably(file, [f"{uuid.uuid4()}\n".encode()])
    return str(uuid.UUID(file.read_text().strip()))
