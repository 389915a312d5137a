"""What one invocation costs, and one call."""

from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Any

from coldlight_query.cost.call_usage import Call, is_priced, usage_of_call
from coldlight_query.cost.lambda_usage import ARCHITECTURES, BilledRun, usage_of_run
from coldlight_query.cost.price_tables import partition_of
from coldlight_query.cost.pricing import Cost, price
from coldlight_query.cost.spending import Tables
from coldlight_query.cost.usage import Usage
from coldlight_query.invocations.run import Run

CALLS = "calls"
"""The dimension of services that are not known here: it has no price."""


def cost_of_run(run: Run, tables: Tables) -> Cost:
    """What Lambda bills of a run: nothing of what it called, or of what delivered its event."""
    billed = billed_run(run)
    return price(usage_of_run(billed), tables[partition_of(run.region or "")], billed.day)


def billed_run(run: Run) -> BilledRun:
    """What of a run its price depends on."""
    return BilledRun(
        day=day_of(run.start_time_unix_nano),
        region=run.region,
        memory_mb=run.memory_mb,
        billed_ms=run.billed_ms,
        duration_ms=run.duration_ms,
        init_ms=run.init_ms,
        architecture=ARCHITECTURES.get(run.architecture or ""),
        init_type=run.init_type,
        is_restored=run.restore_ms is not None,
        is_java=(run.runtime_version or "").lower().startswith("java"),
        is_new_tenant_environment=run.tenant_id is not None and run.cold_start is True,
    )


def cost_of_call(call: Call, day: date, tables: Tables) -> Cost:
    """What a call of an AWS API costs; its amount is None for a service without prices."""
    return price(usages_of(call), tables[partition_of(call.region)], day)


def usages_of(call: Call) -> list[Usage]:
    """As `usage_of_call`; of a service without prices the call itself, so that it is named."""
    return usage_of_call(call) if is_priced(call.service) else [call.usage(call.service, CALLS, 1)]


def figures(cost: Cost) -> Mapping[str, Any]:
    """`cost_usd` and `cost_basis`, as every answer with a cost has them."""
    return {"cost_usd": cost.usd, "cost_basis": cost.basis}


def day_of(unix_nano: int) -> date:
    """In UTC, as AWS bills."""
    return datetime.fromtimestamp(unix_nano // 10**9, UTC).date()
