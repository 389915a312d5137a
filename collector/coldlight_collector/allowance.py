"""How much one token may send: two token buckets, of items and of bytes.

A request is let in while nothing is owed, and then taken off as a whole, so that a large one is not refused for ever;
what it owes is waited for by those that follow. In the long run nobody gets more than the rate.
"""

from collections.abc import Callable
from dataclasses import dataclass

from coldlight_storage.state.tokens import Rates

BURST_S = 10
"""So many seconds' worth may come at once."""


@dataclass
class _Bucket:
    """Fills by `rate` a second up to `BURST_S` seconds' worth; below zero is what is owed."""

    rate: int
    level: float
    filled_at_s: float

    def wait_s(self, now_s: float) -> float:
        """Seconds until nothing is owed; 0 when nothing is."""
        self.level = min(self.rate * BURST_S, self.level + (now_s - self.filled_at_s) * self.rate)
        self.filled_at_s = now_s
        return max(0.0, -self.level / self.rate)


class Allowance:
    """What a token may still send. `clock_s` is a monotonic clock."""

    def __init__(self, rates: Rates, clock_s: Callable[[], float]) -> None:
        self._clock_s = clock_s
        self._items = _full(rates.items, clock_s())
        self._bytes = _full(rates.bytes, clock_s())

    def wait_s(self) -> float:
        """Seconds to wait before the next request; 0 when it may come now."""
        now_s = self._clock_s()
        return max((bucket.wait_s(now_s) for bucket in (self._items, self._bytes) if bucket), default=0.0)

    def spend(self, items: int = 0, size: int = 0) -> None:
        """Takes what a request has cost: its items, and its bytes as they were sent."""
        if self._items:
            self._items.level -= items
        if self._bytes:
            self._bytes.level -= size


def _full(rate: int | None, now_s: float) -> _Bucket | None:
    return None if rate is None else _Bucket(rate, rate * BURST_S, now_s)
