"""Group commit: requests that arrive together are made durable by one fdatasync, and then all acknowledged.

Each signal has a lane with one open segment. While the disk syncs one group, the next gathers. A segment is sealed
when it is large, or when it has waited long enough and the inserter has nothing else to do; under load batches
therefore grow by themselves, and a quiet system shows data after `linger_s`.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from coldlight_collector.intake import Accepted, Payload, TooLarge, Unavailable
from coldlight_collector.journal.lane import (
    Lane,
    Sealed,
    Waiting,
    left_behind,
    open_lane,
    write_and_sync,
    write_group,
)
from coldlight_collector.journal.numbers import SegmentNumbers
from coldlight_collector.journal.repeats import Repeats, digest
from coldlight_collector.journal.salvage import rejected_name
from coldlight_collector.journal.segment import (
    OPEN,
    SegmentWriter,
    digests,
    seal,
    sync_file,
    sync_folder,
)
from coldlight_collector.journal.space import Space
from coldlight_collector.journal.state import JournalState
from coldlight_storage.signals import Signal

log = logging.getLogger(__name__)

_SMALL_BYTES = 256 << 10
_FULL = 0.99
_PAUSE_S = 1.0


@dataclass(frozen=True)
class JournalLimits:
    """Sizes of the journal and its batches, in bytes, items and seconds.

    A batch is sealed before its requests expand to more than `batch_expanded_bytes` (`amplification.py`); one that does
    so alone is a batch of its own.
    """

    total_bytes: int = 4 << 30
    batch_items: int = 262_144
    batch_bytes: int = 256 << 20
    batch_expanded_bytes: int = 384 << 20
    linger_s: float = 0.2


class Journal:
    """Takes requests and hands on sealed segments. Lives on one event loop; blocks only in threads."""

    def __init__(
        self,
        folder: Path,
        limits: JournalLimits,
        clock_ns: Callable[[], int] = time.time_ns,
        space: Space | None = None,
    ) -> None:
        """Opens the journal in `folder`; what an earlier process left there is sealed. Raises OSError.

        `space` is what it shares with other journals; without one, all of `limits.total_bytes` is its own.
        """
        self.folder = folder
        self._limits = limits
        space = space or Space(limits.total_bytes)
        self._clock_ns = clock_ns
        self._lanes = {signal: open_lane(folder / signal, signal) for signal in Signal}
        for made in (folder, folder.parent):
            sync_folder(made)
        self._numbers = SegmentNumbers(folder)
        self._repeats = Repeats(folder, clock_ns, lambda: space.most_digests)
        self._on_their_way: dict[bytes, Waiting] = {}
        self.repeated_requests = 0
        self._wake = asyncio.Event()
        self._closing = False
        for lane in self._lanes.values():
            self._end_open_segments(lane)
        left = left_behind(self._lanes.values())
        self.sealed: asyncio.Queue[Sealed] = asyncio.Queue()
        for segment in left:
            self.sealed.put_nowait(segment)
        self._share = space.share(sum(segment.size for segment in left))
        self._unseen = {segment.number: segment.received_ns for segment in left if segment.received_ns}
        self._last_received_ns = 0
        self._failed_at_ns: int | None = None
        self.wants_batch: Callable[[Signal, int], bool] = lambda *_: self.sealed.empty()
        """Whether the inserter would take a batch of a signal that has so many items."""

    def _end_open_segments(self, lane: Lane) -> None:
        """Seals what an earlier process had open. It may have ended before it could sync or save what came last."""
        for path in lane.folder.glob(f"*{OPEN}"):
            sync_file(path)  # not before may a repetition be answered
            self._repeats.add(digests(path))
            try:
                self._repeats.save()
                seal(path)
            except OSError as error:  # a disk that is full must not keep what is on it from being inserted
                log.error("%s is inserted unsealed: %s", path, error)

    async def append(self, signal: Signal, payload: Payload) -> Accepted:
        """The collector's `Intake`: returns once the request is on disk. Raises `TooLarge` or `Unavailable`."""
        if not payload.items:
            return payload.outcome
        if self._closing:
            raise Unavailable("the collector is shutting down: send again to the next one", retry_after_s=1)
        self._check_room(len(payload.body))
        name = digest(signal, payload)
        if name in self._repeats:
            self.repeated_requests += 1
        elif name in self._on_their_way:
            self.repeated_requests += 1
            await _outcome_of(self._on_their_way[name].answer)
        else:
            await self._queue(signal, payload, name)
        return payload.outcome

    def _check_room(self, size: int) -> None:
        """Raises `TooLarge` for what does not fit into an empty journal either, `Unavailable` for what does not now."""
        most = self._share.most_bytes
        if size > most:
            raise TooLarge(
                f"the request has {size:,} bytes, and the journal never holds more than {most:,}: "
                "send smaller batches, or raise --journal-limit"
            )
        if not self._share.has_room(size):
            raise Unavailable(
                f"the journal has reached its limit of {self.limit_bytes:,} bytes because ClickHouse "
                "does not keep up: send again later, or raise --journal-limit",
                retry_after_s=1,
            )

    def _queue(self, signal: Signal, payload: Payload, name: bytes) -> asyncio.Future[None]:
        """Puts a request where the next commit finds it. Gives what its sender waits for."""
        answer = asyncio.get_running_loop().create_future()
        received_ns = self._last_received_ns = self._clock_ns()
        waiting = self._on_their_way[name] = Waiting(payload, name, received_ns, answer)
        self._lanes[signal].waiting.append(waiting)
        self._wake.set()
        return answer

    @property
    def stored_bytes(self) -> int:
        """What it holds on disk."""
        return self._share.stored_bytes

    @stored_bytes.setter
    def stored_bytes(self, size: int) -> None:
        self._share.stored_bytes = size

    @property
    def limit_bytes(self) -> int:
        """The most that it may hold now."""
        return self._share.limit_bytes

    @property
    def is_half_full(self) -> bool:
        """Whether it is time to let go of what ClickHouse has."""
        return 2 * self.stored_bytes >= self.limit_bytes

    @property
    def is_full(self) -> bool:
        """Whether requests of ordinary size are refused until ClickHouse has taken some of what is here: a small one may
        still fit, and nothing fills it to the last byte."""
        return self.stored_bytes >= _FULL * self.limit_bytes

    def state(self) -> JournalState:
        """How it stands, for whoever watches."""
        return JournalState(
            now_ns=self._clock_ns(),
            oldest_unseen_ns=min(self._received_times(), default=None),
            last_received_ns=self._last_received_ns,
            failed_at_ns=self._failed_at_ns,
        )

    def _received_times(self) -> Iterator[int]:
        """Of all that is acknowledged and not visible, or may be in the next moment."""
        yield from self._unseen.values()
        yield from (one.received_ns for one in self._on_their_way.values())
        yield from (lane.received_ns for lane in self._lanes.values() if lane.writer and lane.requests)

    async def run(self) -> None:
        """Commits and seals until `close` is called and everything waiting is on disk."""
        while not (self._closing and not any(lane.waiting for lane in self._lanes.values())):
            await self._wait_for_work()
            self._wake.clear()
            for lane in self._lanes.values():
                await self._commit(lane)
                if lane.writer and self._is_due(lane):
                    await self._seal(lane)
        for lane in self._lanes.values():
            if lane.writer:
                await self._seal(lane)

    def close(self) -> None:
        """Takes no more requests and lets `run` end once those taken are on disk and sealed."""
        self._closing = True
        self._wake.set()

    def nudge(self) -> None:
        """Tells the journal that `wants_batch` may have become true."""
        self._wake.set()

    def mark_visible(self, segment: Sealed) -> None:
        """Notes that queries see a segment, so that it no longer holds back the watermark."""
        self._unseen.pop(segment.number, None)

    def forget(self, segment: Sealed) -> None:
        """Removes a segment whose rows are safe in ClickHouse. Raises OSError."""
        self.mark_visible(segment)
        if segment.path.suffix == OPEN:  # its digests are nowhere else
            self._repeats.save()
        segment.path.unlink(missing_ok=True)
        self.stored_bytes -= segment.size

    def set_aside(self, segment: Sealed) -> Path:
        """Takes a segment that cannot be inserted out of the queue, and says where it is kept. Raises OSError."""
        kept = rejected_name(segment.path)
        segment.path.rename(kept)
        self.mark_visible(segment)  # it may never be, and the others must not wait for it
        self.stored_bytes -= segment.size
        return kept

    async def _wait_for_work(self) -> None:
        # An open segment is looked at when it has lingered; or, if nobody wants it, when `nudge` is called.
        wanted = [
            lane for lane in self._lanes.values() if lane.writer and self.wants_batch(lane.signal, lane.items)
        ]
        if not wanted:
            await self._wake.wait()
            return
        due = min(lane.opened_at for lane in wanted) + self._limits.linger_s
        handle = asyncio.get_running_loop().call_at(due, self._wake.set)
        await self._wake.wait()
        handle.cancel()

    def _is_due(self, lane: Lane) -> bool:
        assert lane.writer
        if (
            lane.has_overflowed
            or lane.items >= self._limits.batch_items
            or lane.writer.size >= self._limits.batch_bytes
        ):
            return True
        age = asyncio.get_running_loop().time() - lane.opened_at
        return age >= self._limits.linger_s and self.wants_batch(lane.signal, lane.items)

    async def _commit(self, lane: Lane) -> None:
        """Makes what waits in a lane durable and answers it, or answers that it could not be done."""
        group = lane.take(self._limits.batch_expanded_bytes)
        if lane.has_overflowed:
            self._wake.set()
        if not group:
            return
        try:
            await self._write(lane, group)
        except OSError as error:
            log.error("the journal cannot be written: %s", error)
            self._failed_at_ns = self._clock_ns()
            reason = f"the journal cannot be written ({error.strerror}): free or repair the disk of --data"
            self._answer(group, Unavailable(reason, retry_after_s=1))
            if lane.writer:
                await self._seal(lane)
        else:
            self._failed_at_ns = None
            self._answer(group, None)

    async def _write(self, lane: Lane, group: list[Waiting]) -> None:
        if lane.writer and lane.writer.is_torn:
            # What was refused must be out before its repetition is taken, or both would be stored.
            await asyncio.to_thread(lane.writer.cut)
        if lane.writer is None:
            writer = await asyncio.to_thread(SegmentWriter, lane.folder, self._numbers.take())
            lane.begin(writer, asyncio.get_running_loop().time(), group[0].received_ns)
        assert lane.writer
        before = lane.writer.size
        if sum(len(one.payload.body) for one in group) <= _SMALL_BYTES:
            # To the page cache, which takes microseconds; each switch of threads would cost more.
            write_group(lane.writer, group, lane.requests)
            await asyncio.to_thread(lane.writer.sync)
        else:
            await asyncio.to_thread(write_and_sync, lane.writer, group, lane.requests)
        lane.note(group)
        self.stored_bytes += lane.writer.size - before
        self._repeats.add([one.digest for one in group])

    def _answer(self, group: list[Waiting], refusal: Unavailable | None) -> None:
        for one in group:
            # Not before: a sender that hung up meanwhile and comes again must find its first request.
            del self._on_their_way[one.digest]
            if one.answer.done():  # its sender has gone; what was committed stays
                continue
            if refusal:
                one.answer.set_exception(refusal)
            else:
                one.answer.set_result(None)

    async def _seal(self, lane: Lane) -> None:
        writer = lane.writer
        assert writer
        if writer.is_torn and not await self._cut(writer):
            # Then it is tried again.
            lane.opened_at, lane.has_overflowed = asyncio.get_running_loop().time() + _PAUSE_S, False
            return
        contents = lane.end()
        if contents.requests:
            self._unseen[writer.number] = contents.received_ns
        try:
            path = await asyncio.to_thread(self._save_and_seal, writer)
        except OSError as error:
            log.error("segment %d is inserted unsealed: %s", writer.number, error)
            path = writer.left_at()
        if contents.requests:
            sealed = Sealed(lane.signal, writer.number, path, writer.size, contents.received_ns, contents)
            self.sealed.put_nowait(sealed)
        else:
            with suppress(OSError):  # an empty file harms nobody
                path.unlink(missing_ok=True)

    async def _cut(self, writer: SegmentWriter) -> bool:
        try:
            await asyncio.to_thread(writer.cut)
        except OSError as error:
            log.error("segment %d holds what was refused, and cannot be cut: %s", writer.number, error)
            return False
        return True

    def _save_and_seal(self, writer: SegmentWriter) -> Path:
        self._repeats.save()
        return writer.seal()


async def _outcome_of(answer: asyncio.Future[None]) -> None:
    """Waits for the answer to the same request of another sender, which may lose patience before. Raises `Unavailable`."""
    await asyncio.wait([answer])
    if answer.cancelled():
        raise Unavailable("the same request is on its way already: send it again later", retry_after_s=1)
    answer.result()
