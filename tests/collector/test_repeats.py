"""A sender that lost the answer sends the same request again: it is acknowledged again, and stored once."""

import asyncio
import os
from pathlib import Path

import pytest
from tests.collector.journals import Gate, bodies, crash, request, running, segments

from coldlight_collector.intake import Accepted, Payload, Unavailable
from coldlight_collector.journal.frames import DIGEST_BYTES
from coldlight_collector.journal.repeats import Repeats
from coldlight_storage import Signal
from coldlight_storage.testing import NOON

NOON_NS = int(NOON.timestamp()) * 10**9
AN_HOUR_NS = 3600 * 10**9


def stored(folder: Path) -> list[str]:
    return [body for path in segments(folder) for body in bodies(path)]


async def test_a_request_sent_again_is_acknowledged_again_and_stored_once(tmp_path: Path) -> None:
    async with running(tmp_path) as journal:
        first = await journal.append(Signal.TRACES, request("a request"))
        again = await journal.append(Signal.TRACES, request("a request"))
    assert first == again == Accepted(message="a request")
    assert stored(tmp_path) == ["a request"]
    assert journal.repeated_requests == 1


async def test_requests_of_two_signals_are_two(tmp_path: Path) -> None:
    async with running(tmp_path) as journal:
        await journal.append(Signal.TRACES, request("the same bytes"))
        await journal.append(Signal.LOGS, request("the same bytes"))
    assert stored(tmp_path) == ["the same bytes", "the same bytes"]


async def test_a_sender_s_own_name_for_a_request_tells_it_from_others(tmp_path: Path) -> None:
    async with running(tmp_path) as journal:
        await journal.append(Signal.LOGS, Payload(b"the same line", 1, name=b"request 1"))
        await journal.append(Signal.LOGS, Payload(b"the same line", 1, name=b"request 2"))
        await journal.append(Signal.LOGS, Payload(b"the same line, packed anew", 1, name=b"request 2"))
    assert stored(tmp_path) == ["the same line", "the same line"]


async def test_a_request_sent_again_before_the_disk_has_it_shares_its_fate(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate = Gate(monkeypatch)
    async with running(tmp_path) as journal:
        first = asyncio.create_task(journal.append(Signal.TRACES, request()))
        await gate.arrival()
        again = asyncio.create_task(journal.append(Signal.TRACES, request()))
        await asyncio.sleep(0)
        assert not again.done()
        gate.opened.set()
        await first
        await again
    assert stored(tmp_path) == ["request"]


async def test_a_request_sent_again_by_a_sender_that_hung_up_is_stored_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate = Gate(monkeypatch)
    async with running(tmp_path) as journal:
        impatient = asyncio.create_task(journal.append(Signal.TRACES, request()))
        await gate.arrival()
        impatient.cancel()
        with pytest.raises(Unavailable, match="on its way already"):
            await journal.append(Signal.TRACES, request())
        gate.opened.set()
        await journal.append(Signal.TRACES, request("another"))
        await journal.append(Signal.TRACES, request())
    assert stored(tmp_path) == ["request", "another"]


async def test_a_request_that_the_disk_refused_is_none_that_came_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    async with running(tmp_path) as journal:
        with monkeypatch.context() as patched:
            patched.setattr(os, "fdatasync", full)
            with pytest.raises(Unavailable):
                await journal.append(Signal.TRACES, request())
        await journal.append(Signal.TRACES, request())
    assert stored(tmp_path) == ["request"]


async def test_a_crash_forgets_nothing(tmp_path: Path) -> None:
    await crash(tmp_path, request("a request"))
    async with running(tmp_path) as journal:
        await journal.append(Signal.TRACES, request("a request"))
        await journal.append(Signal.TRACES, request("another"))
    assert stored(tmp_path) == ["a request", "another"]


async def test_what_was_made_durable_but_not_noted_before_a_crash_is_known(tmp_path: Path) -> None:
    await crash(tmp_path, request("a request"))
    assert list(tmp_path.glob("repeats-*")) == []
    async with running(tmp_path) as journal:
        await journal.append(Signal.TRACES, request("a request"))
    assert stored(tmp_path) == ["a request"]


def test_after_an_hour_a_request_counts_as_new(tmp_path: Path) -> None:
    now_ns = NOON_NS
    repeats = Repeats(tmp_path, lambda: now_ns)
    repeats.add([name(1)])
    now_ns += AN_HOUR_NS - 1
    assert name(1) in repeats
    now_ns += 1
    assert name(1) not in repeats


def test_a_restart_makes_nothing_younger(tmp_path: Path) -> None:
    def started(quarters: int) -> Repeats:
        return Repeats(tmp_path, lambda: NOON_NS + quarters * AN_HOUR_NS // 4)

    for quarters in range(6):
        repeats = started(quarters)
        repeats.add([name(2 if quarters else 1)])
        repeats.save()
    repeats = started(5)
    assert name(1) not in repeats
    assert name(2) in repeats
    assert len(list(tmp_path.iterdir())) <= 2


def test_memory_is_bounded_by_the_number_of_requests(tmp_path: Path) -> None:
    now_ns = NOON_NS
    repeats = Repeats(tmp_path, lambda: now_ns, most=lambda: 2)
    for number in range(1, 6):
        now_ns += 1
        repeats.add([name(number)])
    assert [number for number in range(1, 6) if name(number) in repeats] == [3, 4, 5]


def test_a_torn_digest_costs_only_itself(tmp_path: Path) -> None:
    remember(tmp_path, name(1))
    [file] = tmp_path.glob("repeats-*")
    file.write_bytes(name(1) + name(2)[:5])
    remember(tmp_path, name(3))
    repeats = Repeats(tmp_path, lambda: NOON_NS)
    assert [number for number in range(1, 4) if name(number) in repeats] == [1, 3]


async def test_a_segment_whose_requests_cannot_be_remembered_stays_unsealed_so_that_a_start_reads_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(Repeats, "save", full)
        async with running(tmp_path) as journal:
            await journal.append(Signal.TRACES, request("a request"))
        unsealed = journal.sealed.get_nowait()
        with pytest.raises(OSError, match="No space"):
            journal.forget(unsealed)
    assert unsealed.path in segments(tmp_path, "open")
    async with running(tmp_path) as journal:
        await journal.append(Signal.TRACES, request("a request"))
    assert stored(tmp_path) == ["a request"]


def remember(folder: Path, digest: bytes) -> None:
    repeats = Repeats(folder, lambda: NOON_NS)
    repeats.add([digest])
    repeats.save()


def name(number: int) -> bytes:
    return number.to_bytes(DIGEST_BYTES)
