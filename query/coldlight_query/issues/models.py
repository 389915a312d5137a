"""The answers of `/issues`, and what is said of one."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from coldlight_query.models import UnixNano


class SpanPlace(BaseModel):
    """Where to look."""

    trace_id: str
    span_id: str


class IssueSummary(BaseModel):
    """Errors of one kind in one function or service."""

    id: str = Field(
        description="Its fingerprint: of function, type, innermost own frame, message without numbers and ids"
    )
    function: str = Field(description="Or service")
    type: str = Field(examples=["KeyError", "Sandbox.Timedout"])
    message: str = Field(description="Of the last one")
    frame: str | None = Field(description="The innermost frame of its own code: `file:function`")
    state: str = Field(
        description="`open`, `resolved`, `regressed` (seen again since it was resolved) or `muted`"
    )
    muted_until_unix_nano: UnixNano | None
    first_seen_unix_nano: UnixNano
    last_seen_unix_nano: UnixNano
    occurrences: int = Field(description="All that is kept; in one trace one for each sandbox or process")
    occurrences_in_range: int
    versions: list[str]
    last: SpanPlace


class Issues(BaseModel):
    """Issues, the one seen last first."""

    issues: list[IssueSummary]
    total: int = Field(description="How many there are; raise `limit` for more")


class IssueHour(BaseModel):
    start_time_unix_nano: UnixNano
    occurrences: int


class IssueSample(SpanPlace):
    """One of the last errors."""

    time_unix_nano: UnixNano
    message: str
    version: str | None


class Issue(IssueSummary):
    """One issue over time, with traces to look at."""

    hours: list[IssueHour] = Field(description="Those in which it was seen")
    samples: list[IssueSample]


class IssueState(BaseModel):
    """What is said of an issue."""

    model_config = ConfigDict(extra="forbid")

    state: Literal["open", "resolved", "muted"]
    muted_for: str | None = Field(None, description="Such as `24h`; without it until somebody opens it again")
