"""What holds for any usage: sums do not depend on how they are cut, more is never cheaper, shares add up."""

from datetime import date
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from coldlight_query.cost.month import DayUsage, month_lines, tiered, total
from coldlight_query.cost.price_tables import Tier, shipped_table
from coldlight_query.cost.shares import share_of_records, shared
from coldlight_query.cost.usage import Usage, gb_seconds

days = st.integers(1, 30).map(lambda day: date(2026, 11, day))
dimensions = st.sampled_from(["gb_seconds_x86", "gb_seconds_arm", "storage_gb_seconds"])
regions = st.sampled_from(["us-east-1", "eu-west-1", "af-south-1", "xx-nowhere-1"])
runs = st.builds(
    lambda account, day, region, dimension, memory_mb, ms: DayUsage(
        account, day, Usage("lambda", region, dimension, gb_seconds(memory_mb, ms))
    ),
    st.sampled_from(["1", "2"]),
    days,
    regions,
    dimensions,
    st.integers(128, 10_240),
    st.integers(0, 10**16),
)
quantities = st.decimals(0, 10**12, places=6)
tiers = st.lists(st.tuples(quantities, st.decimals(0, 1, places=10)), min_size=1, max_size=4).map(
    lambda pairs: (
        *(Tier(limit, price) for limit, price in sorted(dict(pairs[:-1]).items())),
        Tier(None, pairs[-1][1]),
    )
)


@given(st.lists(runs, max_size=20), st.randoms(use_true_random=False))
def test_a_month_costs_the_same_however_it_is_cut_into_days(usage: list[DayUsage], random: object) -> None:
    merged = [DayUsage(entry.account, date(2026, 11, 1), entry.usage) for entry in usage]
    assert total(month_lines(usage, shipped_table())) == total(month_lines(merged[::-1], shipped_table()))


@given(st.lists(runs, max_size=20))
def test_a_month_is_the_published_formula_over_the_table(usage: list[DayUsage]) -> None:
    """(quantity - free) in tiers, for each account, region and architecture."""
    for line in month_lines(usage, shipped_table()):
        found = shipped_table().find(line.service, line.region, line.dimension, date(2026, 11, 1))
        assert found is not None
        assert line.amount == tiered(found.price.tiers, Decimal(0), line.quantity - line.free)


@given(tiers, quantities, quantities, quantities)
def test_tiers_are_monotone_and_add_up(
    table: tuple[Tier, ...], start: Decimal, first: Decimal, then: Decimal
) -> None:
    whole = tiered(table, start, first + then)
    assert whole == tiered(table, start, first) + tiered(table, start + first, then)
    assert whole >= tiered(table, start, first) >= 0


@given(st.decimals(0, 10**6, places=18), st.lists(st.integers(0, 1000), min_size=1, max_size=50))
def test_shares_of_a_batch_add_up_to_its_whole_to_the_last_digit(whole: Decimal, weights: list[int]) -> None:
    shares = shared(whole, weights)
    assert sum(shares) == whole
    assert all(share >= 0 for share in shares)


@given(st.decimals(0, 10**6, places=12), st.integers(1, 10_000))
def test_equal_records_bear_equal_shares(whole: Decimal, records: int) -> None:
    shares = shared(whole, [1] * records)
    assert max(shares) - min(shares) <= Decimal("0.000000000001")


@given(st.decimals(0, 10**6, places=15), st.lists(st.integers(0, 3), min_size=1, max_size=50))
def test_requests_that_meet_in_a_batch_bear_its_whole_together(whole: Decimal, requests: list[int]) -> None:
    """Record by record: which request caused it."""
    own = [[place for place, request in enumerate(requests) if request == one] for one in set(requests)]
    assert sum(share_of_records(whole, len(requests), places) for places in own) == whole
