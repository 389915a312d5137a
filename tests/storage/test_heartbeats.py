"""Heartbeats: who is alive, and up to when everything acknowledged is visible."""

import pytest

from coldlight_storage import Store
from coldlight_storage.heartbeats import Heartbeat, collectors_seen, report, watermark_ns
from coldlight_storage.testing import clock_ns


def beat(number: int, at: float = 0, **fields: bool) -> Heartbeat:
    """Of a collector that has made visible what came up to `at` seconds after noon."""
    return Heartbeat(number, clock_ns(at), journal_bytes=100, quarantined_files=2, **fields)


def silence(store: Store, number: int, seconds: int) -> None:
    """Makes the last that was heard of a collector older."""
    store.command(
        "INSERT INTO coldlight_heartbeats SELECT Collector, Watermark, JournalBytes, QuarantinedFiles, IsStopped,"
        f" ReportedTime - {seconds} FROM coldlight_heartbeats WHERE Collector = {number}"
    )
    store.command(
        f"DELETE FROM coldlight_heartbeats WHERE Collector = {number} AND ReportedTime > now64(3) - {seconds}"
        " SETTINGS lightweight_deletes_sync = 2"
    )


def system_watermark(store: Store) -> int | None:
    return watermark_ns(collectors_seen(store))


def test_nobody_knows_without_a_collector(store: Store) -> None:
    assert collectors_seen(store) == ()
    assert system_watermark(store) is None


def test_the_latest_word_of_a_collector_counts(store: Store) -> None:
    for at in (1, 3, 2):
        report(store, beat(7, at))
    [seen] = collectors_seen(store)
    assert seen.last == beat(7, 2)
    assert seen.is_live
    assert system_watermark(store) == clock_ns(2)


def test_the_slowest_of_several_collectors_decides(store: Store) -> None:
    for number, at in {1: 30, 2: 10.000000001, 3: 20}.items():
        report(store, beat(number, at))
    assert system_watermark(store) == clock_ns(10.000000001)


def test_a_collector_that_fell_silent_holds_nothing_back_and_is_spoken_of(store: Store) -> None:
    report(store, beat(1, 10))
    report(store, beat(2, 20))
    silence(store, 1, 61)
    assert system_watermark(store) == clock_ns(20)
    assert [(seen.last.number, seen.is_silent) for seen in collectors_seen(store)] == [(1, True), (2, False)]


def test_a_collector_that_said_good_bye_is_not_silent(store: Store) -> None:
    report(store, beat(1, 10, is_stopped=True))
    [seen] = collectors_seen(store)
    assert not seen.is_live
    assert system_watermark(store) is None
    silence(store, 1, 61)
    [seen] = collectors_seen(store)
    assert not seen.is_silent


def test_after_a_day_it_is_forgotten(store: Store) -> None:
    report(store, beat(1))
    silence(store, 1, 86_401)
    assert collectors_seen(store) == ()


@pytest.mark.parametrize("at_ns", [0, -1, 2**62])
def test_a_clock_that_is_far_off_breaks_nothing(store: Store, at_ns: int) -> None:
    report(store, Heartbeat(1, at_ns, 0, 0))
    assert system_watermark(store) == at_ns
