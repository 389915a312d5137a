"""The journal: acknowledged means on disk, whatever happens next."""

import asyncio
import errno
import itertools
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from tests.collector.journals import (
    AT_ONCE,
    NEVER_BY_ITSELF,
    Gate,
    bodies,
    crash,
    request,
    running,
    segments,
)

from coldlight_collector.intake import Accepted, Unavailable
from coldlight_collector.journal import Journal, JournalLimits, Sealed
from coldlight_collector.journal.segment import Contents, read_sealed
from coldlight_storage import Signal


@pytest.fixture
def gate(monkeypatch: pytest.MonkeyPatch) -> Gate:
    return Gate(monkeypatch)


async def test_a_request_is_acknowledged_with_its_own_outcome(tmp_path: Path) -> None:
    async with running(tmp_path) as journal:
        assert await journal.append(Signal.LOGS, request("partly")) == Accepted(message="partly")
        assert bodies(segments(tmp_path)[0]) == ["partly"]


async def test_nothing_is_acknowledged_before_the_disk_has_it(tmp_path: Path, gate: Gate) -> None:
    async with running(tmp_path) as journal:
        sender = asyncio.create_task(journal.append(Signal.TRACES, request()))
        await gate.arrival()
        assert not sender.done()
        gate.opened.set()
        await sender


async def test_requests_that_come_during_a_sync_share_the_next_one(tmp_path: Path, gate: Gate) -> None:
    async with running(tmp_path) as journal, asyncio.TaskGroup() as senders:
        senders.create_task(journal.append(Signal.TRACES, request("first")))
        await gate.arrival()
        for number in range(500):
            senders.create_task(journal.append(Signal.TRACES, request(f"later {number}")))
        await asyncio.sleep(0)
        gate.opened.set()
    assert gate.calls == 2
    [segment] = segments(tmp_path)
    assert bodies(segment) == ["first", *(f"later {number}" for number in range(500))]


async def test_signals_have_segments_of_their_own(tmp_path: Path) -> None:
    async with running(tmp_path) as journal:
        for signal in Signal:
            await journal.append(signal, request(signal))
    assert {path.parent.name: bodies(path) for path in segments(tmp_path, "sealed")} == {
        "logs": ["logs"],
        "metrics": ["metrics"],
        "traces": ["traces"],
    }


async def test_a_request_without_items_is_answered_and_not_stored(tmp_path: Path) -> None:
    async with running(tmp_path) as journal:
        assert await journal.append(Signal.TRACES, request("empty", items=0)) == Accepted(message="empty")
    assert segments(tmp_path) == []


async def test_a_cancelled_sender_does_no_harm(tmp_path: Path, gate: Gate) -> None:
    async with running(tmp_path) as journal:
        gone = asyncio.create_task(journal.append(Signal.TRACES, request("gone")))
        await gate.arrival()
        gone.cancel()
        stays = asyncio.create_task(journal.append(Signal.TRACES, request("stays")))
        await asyncio.sleep(0)
        gate.opened.set()
        await stays
    assert gone.cancelled()
    assert bodies(segments(tmp_path)[0]) == ["gone", "stays"]


async def test_a_quiet_system_gets_its_batch_when_it_has_lingered(tmp_path: Path) -> None:
    async with running(tmp_path, JournalLimits(linger_s=0.01)) as journal:
        await journal.append(Signal.TRACES, request("a"))
        sealed = await next_sealed(journal)
    assert sealed.path.suffix == ".sealed"
    assert sealed.contents
    assert sealed.contents.requests == 1


async def test_a_batch_grows_while_the_inserter_is_busy(tmp_path: Path) -> None:
    async with running(tmp_path, AT_ONCE) as journal:
        is_busy = True
        journal.wants_batch = lambda *_: not is_busy
        for number in range(5):
            await journal.append(Signal.TRACES, request(str(number)))
        assert journal.sealed.empty()
        is_busy = False
        journal.nudge()
        assert bodies((await next_sealed(journal)).path) == ["0", "1", "2", "3", "4"]


@pytest.mark.parametrize("limits", [JournalLimits(batch_items=10), JournalLimits(batch_bytes=100)])
async def test_a_full_batch_is_sealed_even_so(tmp_path: Path, limits: JournalLimits) -> None:
    async with running(tmp_path, limits) as journal:
        journal.wants_batch = lambda *_: False
        await journal.append(Signal.TRACES, request("x" * 10, items=4))
        assert journal.sealed.empty()
        await journal.append(Signal.TRACES, request("y" * 100, items=6))
        sealed = await next_sealed(journal)
    assert sealed.contents
    assert (sealed.contents.requests, sealed.contents.items) == (2, 10)


async def test_no_batch_expands_to_more_than_it_may_but_for_a_single_request(
    tmp_path: Path, gate: Gate
) -> None:
    limits = JournalLimits(linger_s=3600, batch_expanded_bytes=100)
    sizes = {"a": 60, "b": 30, "c": 20, "d": 250, "e": 40, "f": 60}
    async with running(tmp_path, limits) as journal, asyncio.TaskGroup() as senders:
        senders.create_task(journal.append(Signal.TRACES, request("first")))
        await gate.arrival()
        for name, size in sizes.items():
            large = replace(request(name), expanded_bytes=size)
            senders.create_task(journal.append(Signal.TRACES, large))
        await asyncio.sleep(0)
        gate.opened.set()
    assert list(map(bodies, segments(tmp_path))) == [["first", "a", "b"], ["c"], ["d"], ["e", "f"]]


async def test_a_segment_remembers_when_its_first_request_came(tmp_path: Path) -> None:
    """It picks the partition, so it must be the same after a restart."""
    now_ns = 1_000
    journal = Journal(tmp_path, AT_ONCE, lambda: now_ns)
    async with asyncio.TaskGroup() as group:
        group.create_task(journal.run())
        journal.wants_batch = lambda *_: False
        await journal.append(Signal.TRACES, request("a", items=2))
        now_ns = 2_000
        await journal.append(Signal.TRACES, request("b", items=3))
        journal.close()
    sealed = await next_sealed(journal)
    assert sealed.contents == Contents(2, 5, 1_000) == read_sealed(sealed.path)


async def test_closing_answers_everybody_and_seals(tmp_path: Path) -> None:
    journal = Journal(tmp_path, NEVER_BY_ITSELF)
    senders = [asyncio.create_task(journal.append(Signal.LOGS, request(str(n)))) for n in range(20)]
    await asyncio.sleep(0)
    journal.close()
    await journal.run()
    assert [await sender for sender in senders] == [Accepted(message=str(n)) for n in range(20)]
    assert len(bodies((await next_sealed(journal)).path)) == 20
    with pytest.raises(Unavailable, match="shutting down"):
        await journal.append(Signal.LOGS, request())


async def test_a_full_journal_asks_to_come_again_until_there_is_room(tmp_path: Path) -> None:
    async with running(tmp_path, JournalLimits(total_bytes=250, linger_s=0)) as journal:
        await journal.append(Signal.TRACES, request("x" * 200))
        with pytest.raises(Unavailable, match=r"limit of 250 bytes.*--journal-limit") as refused:
            await journal.append(Signal.TRACES, request("y" * 200))
        assert refused.value.retry_after_s == 1
        journal.forget(await next_sealed(journal))
        assert journal.stored_bytes == 0
        await journal.append(Signal.TRACES, request("y" * 200))
    assert [bodies(path) for path in segments(tmp_path)] == [["y" * 200]]


async def test_what_is_forgotten_is_gone(tmp_path: Path) -> None:
    async with running(tmp_path, AT_ONCE) as journal:
        await journal.append(Signal.TRACES, request())
        journal.forget(await next_sealed(journal))
    assert segments(tmp_path) == []
    assert Journal(tmp_path, AT_ONCE).sealed.empty()


async def test_after_a_crash_everything_acknowledged_is_found(tmp_path: Path) -> None:
    await crash(tmp_path, request("a", items=2), request("b", items=3))
    [left] = segments(tmp_path, "open")
    journal = Journal(tmp_path, NEVER_BY_ITSELF)
    sealed = await next_sealed(journal)
    assert sealed.number == int(left.stem)
    assert sealed.contents is None
    assert journal.stored_bytes == sealed.path.stat().st_size
    contents = read_sealed(sealed.path)
    assert (contents.requests, contents.items) == (2, 5)


async def test_after_a_crash_segments_are_found_oldest_first(tmp_path: Path) -> None:
    for text in "abc":
        await crash(tmp_path, request(text))
    journal = Journal(tmp_path, NEVER_BY_ITSELF)
    found = [journal.sealed.get_nowait() for _ in range(journal.sealed.qsize())]
    assert [bodies(segment.path) for segment in found] == [["a"], ["b"], ["c"]]


async def test_a_torn_tail_is_cut_off_and_kept(tmp_path: Path) -> None:
    await crash(tmp_path, request("whole"))
    [left] = segments(tmp_path, "open")
    whole = left.read_bytes()
    left.write_bytes(whole + b"\x50half a request")
    sealed = await next_sealed(Journal(tmp_path, NEVER_BY_ITSELF))
    assert read_sealed(sealed.path).requests == 1
    assert sealed.path.read_bytes() == whole
    assert sealed.path.with_suffix(".tail").read_bytes() == b"\x50half a request"


async def test_a_segment_number_is_never_used_again(tmp_path: Path) -> None:
    """ClickHouse would take the second batch for the first one repeated, and drop it."""
    numbers: list[int] = []
    texts = (f"request {number}" for number in itertools.count(1))
    for _ in range(4):
        async with running(tmp_path, AT_ONCE) as journal:
            for _ in range(3):
                await journal.append(Signal.TRACES, request(next(texts)))
                segment = await next_sealed(journal)
                numbers.append(segment.number)
                journal.forget(segment)
        await crash(tmp_path, request(next(texts)))
        [left] = segments(tmp_path, "open")
        numbers.append(int(left.stem))
        left.unlink()
    assert numbers == sorted(set(numbers))


async def test_a_failing_disk_refuses_and_a_repaired_one_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with running(tmp_path) as journal:
        await journal.append(Signal.TRACES, request("before"))
        with monkeypatch.context() as broken:
            broken.setattr(os, "fdatasync", fail_with_io_error)
            with pytest.raises(Unavailable, match="cannot be written") as refused:
                await journal.append(Signal.TRACES, request("refused"))
        assert refused.value.retry_after_s == 1
        await journal.append(Signal.TRACES, request("after"))
    assert [bodies(path) for path in segments(tmp_path, "sealed")] == [["before"], ["after"]]


async def test_what_was_refused_is_cut_before_it_is_taken_when_it_comes_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with running(tmp_path) as journal:
        await journal.append(Signal.TRACES, request("before"))
        with monkeypatch.context() as broken:
            broken.setattr(os, "ftruncate", fail_with_io_error)
            with monkeypatch.context() as at_first:
                at_first.setattr(os, "fdatasync", fail_with_io_error)
                with pytest.raises(Unavailable):
                    await journal.append(Signal.TRACES, request("refused"))
            with pytest.raises(Unavailable, match="cannot be written"):
                await journal.append(Signal.TRACES, request("refused"))
        await journal.append(Signal.TRACES, request("refused"))
    stored = itertools.chain.from_iterable(bodies(path) for path in segments(tmp_path, "sealed"))
    assert list(stored) == ["before", "refused"]


def fail_with_io_error(*_: object) -> None:
    raise OSError(errno.EIO, os.strerror(errno.EIO))


async def test_a_folder_that_is_gone_refuses_until_it_is_back(tmp_path: Path) -> None:
    async with running(tmp_path) as journal:
        (tmp_path / "traces").rmdir()
        with pytest.raises(Unavailable, match="cannot be written"):
            await journal.append(Signal.TRACES, request())
        await journal.append(Signal.LOGS, request("others go on"))
        (tmp_path / "traces").mkdir()
        await journal.append(Signal.TRACES, request("back"))
    assert [bodies(path) for path in segments(tmp_path, "sealed")] == [["others go on"], ["back"]]


PROGRAM = """
import asyncio, resource, sys
from pathlib import Path
from coldlight_collector.intake import Payload, Unavailable
from coldlight_collector.journal import Journal, JournalLimits
from coldlight_storage import Signal

async def main(folder):
    journal = Journal(folder, JournalLimits(linger_s=3600))
    task = asyncio.create_task(journal.run())
    await work(journal)
    journal.close()
    await task
"""
FULL_DISK = """
async def work(journal):
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
    for size in (1_000, 50_000, 200_000, 60_000, 2_000):
        try:
            await journal.append(Signal.TRACES, Payload(b"x" * size, 1))
            print("acknowledged", size)
        except Unavailable as error:
            print("refused", size, error)
"""
WITHOUT_END = """
import itertools
async def work(journal):
    for number in itertools.count():
        await journal.append(Signal.TRACES, Payload(str(number).encode(), 1))
        print(number, flush=True)
"""
MAIN = "asyncio.run(main(Path(sys.argv[1])))\n"


def test_a_disk_that_is_full_refuses_what_has_no_room_and_takes_the_rest(tmp_path: Path) -> None:
    """The limit on a file's size is a real one: the write itself comes back short, and then fails."""
    arguments = [sys.executable, "-c", PROGRAM + FULL_DISK + MAIN, str(tmp_path)]
    lines = subprocess.run(arguments, check=True, capture_output=True, text=True).stdout.splitlines()
    assert [line.split()[:2] for line in lines] == [
        ["acknowledged", "1000"],
        ["acknowledged", "50000"],
        ["refused", "200000"],
        ["acknowledged", "60000"],
        ["acknowledged", "2000"],
    ]
    assert "File too large" in lines[2]
    found = [[len(body) for body in bodies(path)] for path in segments(tmp_path, "sealed")]
    assert found == [[1_000, 50_000], [60_000, 2_000]]
    assert all(read_sealed(path).requests == 2 for path in segments(tmp_path, "sealed"))
    assert segments(tmp_path, "tail") == []


def test_after_a_kill_everything_acknowledged_is_there(tmp_path: Path) -> None:
    arguments = [sys.executable, "-c", PROGRAM + WITHOUT_END + MAIN, str(tmp_path)]
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        while int(process.stdout.readline()) < 100:
            pass
        process.kill()
        acknowledged = [100, *map(int, process.stdout.read().split())]
    [left] = segments(tmp_path, "open")
    assert bodies(left)[: acknowledged[-1] + 1] == [str(n) for n in range(acknowledged[-1] + 1)]


async def next_sealed(journal: Journal) -> Sealed:
    return await asyncio.wait_for(journal.sealed.get(), 30)
