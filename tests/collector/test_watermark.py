"""The watermark of a journal: all that was received up to then, and acknowledged, is visible."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.collector.journals import NEVER_BY_ITSELF, Gate, crash, request

from coldlight_collector.journal import Journal, Sealed
from coldlight_storage import Signal
from coldlight_storage.testing import clock_ns


@dataclass
class Clock:
    """Stands still until it is set."""

    seconds: float = 0

    def __call__(self) -> int:
        return clock_ns(self.seconds)


@dataclass
class Watched:
    """A journal at work, whose clock the test sets."""

    journal: Journal
    clock: Clock

    async def receive(self, text: str, at: float, signal: Signal = Signal.TRACES) -> None:
        self.clock.seconds = at
        await self.journal.append(signal, request(text))

    def watermark(self, at: float) -> float:
        """In seconds after noon, at that time; a nanosecond before the first request that is not visible."""
        self.clock.seconds = at
        return (self.journal.state().watermark_ns + 1 - clock_ns()) / 10**9

    async def sealed(self) -> list[Sealed]:
        self.journal.close()
        return [await self.journal.sealed.get() for _ in Signal]


@pytest.fixture
async def watched(tmp_path: Path) -> AsyncIterator[Watched]:
    clock = Clock()
    journal = Journal(tmp_path, NEVER_BY_ITSELF, clock)
    task = asyncio.create_task(journal.run())
    yield Watched(journal, clock)
    journal.close()
    await task


async def test_a_quiet_journal_goes_with_the_clock(watched: Watched) -> None:
    assert watched.watermark(at=1) == 1
    assert watched.watermark(at=2) == 2
    assert watched.journal.state().age_s == 0


async def test_the_first_request_that_is_not_visible_holds_it_back(watched: Watched) -> None:
    await watched.receive("first", at=1)
    await watched.receive("second", at=2)
    assert watched.watermark(at=5) == 1
    assert watched.journal.state().age_s == 4


async def test_a_request_that_is_not_yet_acknowledged_does_so_too(
    watched: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate = Gate(monkeypatch)
    sender = asyncio.create_task(watched.receive("on its way", at=1))
    await gate.arrival()
    assert watched.watermark(at=5) == 1
    gate.opened.set()
    await sender
    assert watched.watermark(at=5) == 1


async def test_each_signal_lets_go_when_queries_see_it(watched: Watched) -> None:
    for at, signal in enumerate(Signal, 1):
        await watched.receive("request", at, signal)
    for seen in sorted(await watched.sealed(), key=lambda segment: segment.received_ns):
        assert watched.watermark(at=9) == (seen.received_ns - clock_ns()) / 10**9
        watched.journal.mark_visible(seen)
    assert watched.watermark(at=9) == 9


async def test_a_segment_that_is_set_aside_holds_nothing_back(watched: Watched) -> None:
    for at, signal in enumerate(Signal, 1):
        await watched.receive("request", at, signal)
    for refused in await watched.sealed():
        watched.journal.set_aside(refused)
    assert watched.watermark(at=9) == 9


async def test_what_an_earlier_process_left_holds_it_back(tmp_path: Path) -> None:
    await crash(tmp_path, request("left behind"))
    journal = Journal(tmp_path, NEVER_BY_ITSELF, Clock(9e9))
    left = journal.sealed.get_nowait()
    assert journal.state().watermark_ns == left.received_ns - 1
    journal.forget(left)
    assert journal.state().watermark_ns == journal.state().now_ns - 1


async def test_a_clock_that_is_set_back_takes_it_back(watched: Watched) -> None:
    """It would else promise what the next request breaks."""
    await watched.receive("request", at=10)
    assert watched.watermark(at=4) == 4
