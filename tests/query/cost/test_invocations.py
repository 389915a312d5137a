"""What an invocation costs, and how sure that is."""

from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest

from coldlight_query.cost.lambda_usage import ARM, MANAGED, PROVISIONED, BilledRun, usage_of_run
from coldlight_query.cost.price_tables import PriceTable, partition_of, shipped_table
from coldlight_query.cost.pricing import Cost, price

RUN = BilledRun(day=date(2026, 11, 23), region="us-east-1", memory_mb=128, billed_ms=100, architecture="x86")


def cost(run: BilledRun, table: PriceTable | None = None) -> Cost:
    return price(usage_of_run(run), table or shipped_table(partition_of(run.region or "")), run.day)


def amount(run: BilledRun) -> Decimal:
    found = cost(run).amount
    assert found is not None
    return found


def test_a_reported_invocation_is_exact() -> None:
    """0.2 millionths for the request, 0.0125 GB-seconds."""
    found = cost(RUN)
    assert found.amount == Decimal("0.0000002") + Decimal("0.0125") * Decimal("0.0000166667")
    assert found.basis["kind"] == "exact"
    assert found.basis["prices"] == "2026-11-23"


def test_billed_time_is_believed_and_init_not_added_again() -> None:
    """A REPORT line of 2026: 1233.96 ms and 463.512 ms of init are 1698 ms billed."""
    cold = replace(RUN, billed_ms=1698, duration_ms=1233.96, init_ms=463.512)
    assert amount(cold) == amount(replace(RUN, billed_ms=1698))


def test_an_older_line_did_not_bill_init() -> None:
    cold = replace(RUN, day=date(2025, 7, 31), billed_ms=None, duration_ms=100, init_ms=400)
    assert amount(cold) == amount(RUN)
    assert amount(replace(cold, day=date(2025, 8, 1))) == amount(replace(RUN, billed_ms=500))


def test_a_missing_report_is_estimated_from_the_duration() -> None:
    found = cost(replace(RUN, billed_ms=None, duration_ms=99.2))
    assert found.amount == amount(RUN)
    assert found.why_estimated == ["the platform's report is missing: billed time from the duration"]


def test_without_memory_only_the_request_has_a_price() -> None:
    found = cost(replace(RUN, memory_mb=None))
    assert found.amount == Decimal("0.0000002")
    assert found.why_estimated == ["memory unknown: only the request is priced"]


def test_arm_is_a_fifth_cheaper_and_an_unknown_architecture_says_so() -> None:
    assert amount(replace(RUN, architecture=ARM)) < amount(RUN)
    unknown = cost(replace(RUN, architecture=None))
    assert unknown.amount == amount(RUN)
    assert unknown.why_estimated == ["architecture unknown: priced as x86"]


def test_a_region_with_its_own_rates() -> None:
    assert amount(replace(RUN, region="af-south-1")) == Decimal("0.00000027") + Decimal("0.0125") * Decimal(
        "0.0000221"
    )
    assert cost(replace(RUN, region="af-south-1")).basis["kind"] == "exact"


def test_an_unknown_region_is_priced_as_the_default_and_flagged() -> None:
    found = cost(replace(RUN, region="mx-central-1"))
    assert found.amount == amount(RUN)
    assert found.why_estimated == [
        "region mx-central-1: lambda requests priced as in us-east-1",
        "region mx-central-1: lambda gb_seconds_x86 priced as in us-east-1",
    ]


def test_china_bills_in_yuan() -> None:
    found = cost(replace(RUN, region="cn-north-1"))
    assert found.amount == Decimal("0.00000136") + Decimal("0.0125") * Decimal("0.000113477")
    assert found.usd is None
    assert found.basis["currency"] == "CNY"


def test_storage_beyond_512_mb() -> None:
    assert amount(replace(RUN, storage_mb=1536)) - amount(RUN) == Decimal("0.1") * Decimal("0.0000000309")
    assert amount(replace(RUN, storage_mb=512)) == amount(RUN)


def test_provisioned_concurrency_has_its_own_duration() -> None:
    run = replace(RUN, init_type=PROVISIONED)
    assert amount(run) == Decimal("0.0000002") + Decimal("0.0125") * Decimal("0.0000097222")


def test_a_restored_snapshot_costs_by_memory_but_not_of_java() -> None:
    restored = replace(RUN, is_restored=True)
    assert amount(restored) - amount(RUN) == Decimal("0.125") * Decimal("0.0001397998")
    assert amount(replace(restored, is_java=True)) == amount(RUN)


def test_streaming_costs_beyond_six_megabytes() -> None:
    gigabyte = 1024**3
    assert amount(replace(RUN, streamed_bytes=6 * 1024**2)) == amount(RUN)
    assert amount(replace(RUN, streamed_bytes=gigabyte + 6 * 1024**2)) - amount(RUN) == Decimal("0.008")


@pytest.mark.parametrize(("size", "requests"), [(256 * 1024, 1), (256 * 1024 + 1, 2), (1024 * 1024, 13)])
def test_large_asynchronous_events_are_several_requests(size: int, requests: int) -> None:
    assert usage_of_run(replace(RUN, async_event_bytes=size))[0].quantity == requests


def test_managed_instances_bill_the_request_and_their_capacity_elsewhere() -> None:
    found = cost(replace(RUN, init_type=MANAGED, billed_ms=None))
    assert found.amount == Decimal("0.0000002")
    assert found.why_estimated == ["the capacity of Managed Instances is not in it"]


def test_a_new_environment_of_a_tenant() -> None:
    run = replace(RUN, is_new_tenant_environment=True)
    assert amount(run) - amount(RUN) == Decimal("0.125") * Decimal("0.000167")
