"""Rates: in the long run nobody gets more, and nobody is refused for ever."""

from dataclasses import dataclass

from hypothesis import given
from hypothesis import strategies as st

from coldlight_collector.allowance import BURST_S, Allowance
from coldlight_storage.state.tokens import Rates


@dataclass
class Clock:
    now_s: float = 100.0

    def __call__(self) -> float:
        return self.now_s


def test_a_burst_may_come_at_once_and_one_request_beyond_it() -> None:
    allowance = Allowance(Rates(items=10), Clock())
    allowance.spend(items=10 * BURST_S)
    assert allowance.wait_s() == 0
    allowance.spend(items=20)
    assert allowance.wait_s() == 2


def test_what_is_owed_is_paid_with_time() -> None:
    clock = Clock()
    allowance = Allowance(Rates(items=10), clock)
    allowance.spend(items=10 * BURST_S + 50)
    clock.now_s += 3
    assert allowance.wait_s() == 2
    clock.now_s += 2
    assert allowance.wait_s() == 0


def test_a_long_rest_gives_one_burst_and_no_more() -> None:
    clock = Clock()
    allowance = Allowance(Rates(bytes=10), clock)
    clock.now_s += 1_000_000
    assert allowance.wait_s() == 0
    allowance.spend(size=10 * BURST_S + 10)
    assert allowance.wait_s() == 1


def test_the_longer_wait_counts() -> None:
    allowance = Allowance(Rates(items=1, bytes=10), Clock())
    allowance.spend(items=BURST_S + 3, size=10 * BURST_S + 70)
    assert allowance.wait_s() == 7


def test_a_clock_that_stands_still_gives_nothing() -> None:
    allowance = Allowance(Rates(items=1), Clock())
    allowance.spend(items=BURST_S + 1)
    assert [allowance.wait_s() for _ in range(3)] == [1, 1, 1]


@given(
    rate=st.integers(1, 1000),
    requests=st.lists(st.tuples(st.floats(0, 5), st.integers(1, 5000)), min_size=1, max_size=50),
)
def test_whoever_obeys_sends_no_more_than_the_rate(rate: int, requests: list[tuple[float, int]]) -> None:
    """Apart from a burst at the beginning, and the last request, which is still owed."""
    clock = Clock()
    allowance = Allowance(Rates(items=rate), clock)
    sent = 0
    for pause_s, items in requests:
        clock.now_s += pause_s
        clock.now_s += allowance.wait_s()
        sent_before, sent = sent, sent + items
        assert sent_before <= rate * (BURST_S + clock.now_s - 100.0) * (1 + 1e-9)
        allowance.spend(items=items)
