"""When to send: at an invocation's end, or in the next one's time.

A rare invocation is sent at its end, so that it is seen at once. On a busy sandbox that would keep the next caller waiting:
there, what one invocation leaves is sent while the next one runs.
"""

from __future__ import annotations

FIRST_INVOCATIONS = 20
"""Are sent at their end: nothing is known of the function's traffic, and somebody may be watching it for the first time."""
SHORT_GAP_S = 5.0
OLDEST_S = 5.0
LARGEST_BYTES = 256 << 10
_WEIGHT = 0.2


class Pace:
    """Times are Unix times in seconds: a monotonic clock may stand still while the sandbox is frozen."""

    def __init__(self) -> None:
        self._invocations = 0
        self._ended_at = 0.0
        self._mean_gap_s = SHORT_GAP_S

    def invoked(self, now: float) -> None:
        if self._invocations:
            self._mean_gap_s += _WEIGHT * (now - self._ended_at - self._mean_gap_s)
        self._invocations += 1

    @property
    def is_first(self) -> bool:
        return self._invocations <= 1

    def ended(self, now: float) -> None:
        self._ended_at = now

    def sends_at_end(self, age_s: float, waiting_bytes: int) -> bool:
        """Of what has been waiting for so long, and is so much."""
        is_busy = self._invocations > FIRST_INVOCATIONS and self._mean_gap_s < SHORT_GAP_S
        return not is_busy or age_s > OLDEST_S or waiting_bytes > LARGEST_BYTES
