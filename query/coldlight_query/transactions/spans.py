"""What stitching knows of a span, and of who has which link key."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

COMPOSITE = frozenset({"s3obj", "dynamodb"})
"""Kinds of link keys that are made of names: equal ones belong together only near each other in time and place."""


class Ref(NamedTuple):
    """A span's identity; `kind` as OpenTelemetry has it, in lower case, and empty where nobody has seen the span."""

    trace_id: str
    span_id: str
    kind: str = ""


class Function(NamedTuple):
    """A function's identity; what is not known is empty."""

    account: str
    region: str
    name: str


class SpanLink(NamedTuple):
    """A link to a span, and the id of the message that it stands for, where it says so."""

    trace_id: str
    span_id: str
    message_id: str = ""

    @property
    def key(self) -> str:
        return f"span:{self.trace_id}:{self.span_id}"


@dataclass(frozen=True)
class Span:
    """Times are Unix nanoseconds by the clock of whoever recorded it. What is not known is empty or 0."""

    ref: Ref
    parent_span_id: str = ""
    name: str = ""
    service: str = ""
    start_ns: int = 0
    duration_ns: int = 0
    status: str = "unset"
    status_message: str = ""
    error_type: str = ""
    function: Function | None = None
    version: str = ""
    process: str = ""
    """The sandbox or process that ran it."""
    request_id: str = ""
    """Of the invocation that this span is; empty for every other span."""
    lambda_status: str = ""
    trigger: str = ""
    destination: str = ""
    """The queue, topic or stream that was sent to, or received from."""
    account: str = ""
    region: str = ""
    step: str = ""
    """The state of a workflow that it ran for, and how often that had been retried."""
    step_retries: int | None = None
    record_count: int = 0
    """How many records the batch had; 0 where it is not told."""
    produced: tuple[str, ...] = ()
    consumed: tuple[str, ...] = ()
    links: tuple[SpanLink, ...] = ()
    is_partial: bool = False

    @property
    def end_ns(self) -> int:
        return self.start_ns + self.duration_ns

    @property
    def is_error(self) -> bool:
        return self.status == "error"

    @property
    def own_key(self) -> str:
        """The key that whoever invoked it may have produced; empty for what is no invocation."""
        return f"lambda:{self.request_id}" if self.request_id else ""

    @cached_property
    def entries(self) -> frozenset[str]:
        """What tells where it came from: the link keys that it consumed, and those of its links."""
        return frozenset(self.consumed) - {self.own_key} | {link.key for link in self.links}

    @property
    def who(self) -> str:
        """Function or service."""
        return self.function.name if self.function else self.service


@dataclass(frozen=True)
class KeyRow:
    """A span that has a link key. `role`: `produced`, `consumed`, `invoked` or `linked` (schema/0015)."""

    key: str
    role: str
    ref: Ref
    time_ns: int
    account: str = ""
    region: str = ""


def kind_of(key: str) -> str:
    """`sqs` of `sqs:1`."""
    return key.partition(":")[0]


def in_order(spans: Sequence[Span]) -> list[Span]:
    """By time, and in one order only."""
    return sorted(spans, key=lambda span: (span.start_ns, -span.duration_ns, span.ref))
