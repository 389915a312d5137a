"""What need not have been paid: memory that was never used, concurrency that stood ready for nothing.

Savings are of the time that is looked at, at the prices of the table.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from math import ceil

from coldlight_query.cost.pricing import exact_sum
from coldlight_query.cost.usage import EXACT, gb_seconds

_LEAST_MB, _STEP_MB = 128, 64
_HEADROOM_PERCENT = 20
_FEWEST_INVOCATIONS = 100


@dataclass(frozen=True)
class MemoryUse:
    """A function at one memory size, over some time. `p99_used_mb` is of the invocations' `max_memory_used_mb`."""

    memory_mb: int
    p99_used_mb: int
    invocations: int
    billed_ms: int


@dataclass(frozen=True)
class Proposal:
    """Another memory size. `saved` is of the time looked at, None where it cannot be told.

    `is_measured` is whether the function has run at both sizes. Where it has not, `saved` is what the smaller size saves if
    the duration stays: memory brings CPU with it, so that a function that computes gets slower, and may cost more.
    """

    memory_mb: int
    saved: Decimal | None
    is_measured: bool
    reason: str


def right_size(uses: Sequence[MemoryUse], gb_second_price: Decimal) -> Proposal | None:
    """A memory size for a function that runs at `uses[0].memory_mb` now and has perhaps run at others before.

    The size holds the 99th percentile of what was used and a fifth more. None where the present size is that, where what
    is known is too little (100 invocations), or where the new size was measured and costs more.
    """
    now = uses[0]
    if now.invocations < _FEWEST_INVOCATIONS:
        return None
    wanted_mb = _wanted(now.p99_used_mb)
    if wanted_mb > now.memory_mb:
        used = f"p99 of memory used is {now.p99_used_mb} MB of {now.memory_mb}: less than a fifth is left"
        return Proposal(wanted_mb, None, False, used)
    if wanted_mb == now.memory_mb:
        return None
    reason = f"p99 of memory used is {now.p99_used_mb} MB of {now.memory_mb}"
    measured = next((use for use in uses[1:] if use.memory_mb == wanted_mb and use.invocations), None)
    at_wanted_ms = _expected_ms(now, measured)
    saved = EXACT.multiply(
        EXACT.subtract(gb_seconds(now.memory_mb, now.billed_ms), gb_seconds(wanted_mb, at_wanted_ms)),
        gb_second_price,
    )
    if saved <= 0:
        return None
    assumed = (
        "duration measured at both sizes"
        if measured
        else "if the duration stays: it was not measured at this size"
    )
    return Proposal(wanted_mb, saved, measured is not None, f"{reason}; {assumed}")


def _wanted(used_mb: int) -> int:
    with_headroom = ceil(used_mb * (100 + _HEADROOM_PERCENT) / 100)
    return max(_LEAST_MB, -(-with_headroom // _STEP_MB) * _STEP_MB)


def _expected_ms(now: MemoryUse, measured: MemoryUse | None) -> int:
    """Billed time of as many invocations at the other size."""
    return now.billed_ms if measured is None else measured.billed_ms * now.invocations // measured.invocations


@dataclass(frozen=True)
class Environment:
    """A sandbox of provisioned concurrency, as its invocations show it: from its first one to its last."""

    memory_mb: int
    first_ms: int
    last_ms: int
    busy_ms: int


def idle_concurrency(environments: Sequence[Environment], gb_second_price: Decimal) -> Decimal:
    """What provisioned sandboxes cost while they did nothing, between their first and last invocation.

    No telemetry tells how much concurrency is configured: what never ran at all is not in it.
    """
    idle = exact_sum(
        gb_seconds(one.memory_mb, max(0, one.last_ms - one.first_ms - one.busy_ms)) for one in environments
    )
    return EXACT.multiply(idle, gb_second_price)
