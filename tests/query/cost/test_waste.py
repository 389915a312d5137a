"""What need not have been paid."""

from decimal import Decimal

from coldlight_query.cost.waste import (
    Environment,
    MemoryUse,
    idle_concurrency,
    right_size,
)

RATE = Decimal("0.0000166667")
NOW = MemoryUse(memory_mb=1024, p99_used_mb=300, invocations=1000, billed_ms=200_000)


def test_memory_that_is_never_used_could_be_given_back() -> None:
    """300 MB and a fifth are 360 MB: 384."""
    proposal = right_size([NOW], RATE)
    assert proposal is not None
    assert proposal.memory_mb == 384
    assert proposal.saved == Decimal(200) * (Decimal(1) - Decimal("0.375")) * RATE
    assert not proposal.is_measured
    assert "if the duration stays" in proposal.reason


def test_a_saving_is_certain_only_where_both_sizes_were_measured() -> None:
    before = MemoryUse(memory_mb=384, p99_used_mb=290, invocations=100, billed_ms=30_000)
    proposal = right_size([NOW, before], RATE)
    assert proposal is not None
    assert proposal.is_measured
    assert proposal.saved == (Decimal(200) - Decimal("112.5")) * RATE


def test_a_smaller_size_that_was_measured_and_costs_more_is_not_proposed() -> None:
    before = MemoryUse(memory_mb=384, p99_used_mb=290, invocations=100, billed_ms=60_000)
    assert right_size([NOW, before], RATE) is None


def test_a_function_that_is_nearly_full_should_have_more() -> None:
    proposal = right_size([MemoryUse(512, 500, 1000, 200_000)], RATE)
    assert proposal is not None
    assert (proposal.memory_mb, proposal.saved) == (640, None)


def test_little_is_not_enough_to_judge_by() -> None:
    assert right_size([MemoryUse(1024, 100, 99, 1000)], RATE) is None


def test_provisioned_sandboxes_that_stand_idle() -> None:
    sandboxes = [Environment(1024, 0, 60_000, 15_000), Environment(1024, 0, 1000, 2000)]
    assert idle_concurrency(sandboxes, Decimal("0.0000041667")) == 45 * Decimal("0.0000041667")
