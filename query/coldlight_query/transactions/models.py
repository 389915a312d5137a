"""The answers of `/transactions`, as the API's description shows them."""

from pydantic import BaseModel, Field

from coldlight_query.cost.models import CostBasis
from coldlight_query.models import Cursor, UnixNano


class SpanRef(BaseModel):
    """A span, which may not have been received: then nothing but its ids is known."""

    trace_id: str
    span_id: str


class Invocation(BaseModel):
    """One run of a function within the transaction."""

    request_id: str
    attempt: int = Field(description="Which run of this request id it is, from 1")
    function: str
    version: str | None
    trace_id: str
    span_id: str
    start_time_unix_nano: UnixNano
    duration_ns: int
    status: str = Field(description="`ok`, `error` or `timeout`")
    billed_ms: int | None = Field(description="As Lambda reported it; null until it has")
    cost_usd: float | None = Field(
        description="Of its share in this transaction; null where no price is known"
    )
    full_cost_usd: float | None = Field(
        description="Of the whole invocation, other records of its batch included"
    )
    cost_basis: CostBasis | None = Field(description="Of the whole invocation")


class CostPart(SpanRef):
    """Something that a transaction pays for."""

    kind: str = Field(
        description="`invocation`, `delivery` (what brought the event, at its invocation's span) or `call` of an AWS API"
    )
    service: str = Field(examples=["lambda", "sqs", "dynamodb"])
    cost_usd: float | None = Field(
        description="This transaction's share, by its records in a batch; null where no price is known"
    )
    full_cost_usd: float | None = Field(description="Of the whole")
    cost_basis: CostBasis = Field(description="Of the whole")


class Hop(BaseModel):
    """A step from a producer to a consumer."""

    producer: SpanRef
    consumer: SpanRef
    evidence: str = Field(description="`exact`: by ids. `composite`: by names and times")
    rule: str = Field(
        description="What joined them: the kind of link key, `link`, or `parent`", examples=["sqs"]
    )
    key: str | None = Field(description="The link key that both have", examples=["sqs:8f2e"])
    keys: list[str] = Field(description="All link keys of the records that went this way")
    queue_wait_ms: float | None = Field(
        description="From the end of the sending to the start of the receiving; null for a call that is waited for, "
        "and where clocks disagree"
    )
    attempt: int | None = Field(
        description="How often the same function had received it by then, this time included; null where nothing tells "
        "whether it was the same"
    )


class Receipt(BaseModel):
    """One time that a message was received."""

    consumer: SpanRef
    function: str
    attempt: int | None
    status: str


class Message(BaseModel):
    """What became of a message that was sent."""

    key: str
    producer: SpanRef
    destination: str | None
    sent_time_unix_nano: UnixNano
    status: str = Field(description="`received`, `retried`, `dead_lettered` or `never_seen`")
    receipts: list[Receipt]


class TimelineSpan(BaseModel):
    """One span, at the time that is shown."""

    trace_id: str
    span_id: str
    parent_span_id: str | None
    kind: str
    name: str
    service: str
    status: str
    start_time_unix_nano: UnixNano
    duration_ns: int
    clock_offset_ns: int = Field(
        description="What was added to its start, for its clock cannot have been right"
    )


class PathStep(BaseModel):
    """A stretch of time, and what the whole transaction waited for: a span's own work, or a queue."""

    kind: str = Field(description="`work`, `queue`, or `idle` between spans of one process")
    trace_id: str
    span_id: str = Field(description="Who worked; of a queue, who received from it")
    name: str
    start_time_unix_nano: UnixNano
    duration_ns: int


class TransactionError(BaseModel):
    """The error that came first, where it began."""

    trace_id: str
    span_id: str
    function: str
    name: str
    type: str | None
    message: str
    time_unix_nano: UnixNano


class Possibly(BaseModel):
    """A step that may have been: nothing but time speaks for it, and it is no hop."""

    producer: SpanRef
    consumer: SpanRef
    evidence: str = Field(description="`heuristic`")
    rule: str = Field(description="`time`: the call was in progress when the other began")


class TransactionHead(BaseModel):
    """What a transaction and its line in a list have in common."""

    transaction_id: str = Field(description="`<trace id>:<span id>` of its root")
    root: SpanRef
    name: str
    service: str
    start_time_unix_nano: UnixNano
    duration_ns: int = Field(description="From the start of the root to the end of the last that it led to")
    status: str = Field(description="`error` if something failed that no later attempt made good, else `ok`")
    error: TransactionError | None


class Transaction(TransactionHead):
    """One end-to-end request."""

    billed_ms: int | None = Field(description="Of all its invocations that were reported; null without any")
    cost_usd: float | None = Field(description="Its shares of all parts; null where none has a price")
    cost_basis: CostBasis | None = Field(description="Of the sum of its shares; null where it has no parts")
    cost_parts: list[CostPart] = Field(description="The dearest first")
    traces: list[str]
    invocations: list[Invocation]
    hops: list[Hop]
    messages: list[Message]
    timeline: list[TimelineSpan]
    critical_path: list[PathStep]
    possibly: list[Possibly]
    warnings: list[str]


class Transactions(BaseModel):
    """The transactions around an id: one for that of a root, several for that of a batch they met in."""

    transactions: list[Transaction]
    warnings: list[str]
    next_cursor: Cursor


class TransactionSummary(TransactionHead):
    """One transaction in a list."""

    trace_count: int
    span_count: int
    hop_count: int
    functions: list[str]


class TransactionList(BaseModel):
    """Transactions by the start of the newest of their traces that match, the newest first."""

    transactions: list[TransactionSummary]
    warnings: list[str]
    next_cursor: Cursor


class CodeFrame(BaseModel):
    """A line of code in a stack trace."""

    function: str
    file: str
    line: int
    code: str | None
    in_app: bool = Field(description="Whether it is the function's own code: no library, runtime or layer")


class CodeException(BaseModel):
    """An exception as it was recorded, the frame in which it was raised first."""

    type: str | None
    message: str | None
    frames: list[CodeFrame]
    stacktrace: str | None = Field(description="As it was recorded")


class LogLine(BaseModel):
    """A log line of a frame's run."""

    time_unix_nano: UnixNano
    span_id: str
    severity: str
    body: str


class StackFrame(BaseModel):
    """One run on the way to the error: a function, or a process of a service."""

    function: str
    version: str | None
    request_id: str | None
    trace_id: str
    span_id: str = Field(description="The innermost span of the run that is on the way to the error")
    name: str
    spans: list[str] = Field(description="Names of its spans on the way, the innermost first")
    status: str
    start_time_unix_nano: UnixNano
    called_by: str | None = Field(description="The rule that joins it to the frame below; null for the last")
    exception: CodeException | None
    payload: str | None = Field(description="What was recorded of its request, masked and cut")
    logs: list[LogLine] = Field(description="The last ones up to the error, in the order of time")


class Stack(BaseModel):
    """The way to the error in which a transaction's failure began. `frames` is empty where nothing failed."""

    transaction_id: str
    error: TransactionError | None
    frames: list[StackFrame]


class Stacks(BaseModel):
    """One virtual stack trace for each transaction around an id."""

    stacks: list[Stack]
    warnings: list[str]
    next_cursor: Cursor
