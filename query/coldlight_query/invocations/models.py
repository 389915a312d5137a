"""What the API answers about functions and their runs. What is null is not known."""

from typing import Literal

from pydantic import BaseModel, Field

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
    cost_usd: float | None
    cost_basis: str | None


class RunsOfRequest(BaseModel):
    """All runs of one request id, the first attempt first."""

    request_id: str
    invocations: list[Invocation]


class Invocations(BaseModel):
    """Runs of a function, newest first."""

    invocations: list[Invocation]
    next_cursor: Cursor
