"""The answers of the API, as its OpenAPI description shows them. Times and durations are nanoseconds."""

from typing import Annotated, Any

from pydantic import BaseModel, Field

Attributes = Annotated[
    dict[str, Any],
    Field(
        description="By key: plain JSON values; with `attributes=otlp`, OTLP/JSON values such as "
        '`{"intValue": "9007199254740993"}`, which lose nothing',
        examples=[{"http.response.status_code": 200}],
    ),
]
Cursor = Annotated[
    str | None, Field(description="Pass it as `cursor` for the next page; null on the last one")
]
UnixNano = Annotated[int, Field(description="Unix time in nanoseconds", examples=[1795435200000000000])]


class Status(BaseModel):
    """A span's status: `unset`, `ok` or `error`."""

    code: str
    message: str


class Scope(BaseModel):
    """The instrumentation scope that made a span or log record."""

    name: str
    version: str
    attributes: Attributes
    schema_url: str
    dropped_attributes_count: int


class Event(BaseModel):
    """Something that happened during a span."""

    name: str
    time_unix_nano: UnixNano
    attributes: Attributes
    dropped_attributes_count: int


class Link(BaseModel):
    """A span's link to another span, of this trace or another."""

    trace_id: str
    span_id: str
    trace_state: str
    attributes: Attributes
    flags: int
    dropped_attributes_count: int


class Span(BaseModel):
    """One span as it was sent. `parent_span_id` is null for a root."""

    span_id: str
    parent_span_id: str | None
    name: str
    kind: str = Field(description="`internal`, `server`, `client`, `producer`, `consumer` or `unspecified`")
    service: str
    start_time_unix_nano: UnixNano
    duration_ns: int
    status: Status
    attributes: Attributes
    resource: Attributes
    scope: Scope
    events: list[Event]
    links: list[Link]
    trace_state: str
    flags: int
    dropped_attributes_count: int
    dropped_events_count: int
    dropped_links_count: int
    resource_schema_url: str
    resource_dropped_attributes_count: int


class CriticalStep(BaseModel):
    """A stretch of time for which the whole trace waited on one span's own work."""

    span_id: str
    kind: str = Field(description="Which of the two, where the sides of a call share a span id, as in Zipkin")
    start_time_unix_nano: UnixNano
    duration_ns: int


class Trace(BaseModel):
    """One trace: its spans by start time, or a page of them."""

    trace_id: str
    start_time_unix_nano: UnixNano
    duration_ns: int
    span_count: int = Field(description="Of the spans received: those marked `coldlight.synthesised` are not")
    error_count: int
    spans: list[Span]
    critical_path: list[CriticalStep] = Field(
        description="In order of time; empty for a page of a larger trace"
    )
    warnings: list[str] = Field(description="What is missing or odd, in words")
    next_cursor: Cursor


class RootSpan(BaseModel):
    """The span a trace began with; without one among those received, the earliest span."""

    span_id: str
    service: str
    name: str
    status: str
    received: bool = Field(description="Whether a span without a parent has been received")


class TraceSummary(BaseModel):
    """One trace in a list."""

    trace_id: str
    start_time_unix_nano: UnixNano
    duration_ns: int
    span_count: int
    error_count: int
    root: RootSpan


class Traces(BaseModel):
    """Traces, newest first."""

    traces: list[TraceSummary]
    next_cursor: Cursor


class LogRecord(BaseModel):
    """One log record as it was sent. `body` is null when there was none."""

    id: str = Field(
        description="For `/logs/{id}/context`; opaque, and the same for records alike to the last byte"
    )
    time_unix_nano: UnixNano
    observed_time_unix_nano: UnixNano
    trace_id: str
    span_id: str | None
    flags: int
    severity_number: int
    severity_text: str
    event_name: str
    service: str
    body: Any
    attributes: Attributes
    resource: Attributes
    scope: Scope
    dropped_attributes_count: int
    resource_schema_url: str
    resource_dropped_attributes_count: int


class Logs(BaseModel):
    """Log records in order of time."""

    trace_id: str
    logs: list[LogRecord]
    next_cursor: Cursor


class FoundLogs(BaseModel):
    """Log records, newest first."""

    logs: list[LogRecord]
    next_cursor: Cursor


class LogContext(BaseModel):
    """A log record between what its sandbox or process wrote before and after it, all in order of time."""

    before: list[LogRecord]
    record: LogRecord
    after: list[LogRecord]


class TailedSpan(BaseModel):
    """A span as the tail tells it."""

    trace_id: str
    span_id: str
    parent_span_id: str | None
    name: str
    kind: str
    service: str
    start_time_unix_nano: UnixNano
    duration_ns: int
    status: Status


class Exemplar(BaseModel):
    """The span that explains a figure best: the slowest one, or of failures one that failed."""

    trace_id: str
    span_id: str


class Point(BaseModel):
    """A figure for the step of time that begins at `time_unix_nano`; null where there is none."""

    time_unix_nano: UnixNano
    value: float | None
    exemplar: Exemplar | None


class Series(BaseModel):
    """One measure of one group over time."""

    measure: str = Field(description="Or aggregation, of a metric")
    labels: dict[str, str] = Field(
        description="By what it was grouped; empty where an attribute is not there"
    )
    points: list[Point]


class MetricSeries(BaseModel):
    """Series over the same steps of time, the groups with the most calls first."""

    start_time_unix_nano: UnixNano
    end_time_unix_nano: UnixNano
    step_ns: int
    series: list[Series]
    warnings: list[str]
