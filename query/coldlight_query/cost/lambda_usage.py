"""An invocation as usage.

Billed time is believed as the platform reports it: since August 2025 it includes the init phase of every function,
and always that of a restore, so that nothing is added to it here. What no telemetry tells is not in it: /tmp beyond
512 MB where the function's configuration is unknown, data transfer.

Source: https://aws.amazon.com/lambda/pricing/
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from math import ceil

from coldlight_query.cost.usage import EXACT, Usage, chunks, gb, gb_of_bytes, gb_seconds

LAMBDA = "lambda"
X86, ARM = "x86", "arm"
ARCHITECTURES = {"x86_64": X86, "amd64": X86, "arm64": ARM, "aarch64": ARM}
"""Lambda's names and OpenTelemetry's (`host.arch`)."""

INIT_IS_BILLED_SINCE = date(2025, 8, 1)
"""https://aws.amazon.com/blogs/compute/aws-lambda-standardizes-billing-for-init-phase/"""

PROVISIONED, SNAP_START, MANAGED = "provisioned-concurrency", "snap-start", "lambda-managed-instances"
"""`aws.lambda.init_type`, as the Telemetry API names them."""

_FREE_STORAGE_MB = 512
_FREE_STREAM_BYTES = 6 * 1024**2
_ASYNC_BYTES, _ASYNC_CHUNK_BYTES = 256 * 1024, 64 * 1024

_REGION_UNKNOWN = ""


@dataclass(frozen=True)
class BilledRun:
    """What is billed of an invocation, or of `invocations` alike, as far as it is known: None is unknown, and never 0.

    Of several, times are those of all of them together, and everything else is true of each.

    `streamed_bytes` counts only where the response was streamed, `async_event_bytes` only where the invocation was
    asynchronous, `is_restored` where a snapshot was restored for it, `is_new_tenant_environment` where it is a cold start of a
    function with tenant isolation.
    """

    day: date
    region: str | None
    memory_mb: int | None
    billed_ms: int | None
    duration_ms: float | None = None
    init_ms: float | None = None
    architecture: str | None = None
    init_type: str | None = None
    storage_mb: int | None = None
    streamed_bytes: int | None = None
    async_event_bytes: int | None = None
    is_restored: bool = False
    is_java: bool = False
    is_new_tenant_environment: bool = False
    is_edge: bool = False
    invocations: int = 1


def usage_of_run(run: BilledRun) -> list[Usage]:
    """All that an invocation uses of Lambda. A run of Managed Instances has no billed time: what its instances
    cost (`managed_instances`) is shared by the durations of all runs on them (`shares.shared`)."""
    usages = [_requests(run)]
    if run.init_type == MANAGED:
        return usages
    usages.extend(_duration(run))
    usages.extend(_beside(run))
    return usages


def _requests(run: BilledRun) -> Usage:
    """One, and for an asynchronous event one more for each 64 KB beyond 256 KB."""
    beyond = max(0, (run.async_event_bytes or 0) - _ASYNC_BYTES)
    count = 1 + (chunks(beyond, _ASYNC_CHUNK_BYTES) if beyond else 0)
    reasons = ("the capacity of Managed Instances is not in it",) if run.init_type == MANAGED else ()
    dimension = "edge_requests" if run.is_edge else "requests"
    return _usage(run, dimension, Decimal(count * run.invocations), *reasons)


def _duration(run: BilledRun) -> Iterator[Usage]:
    """GB-seconds of function time and, where they are known, of /tmp."""
    billed_ms, assumed = _billed(run)
    if billed_ms is None or run.memory_mb is None:
        missing = "memory" if run.memory_mb is None else "duration"
        yield _usage(
            run, _duration_dimension(run), Decimal(0), f"{missing} unknown: only the request is priced"
        )
        return
    architecture = () if run.architecture or run.is_edge else ("architecture unknown: priced as x86",)
    quantity = gb_seconds(run.memory_mb, billed_ms)
    yield _usage(run, _duration_dimension(run), quantity, *assumed, *architecture)
    if run.storage_mb is not None and run.storage_mb > _FREE_STORAGE_MB:
        storage = gb_seconds(run.storage_mb - _FREE_STORAGE_MB, billed_ms)
        yield _usage(run, "storage_gb_seconds", storage, *assumed)


def _billed(run: BilledRun) -> tuple[int | None, tuple[str, ...]]:
    """Billed milliseconds, and what was assumed where the platform did not report them."""
    if run.billed_ms is not None:
        return run.billed_ms, ()
    if run.duration_ms is None:
        return None, ()
    is_init_billed = run.day >= INIT_IS_BILLED_SINCE and run.init_type != PROVISIONED
    init_ms = (run.init_ms or 0) if is_init_billed else 0
    return ceil(run.duration_ms + init_ms), (
        "the platform's report is missing: billed time from the duration",
    )


def _duration_dimension(run: BilledRun) -> str:
    if run.is_edge:
        return "edge_gb_seconds"
    kind = "provisioned_duration_gb_seconds" if run.init_type == PROVISIONED else "gb_seconds"
    return f"{kind}_{run.architecture or X86}"


def _beside(run: BilledRun) -> Iterator[Usage]:
    """Restored snapshots (not of Java), streamed bytes, environments of tenants."""
    if run.is_restored and not run.is_java and run.memory_mb is not None:
        yield _usage(run, "snapstart_restore_gb", gb(run.memory_mb * run.invocations))
    if run.streamed_bytes is not None and run.streamed_bytes > _FREE_STREAM_BYTES:
        beyond = run.streamed_bytes - _FREE_STREAM_BYTES
        yield _usage(run, "streamed_gb", gb_of_bytes(beyond * run.invocations))
    if run.is_new_tenant_environment and run.memory_mb is not None:
        yield _usage(
            run, f"tenant_environment_gb_{run.architecture or X86}", gb(run.memory_mb * run.invocations)
        )


def _usage(run: BilledRun, dimension: str, quantity: Decimal, *reasons: str) -> Usage:
    return Usage(LAMBDA, run.region or _REGION_UNKNOWN, dimension, quantity, reasons)


def provisioned_concurrency(
    region: str, architecture: str, memory_mb: int, concurrency: int, enabled_s: int
) -> Usage:
    """Configured concurrency, used or idle, from its start to its end, rounded up to five minutes."""
    paid_ms = chunks(enabled_s, 300) * 300 * 1000
    quantity = gb_seconds(memory_mb * concurrency, paid_ms)
    return Usage(LAMBDA, region, f"provisioned_gb_seconds_{architecture}", quantity)


def snapshot_cache(region: str, memory_mb: int, active_ms: int) -> Usage:
    """A published version with SnapStart (not of Java): three hours at least, by the millisecond after that."""
    return Usage(
        LAMBDA, region, "snapstart_cache_gb_seconds", gb_seconds(memory_mb, max(active_ms, 3 * 3600 * 1000))
    )


def managed_instances(
    region: str, instance_type: str, instance_hours: Decimal, on_demand_price: Decimal
) -> list[Usage]:
    """The capacity of Managed Instances: EC2's hours, and Lambda's fee on their on-demand price."""
    fee = EXACT.multiply(instance_hours, on_demand_price)
    return [
        Usage("ec2", region, f"{instance_type}_hours", instance_hours),
        Usage(LAMBDA, region, "managed_instances_fee", fee),
    ]
