"""Stopping and killing `coldlight up` while senders send: what was acknowledged is there afterwards, once."""

import signal

import pytest
from tests.system.load import Load, sending, stored
from tests.system.processes import Home, eventually

ROWS = "SELECT count() AS rows, uniqExact(SpanId) AS spans FROM otel_traces WHERE TraceId = '{trace_id}'"
"""Of the load alone: others that share the folder may send a span twice, on purpose."""


def send_and_stop(home: Home, number: signal.Signals) -> tuple[Load, int]:
    """Sends in earnest, stops the service in the middle of it, and gives the exit code."""
    up = home.service()
    with sending(up) as load:
        eventually(lambda: len(load.acknowledged) >= 1000, "1000 acknowledged spans")
        code = up.stop(number)
    return load, code


def assert_kept(home: Home, load: Load) -> None:
    ids = stored(home.service(), load)
    assert len(ids) == len(set(ids))
    assert set(ids) <= load.sent


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_stop_under_load_is_orderly_and_keeps_what_was_acknowledged(
    home: Home, number: signal.Signals
) -> None:
    load, code = send_and_stop(home, number)
    assert code == 0
    assert_kept(home, load)


def test_a_kill_keeps_what_was_acknowledged_and_stores_it_once(home: Home) -> None:
    load, code = send_and_stop(home, signal.SIGKILL)
    assert code == -signal.SIGKILL
    assert_kept(home, load)
    [[counted]] = home.select(ROWS.format(trace_id=load.trace_id))
    assert counted["rows"] == counted["spans"] > 0
