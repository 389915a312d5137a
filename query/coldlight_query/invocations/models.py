"""What the API answers about functions and their runs. What is null is not known."""

from typing import Literal

from pydantic import BaseModel, Field

from coldlight_query.cost.models import CostBasis
from coldlight_query.models import Cursor, UnixNano

RunStatus = Literal["success", "error", "out_of_memory", "timeout"]


class RunError(BaseModel):
    """Why a run failed: the exception that left the handler, or what the platform says."""

    type: str | None = Field(examples=["ValueError", "Runtime.OutOfMemory", "Sandbox.Timedout"])
    message: str | None


class Invocation(BaseModel):
    """One run of a function."""

    request_id: str
    attempt: int = Field(description="An asynchronous invocation that is retried has a run for each attempt")
    function: str = Field(description="Its name; of a sender that does not tell one, its service's")
    arn: str | None = Field(description="Of the function, without a version")
    account: str | None
    region: str | None
    version: str | None
    alias: str | None = Field(description="By which it was invoked")
    service_version: str | None
    instance: str | None = Field(description="The sandbox that ran it, by its log stream")
    architecture: str | None
    runtime_version: str | None
    trace_id: str | None
    span_id: str | None = Field(description="Its own span in that trace, if one was received")
    start_time_unix_nano: UnixNano
    duration_ms: float | None
    billed_ms: int | None = Field(description="As the platform reported it; null on Managed Instances")
    cold_start: bool | None
    init_type: str | None = Field(
        description="`on-demand`, `provisioned-concurrency`, `snap-start`, `lambda-managed-instances`"
    )
    init_ms: float | None = Field(description="How long this run waited for its sandbox to start")
    restore_ms: float | None
    billed_restore_ms: int | None
    response_latency_ms: float | None
    timeout_ms: float | None = Field(description="What it may take; known of runs that took it, or nearly")
    memory_mb: int | None
    max_memory_used_mb: int | None
    produced_bytes: int | None
    status: RunStatus | None = Field(description="null while nobody has told of its end")
    error: RunError | None
    trigger: str | None = Field(examples=["sqs", "apigateway-http", "http"])
    trigger_name: str | None = Field(description="Of the queue, topic, table or API")
    tenant_id: str | None = Field(description="Of Lambda's tenant isolation")
    sources: list[Literal["span", "telemetry", "log"]] = Field(description="Who has told of it so far")
    cost_usd: float | None = Field(
        description="What Lambda bills, at the marginal rate; nothing of what was called"
    )
    cost_basis: CostBasis


class RunsOfRequest(BaseModel):
    """All runs of one request id, the first attempt first."""

    request_id: str
    invocations: list[Invocation]


class Invocations(BaseModel):
    """Runs of a function, newest first."""

    invocations: list[Invocation]
    next_cursor: Cursor


class RunQuantiles(BaseModel):
    """Of the runs themselves, linear between two of them, as numpy and pandas have it (R-7)."""

    p50: float
    p95: float
    p99: float


class HealthWarning(BaseModel):
    """Something to worry about: `value` was above `threshold`. Shares are of 1, ages are milliseconds, others count runs."""

    rule: Literal[
        "errors",
        "high_errors",
        "out_of_memory",
        "timeouts",
        "memory",
        "timeout_near",
        "cold_starts",
        "throttles",
        "iterator_age",
    ]
    severity: Literal["warning", "critical"]
    message: str = Field(examples=["3 of 40 invocations failed (7.5%)"])
    value: float
    threshold: float


class Concurrency(BaseModel):
    """Runs at once."""

    average: float | None = Field(description="Time spent in runs, by the time that passed")
    peak: int | None = Field(description="By the starts and ends of the runs that were told of")
    sandboxes: int | None = Field(description="How many sandboxes ran it")
    reported_peak: float | None = Field(
        description="`ConcurrentExecutions` of CloudWatch, if its metrics are here"
    )


class FunctionVersion(BaseModel):
    """The runs of one version. `version` is null for those of which nobody told it."""

    version: str | None
    first_start_time_unix_nano: UnixNano = Field(description="In the stretch of time that was asked about")
    last_start_time_unix_nano: UnixNano
    invocations: int
    errors: int


class Function(BaseModel):
    """How a function did. `errors` has timeouts and runs out of memory, too."""

    name: str
    arn: str | None
    account: str | None
    region: str | None
    health: Literal["healthy", "warning", "critical"]
    warnings: list[HealthWarning]
    invocations: int
    errors: int
    timeouts: int
    out_of_memory: int
    throttles: int | None = Field(description="Of CloudWatch's metrics; null where these are not here")
    cold_starts: int | None
    cold_start_share: float | None = Field(description="Of those runs of which it is known", examples=[0.02])
    duration_ms: RunQuantiles | None
    cold_duration_ms: RunQuantiles | None = Field(description="Without the init, as the platform counts it")
    warm_duration_ms: RunQuantiles | None
    init_ms: RunQuantiles | None = Field(description="What cold starts waited for an init or a restore")
    billed_ms: int | None
    timeout_ms: float | None
    memory_mb: int | None = Field(description="Of the latest run")
    max_memory_used_mb: int | None
    memory_headroom_mb: int | None
    concurrency: Concurrency
    iterator_age_ms: float | None = Field(description="The highest, of CloudWatch's metrics")
    versions: list[FunctionVersion]
    cost_usd: float | None = Field(
        description="What Lambda bills, at the marginal rate; nothing of what was called"
    )
    cost_basis: CostBasis


class Functions(BaseModel):
    """Functions that ran in a stretch of time, by name."""

    start_time_unix_nano: UnixNano
    end_time_unix_nano: UnixNano
    functions: list[Function]
    next_cursor: Cursor


class FunctionOfStretch(BaseModel):
    """One function in a stretch of time."""

    start_time_unix_nano: UnixNano
    end_time_unix_nano: UnixNano
    function: Function


class Cohort(BaseModel):
    """Runs that are compared."""

    invocations: int
    errors: int
    error_share: float
    timeouts: int
    out_of_memory: int
    cold_starts: int
    cold_duration_ms: RunQuantiles | None
    warm_duration_ms: RunQuantiles | None
    billed_ms: int | None
    cost_usd: float | None = Field(
        description="What Lambda bills, at the marginal rate; nothing of what was called"
    )
    cost_basis: CostBasis


class Deployment(BaseModel):
    """A version of a function, and how it did against the versions before it."""

    function: str
    arn: str | None
    account: str | None
    region: str | None
    version: str | None = Field(description="Of Lambda; null where only `$LATEST` ran")
    service_version: str | None
    first_seen_unix_nano: UnixNano
    last_seen_unix_nano: UnixNano
    before: Cohort | None = Field(description="Other versions, in the window before it was first seen")
    after: Cohort | None = Field(description="This version, in the window after it was first seen")


class Deployments(BaseModel):
    """Deployments, newest first."""

    deployments: list[Deployment]
    next_cursor: Cursor
