"""One run of a function: all that is known of it, from whomever."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from coldlight_storage import Row

_SOURCES = {1: "span", 2: "telemetry", 4: "log"}
"""The bits of `Sources`."""


@dataclass(frozen=True)
class Run:
    """What is None is not known, and never 0. `_ms` are milliseconds, `_mb` are 2^20 bytes.

    An asynchronous invocation that is retried has one `request_id` and several runs: `attempt` 1, 2, 3.
    `duration_ms` is the platform's, or as long as that is missing the span's. `billed_ms` is the platform's, and includes what it
    bills of the init and the restore. `init_ms` and `restore_ms` are there if the run had to wait for them (`cold_start`).
    """

    request_id: str
    attempt: int
    function: str
    start_time_unix_nano: int
    account: str | None = None
    region: str | None = None
    version: str | None = None
    alias: str | None = None
    service_version: str | None = None
    instance: str | None = None
    architecture: str | None = None
    runtime_version: str | None = None
    trace_id: str | None = None
    span_id: str | None = None
    status: str | None = None
    error_type: str | None = None
    error_message: str | None = None
    duration_ms: float | None = None
    billed_ms: int | None = None
    cold_start: bool | None = None
    init_type: str | None = None
    init_ms: float | None = None
    restore_ms: float | None = None
    billed_restore_ms: int | None = None
    response_latency_ms: float | None = None
    timeout_ms: float | None = None
    memory_mb: int | None = None
    max_memory_used_mb: int | None = None
    produced_bytes: int | None = None
    trigger: str | None = None
    trigger_name: str | None = None
    tenant_id: str | None = None
    sources: tuple[str, ...] = ()


@dataclass(frozen=True)
class Sandbox:
    """What the platform told of a sandbox when it started."""

    init_type: str | None = None
    init_ms: float | None = None
    restore_ms: float | None = None
    runtime_version: str | None = None


_TEXTS = (
    "account",
    "region",
    "version",
    "alias",
    "service_version",
    "instance",
    "architecture",
    "trace_id",
    "span_id",
    "status",
    "error_type",
    "error_message",
    "init_type",
    "trigger",
    "trigger_name",
    "tenant_id",
)
_AS_THEY_ARE = (
    "request_id",
    "attempt",
    "function",
    "duration_ms",
    "billed_ms",
    "init_ms",
    "restore_ms",
    "billed_restore_ms",
    "response_latency_ms",
    "timeout_ms",
    "memory_mb",
    "max_memory_used_mb",
    "produced_bytes",
)


def run_from_row(row: Row) -> Run:
    """Of a row of `runs_of_requests.sql`."""
    told: dict[str, Any] = {name: row[name] for name in _AS_THEY_ARE}
    told |= {name: row[name] or None for name in _TEXTS}
    return Run(
        **told,
        start_time_unix_nano=row["start_ns"],
        cold_start=None if row["is_cold"] is None else bool(row["is_cold"]),
        sources=tuple(name for bit, name in _SOURCES.items() if row["sources"] & bit),
    )


def sandbox_from_row(row: Row) -> Sandbox:
    """Of a row of `sandboxes.sql`."""
    return Sandbox(
        row["init_type"] or None, row["init_ms"], row["restore_ms"], row["runtime_version"] or None
    )


def in_its_sandbox(run: Run, sandboxes: Mapping[str, Sandbox]) -> Run:
    """With what only the sandbox's start told. How long that took concerns a run only if it had to wait."""
    sandbox = sandboxes.get(run.instance or "")
    if sandbox is None:
        return run
    waited = run.cold_start and run.init_ms is None and run.restore_ms is None
    return replace(
        run,
        init_type=run.init_type or sandbox.init_type,
        runtime_version=sandbox.runtime_version,
        init_ms=sandbox.init_ms if waited else run.init_ms,
        restore_ms=sandbox.restore_ms if waited else run.restore_ms,
    )
