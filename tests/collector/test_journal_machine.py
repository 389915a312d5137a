"""Whatever happens in whatever order: what was acknowledged is found, once, and a batch never changes."""

import asyncio
import errno
import itertools
import os
import tempfile
from collections import Counter
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from functools import wraps
from pathlib import Path
from typing import Any

import pytest
from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from tests.collector.disks import ForgetfulDisk
from tests.collector.journals import bodies

from coldlight_collector.intake import Payload, Unavailable
from coldlight_collector.journal import Journal, JournalLimits, journal, repeats, segment
from coldlight_collector.journal.numbers import SegmentNumbers
from coldlight_collector.journal.repeats import Repeats
from coldlight_collector.journal.segment import SegmentWriter, read_sealed
from coldlight_storage import Signal

LIMITS = JournalLimits(batch_items=3, linger_s=3600)
SIGNALS = st.sampled_from([Signal.TRACES, Signal.LOGS])
TORN = st.binary(min_size=1, max_size=20) | st.just(b"")
CALLS = ("open", "write", "writev", "fsync", "fdatasync", "ftruncate", "rename", "unlink")


class Killed(BaseException):
    """The process is no more."""


class AtOnce(ThreadPoolExecutor):
    """Runs what is submitted then and there, so that the same steps always end in the same state."""

    def submit(self, call: Callable[..., Any], /, *arguments: Any, **named: Any) -> "Future[Any]":
        done: Future[Any] = Future()
        try:
            done.set_result(call(*arguments, **named))
        except BaseException as error:  # noqa: BLE001 - for whoever awaits it
            done.set_exception(error)
        return done


class Collector(RuleBasedStateMachine):
    """A journal, a disk that may lose power, and what ClickHouse was given."""

    def __init__(self) -> None:
        super().__init__()
        self.patches = pytest.MonkeyPatch()
        self.folder = tempfile.TemporaryDirectory()
        self.disk = ForgetfulDisk(Path(self.folder.name) / "journal", self.patches)
        self.broken: dict[str, int] = {}
        for name in CALLS:
            self.patches.setattr(os, name, self._breakable(name, getattr(os, name)))
        self.loop = asyncio.Runner()
        self.texts = (f"request {number}" for number in itertools.count(1))
        self.acknowledged: set[str] = set()
        self.sent: dict[str, Signal] = {}
        self.inserted: dict[tuple[str, str], list[str]] = {}
        self.start()

    def _breakable(self, name: str, real: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(real)
        def breakable(where: Any, *arguments: Any, **named: Any) -> Any:
            path = os.readlink(f"/proc/self/fd/{where}") if isinstance(where, int) else where
            if self.broken.get(name) and Path(path).is_relative_to(self.disk.folder):
                self.broken[name] -= 1
                raise OSError(errno.EIO, os.strerror(errno.EIO), str(path))
            return real(where, *arguments, **named)

        return breakable

    @rule(calls=st.dictionaries(st.sampled_from(CALLS), st.integers(1, 3), min_size=1, max_size=3))
    def break_disk(self, calls: dict[str, int]) -> None:
        """The next calls of these kinds fail."""
        self.broken = calls

    def start(self) -> None:
        try:
            self.loop.run(self._open())
        except OSError:  # nothing can be promised there, and nothing is: it is started again
            self.broken = {}
            self.loop.run(self._open())

    async def _open(self) -> None:
        asyncio.get_running_loop().set_default_executor(AtOnce())
        self.journal = Journal(self.disk.folder, LIMITS)
        self.running = asyncio.create_task(self.journal.run())

    async def _cancel(self) -> None:
        self.running.cancel()
        await asyncio.wait([self.running])

    @rule(signal=SIGNALS, count=st.integers(1, 4))
    def send(self, signal: Signal, count: int) -> None:
        """Requests that arrive together."""

        texts = list(itertools.islice(self.texts, count))
        self.loop.run(self._sent(signal, texts))

    async def _sent(self, signal: Signal, texts: list[str]) -> None:
        self.sent |= dict.fromkeys(texts, signal)
        sending = asyncio.create_task(self._sent_together(signal, texts))
        await asyncio.wait([self.running, sending], return_when=asyncio.FIRST_COMPLETED)
        sending.cancel()
        await asyncio.wait([sending])
        assert not self.running.done() or isinstance(self.running.exception(), Killed)
        if not sending.cancelled():
            sending.result()

    async def _sent_together(self, signal: Signal, texts: list[str]) -> None:
        await asyncio.gather(*(self._acknowledged(signal, text) for text in texts))

    async def _acknowledged(self, signal: Signal, text: str) -> None:
        try:
            await self.journal.append(signal, Payload(text.encode(), 1))
        except Unavailable:
            return
        self.acknowledged.add(text)

    def has_sent(self) -> bool:
        return bool(self.sent)

    @precondition(has_sent)
    @rule(data=st.data())
    def send_again(self, data: st.DataObject) -> None:
        """As whoever lost the answer would, or was refused, or did not live to see what became of it."""
        text = data.draw(st.sampled_from(sorted(self.sent)))
        self.loop.run(self._sent(self.sent[text], [text]))

    @rule(signal=SIGNALS, count=st.integers(1, 2))
    def insist(self, signal: Signal, count: int) -> None:
        """Requests are refused, because a sync fails, and sent again at once, as exporters do."""
        texts = list(itertools.islice(self.texts, count))
        self.broken = {"fdatasync": 1}
        self.loop.run(self._sent(signal, texts))
        self.broken = {}
        self.loop.run(self._sent(signal, texts))

    def has_sealed(self) -> bool:
        return not self.journal.sealed.empty()

    @precondition(has_sealed)
    @rule(forgets=st.booleans())
    def insert(self, forgets: bool) -> None:
        """ClickHouse gets a batch; the journal may not hear of it any more."""
        sealed = self.journal.sealed.get_nowait()
        try:
            if sealed.contents is None:
                read_sealed(sealed.path)
            name, content = (str(sealed.signal), sealed.path.stem), bodies(sealed.path)
            assert self.inserted.setdefault(name, content) == content, (
                "a batch has changed since it was tried"
            )
            if forgets:
                self.journal.forget(sealed)
        except OSError:
            self.journal.sealed.put_nowait(sealed)  # to be tried again

    @rule(torn=TORN)
    def be_killed(self, torn: bytes) -> None:
        self.loop.run(self._cancel())
        self._tear(torn)
        self.start()

    @rule(signal=SIGNALS, count=st.integers(1, 2))
    def be_killed_before_the_sync(self, signal: Signal, count: int) -> None:
        """What was written is in the system's memory, and nobody knows whether it is on the disk."""

        def killed(_: int) -> None:
            raise Killed

        with pytest.MonkeyPatch.context() as patches:
            patches.setattr(os, "fdatasync", killed)
            self.send(signal, count)
        self.loop.run(self._cancel())
        self.start()

    @rule(torn=TORN)
    def lose_power(self, torn: bytes) -> None:
        self.loop.run(self._cancel())
        broken, self.broken = self.broken, {}
        self.disk.lose_power()
        self.broken = broken
        self._tear(torn)
        self.start()

    def _tear(self, torn: bytes) -> None:
        """What a write under way leaves at the end of an open segment."""
        for path in self.disk.folder.glob("*/*.open"):
            with path.open("ab") as file:
                file.write(torn)

    @invariant()
    def all_is_found_once(self) -> None:
        found = {
            (path.parent.name, path.stem): bodies(path)
            for signal in (Signal.TRACES, Signal.LOGS)
            for path in (self.disk.folder / signal).glob("*[nd]")  # open and sealed
        }
        counted = Counter(itertools.chain.from_iterable((found | self.inserted).values()))
        assert {text for text in self.acknowledged if counted[text] != 1} == set()
        assert {text for text, count in counted.items() if count > 1} == set()

    def teardown(self) -> None:
        self.loop.run(self._cancel())
        self.loop.close()
        self.disk.close()
        self.patches.undo()
        self.folder.cleanup()


QUICK = settings(max_examples=30, stateful_step_count=20, deadline=None)
Collector.TestCase.settings = QUICK
TestCollector = Collector.TestCase


def acknowledges_before_the_write(patches: pytest.MonkeyPatch) -> None:
    write = Journal._write

    async def late(self: Journal, lane: Any, group: Any) -> None:
        for one in group:
            one.answer.set_result(None)
        await asyncio.sleep(0.001)
        await write(self, lane, group)

    patches.setattr(Journal, "_write", late)


def skips_the_sync(patches: pytest.MonkeyPatch) -> None:
    def sync(self: SegmentWriter) -> None:
        self.size = self._written

    patches.setattr(SegmentWriter, "sync", sync)


def skips_the_sync_of_the_folder(patches: pytest.MonkeyPatch) -> None:
    patches.setattr(segment, "sync_folder", lambda _: None)


def cuts_a_whole_frame_with_a_torn_one(patches: pytest.MonkeyPatch) -> None:
    cut = segment._cut
    patches.setattr(segment, "_cut", lambda path, offset: cut(path, max(0, offset - 1)))


def forgets_what_was_repeated(patches: pytest.MonkeyPatch) -> None:
    patches.setattr(repeats, "_read", lambda _: [])


def saves_no_digests(patches: pytest.MonkeyPatch) -> None:
    patches.setattr(Repeats, "save", lambda _: None)


def believes_what_was_never_synced(patches: pytest.MonkeyPatch) -> None:
    patches.setattr(journal, "sync_file", lambda _: None)


def goes_on_without_a_cut(patches: pytest.MonkeyPatch) -> None:
    patches.setattr(SegmentWriter, "cut", lambda self: setattr(self, "size", self._written))


def counts_segments_anew(patches: pytest.MonkeyPatch) -> None:
    patches.setattr(SegmentNumbers, "_reserve", lambda self, limit: setattr(self, "_limit", limit))


@pytest.mark.parametrize(
    "bug",
    [
        acknowledges_before_the_write,
        skips_the_sync,
        skips_the_sync_of_the_folder,
        cuts_a_whole_frame_with_a_torn_one,
        forgets_what_was_repeated,
        saves_no_digests,
        believes_what_was_never_synced,
        goes_on_without_a_cut,
        counts_segments_anew,
    ],
)
def test_a_planted_bug_is_found(
    bug: Callable[[pytest.MonkeyPatch], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    bug(monkeypatch)
    seeking = settings(QUICK, max_examples=3000, database=None, phases=[Phase.generate], print_blob=False)
    with pytest.raises((AssertionError, FileExistsError, FileNotFoundError)):
        run_state_machine_as_test(Collector, settings=seeking)
