"""The worked examples of AWS's pricing pages come out to the cent.

https://aws.amazon.com/lambda/pricing/ (as of 2026), https://aws.amazon.com/step-functions/pricing/; higher tiers: the golden
outputs of Infracost, which are made from AWS's price list.
"""

from datetime import date
from decimal import Decimal

import pytest

from coldlight_query.cost.lambda_usage import (
    ARM,
    PROVISIONED,
    X86,
    managed_instances,
    provisioned_concurrency,
    snapshot_cache,
)
from coldlight_query.cost.month import DayUsage, Line, month_lines, total
from coldlight_query.cost.price_tables import shipped_table
from coldlight_query.cost.usage import Usage, gb_seconds

DAY = date(2026, 11, 23)
US = "us-east-1"
M = 1_000_000


def functions(
    count: int, ms: int, memory_mb: int, architecture: str = X86, kind: str = "gb_seconds"
) -> list[Usage]:
    """So many invocations of so many billed milliseconds."""
    return [
        Usage("lambda", US, "requests", Decimal(count)),
        Usage("lambda", US, f"{kind}_{architecture}", gb_seconds(memory_mb, count * ms)),
    ]


def used(dimension: str, quantity: int | str, service: str = "lambda") -> Usage:
    return Usage(service, US, dimension, Decimal(quantity))


def bill(*usages: Usage, free: bool = True) -> list[Line]:
    days = [DayUsage("123456789012", DAY, usage) for usage in usages]
    return month_lines(days, shipped_table(), with_free_tiers=free)


def cents(*usages: Usage, free: bool = True) -> str:
    return f"{total(bill(*usages, free=free)):.2f}"


def test_a_mobile_backend_with_the_free_tier() -> None:
    """Ephemeral storage, example 1: $2.33 + $0.40."""
    assert cents(*functions(3 * M, 120, 1536)) == "2.73"


def test_streaming_telemetry_without_the_free_tier() -> None:
    """Ephemeral storage, example 2."""
    assert cents(*functions(10_000 * 24 * 31, 2000, 1024), free=False) == "249.49"


def test_machine_learning_with_two_gigabytes_of_tmp() -> None:
    """Ephemeral storage, example 3: $105.33 + $1 + $0.08."""
    storage = Usage("lambda", US, "storage_gb_seconds", gb_seconds(2048 - 512, 6 * M * 280))
    assert cents(*functions(6 * M, 280, 4096), storage) == "106.41"


def test_provisioned_concurrency_for_a_launch_day() -> None:
    """Provisioned concurrency, example 1: $18 + $0.40 + $0.73 + $0.83. The free tier is not for provisioned duration."""
    with_it = functions(500_000, 100, 1536, kind="provisioned_duration_gb_seconds")
    without = functions(2_500_000, 120, 1536)
    assert cents(provisioned_concurrency(US, X86, 1536, 100, 8 * 3600), *with_it, *without) == "19.96"


def test_provisioned_concurrency_for_a_day_of_sale() -> None:
    """Provisioned concurrency, example 2: $10.08 + $21.78 + $0.40."""
    run = functions(2 * M, 280, 4096, kind="provisioned_duration_gb_seconds")
    assert cents(provisioned_concurrency(US, X86, 4096, 7, 24 * 3600), *run, free=False) == "32.26"


def test_snapstart() -> None:
    """SnapStart: $1.49 + $248.00 + $4.03 + $10.40. The page adds rounded lines: 263.92."""
    run = functions(10_000 * 24 * 31, 2000, 1024)
    lines = bill(
        *run, snapshot_cache(US, 1024, 31 * 86_400_000), used("snapstart_restore_gb", 74_400), free=False
    )
    amounts = {line.dimension: f"{line.amount:.2f}" for line in lines}
    assert amounts == {
        "requests": "1.49",
        "gb_seconds_x86": "248.00",
        "snapstart_cache_gb_seconds": "4.03",
        "snapstart_restore_gb": "10.40",
    }


def test_streamed_responses() -> None:
    """Response streaming: $30.83 + $0.40 + $7.81, with its free 100 GB used up elsewhere."""
    beyond = used("streamed_gb", str(Decimal(M) / 1024))
    run = bill(*functions(3 * M, 500, 1536))
    assert f"{total(run) + total(bill(beyond, free=False)):.2f}" == "39.05"
    assert [f"{line.amount:.2f}" for line in [*bill(beyond, free=False), *run]] == ["7.81", "30.83", "0.40"]


def test_durable_functions() -> None:
    """Durable functions: $421.34 + $0.20 + $32.00 + $26.00 + $10.92."""
    compute = Usage("lambda", US, f"gb_seconds_{ARM}", gb_seconds(1024, M * 32_000))
    retained = Decimal(104) * 21 / 30
    lines = [
        used("requests", 2 * M),
        compute,
        used("durable_operations", 4 * M),
        used("durable_written_gb", 104),
        used("durable_retained_gb_months", str(retained)),
    ]
    assert cents(*lines) == "490.46"


def test_tenant_isolation() -> None:
    """Tenant isolation: $2 + $333.34 + $33.40, of which the page's sum says 368.74."""
    assert (
        cents(*functions(10 * M, 2000, 1024), used("tenant_environment_gb_x86", 200_000), free=False)
        == "368.73"
    )


def test_managed_instances() -> None:
    """Managed Instances: $20 of requests and $48.96 of Lambda's fee, at EC2's on-demand price."""
    hours = Decimal(2000)
    capacity, fee = managed_instances(US, "m7g.xlarge", hours, Decimal("0.1632"))
    assert cents(used("requests", 100 * M), fee, free=False) == "68.96"
    assert cents(capacity) == "326.40"


def test_edge() -> None:
    """Lambda@Edge: $0.63 + $6.00."""
    seconds = Usage("lambda", US, "edge_gb_seconds", gb_seconds(128, 10 * M * 10))
    assert cents(used("edge_requests", 10 * M), seconds) == "6.63"


def test_event_pollers() -> None:
    """Provisioned mode of event source mappings: 800 hours of Kafka's, 8,000 of SQS's."""
    assert cents(used("event_poller_unit_hours_kafka", 800)) == "148.00"
    assert cents(used("event_poller_unit_hours_sqs", 8000)) == "74.00"


@pytest.mark.parametrize(
    ("architecture", "gb_seconds_used", "amount"),
    [(X86, 61_440 * M, "854203.30"), (ARM, 74_752 * M, "832358.16"), (X86, 9_216 * M, "148240.20")],
)
def test_every_tier_of_compute(architecture: str, gb_seconds_used: int, amount: str) -> None:
    """Infracost, lambda_function_test.golden."""
    assert cents(used(f"gb_seconds_{architecture}", gb_seconds_used), free=False) == amount


def test_express_workflows() -> None:
    """Step Functions, example 4: 100 million workflows of 10 seconds in 64 MB are $100 + $382.97."""
    lines = [
        used("express_requests", 100 * M, "stepfunctions"),
        Usage("stepfunctions", US, "express_gb_seconds", gb_seconds(64, 100 * M * 10_000)),
    ]
    assert f"{total(bill(*lines)):.0f}" == "483"


def test_calls_of_other_services() -> None:
    """Infracost's goldens: api_gateway_rest_api, apigatewayv2_api, dynamodb_table, sqs_queue, sfn_state_machine."""
    assert cents(used("rest_requests", 21_000 * M, "apigateway")) == "49763.10"
    assert cents(used("http_requests", 1000 * M, "apigateway")) == "930.00"
    assert cents(used("websocket_messages", 1500 * M, "apigateway")) == "1400.00"
    assert cents(used("write_units", 3 * M, "dynamodb")) == "1.88"
    assert cents(used("read_units", 8 * M, "dynamodb")) == "1.00"
    assert cents(used("requests", 2 * M, "sqs"), free=False) == "0.80"
    assert cents(used("transitions", 10_000, "stepfunctions"), free=False) == "0.25"


def test_the_free_tier_of_a_month_is_for_both_architectures_and_all_regions_together() -> None:
    here, there = (
        Usage("lambda", region, "gb_seconds_x86", Decimal(300_000)) for region in (US, "eu-west-1")
    )
    assert sum(line.free for line in bill(here, there)) == 400_000
    assert PROVISIONED not in {line.dimension for line in bill(here, there)}
