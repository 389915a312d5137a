"""A simulated function: what is deployed, the sandbox that runs it, and one invocation in simulated time.

Nothing waits: an invocation carries its own clock, and spans and log records get their times from it.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from uuid import uuid4

from opentelemetry._logs import SeverityNumber
from opentelemetry.context import Context
from opentelemetry.sdk.resources import Resource
from opentelemetry.trace import Link, Span, SpanKind, Status, StatusCode, set_span_in_context
from opentelemetry.util.types import AttributeValue

from coldlight_cli.demo.delivery import Delivery
from coldlight_cli.demo.faults import Fault, TimedOut
from coldlight_cli.demo.metrics import BYTES_PER_MB, Measurements

REGION = "eu-central-1"
ACCOUNT = "123456789012"
NS_PER_MS = 1_000_000
NS_PER_S = 1_000_000_000

Attributes = Mapping[str, AttributeValue]


@dataclass(frozen=True)
class Function:
    """A deployed version of a function; `init_ms` is what a cold start takes, `used_mb` what a run needs."""

    name: str
    version: str
    memory_mb: int
    used_mb: int
    timeout_s: float
    init_ms: float

    @property
    def arn(self) -> str:
        """The ARN with the version, never an alias (`cloud.resource_id`)."""
        return f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{self.name}:{self.version}"


@dataclass(frozen=True)
class Trigger:
    """Why a function is invoked: `kind` is `faas.trigger`, `consumed` the link keys found in the event.

    The span has the name of the function where `span_name` is empty (semconv "AWS Lambda").
    """

    kind: str
    attributes: Attributes = field(default_factory=dict)
    consumed: tuple[str, ...] = ()
    span_name: str = ""


def _log_stream(function: Function, now_ns: int) -> str:
    """The name of a new log stream, which is the sandbox's name (`faas.instance`)."""
    day = datetime.fromtimestamp(now_ns // NS_PER_S, UTC)
    return f"{day:%Y/%m/%d}/[{function.version}]{uuid4().hex}"


def _resource(function: Function, instance: str) -> Resource:
    """The resource of one sandbox."""
    return Resource.create(
        {
            "service.name": function.name,
            "service.version": function.version,
            "service.namespace": "shop",
            "service.instance.id": instance,
            "deployment.environment.name": "demo",
            "cloud.provider": "aws",
            "cloud.platform": "aws_lambda",
            "cloud.region": REGION,
            "cloud.account.id": ACCOUNT,
            "cloud.resource_id": function.arn,
            "faas.name": function.name,
            "faas.version": function.version,
            "faas.instance": instance,
            "host.arch": "arm64",
            "faas.max_memory": function.memory_mb * BYTES_PER_MB,
            "aws.log.group.names": [f"/aws/lambda/{function.name}"],
            "aws.log.stream.names": [instance],
        }
    )


class Sandbox:
    """One execution environment: a process with its own SDK, which runs one invocation at a time."""

    def __init__(self, function: Function, delivery: Delivery, now_ns: int) -> None:
        self.function = function
        self.instance = _log_stream(function, now_ns)
        self.busy_until_ns = now_ns
        self.used_mb = function.used_mb
        instruments = delivery.instruments(_resource(function, self.instance), now_ns)
        self.tracer = instruments.tracer
        self.logger = instruments.logger
        self.measurements = Measurements(instruments.meter)


class Invocation:
    """One run of a function, with a clock of its own: `now_ns` (ns since the epoch)."""

    def __init__(self, sandbox: Sandbox, request_id: str, start_ns: int, parent: Context) -> None:
        self.sandbox = sandbox
        self.function = sandbox.function
        self.request_id = request_id
        self.start_ns = self.now_ns = start_ns
        self.context = parent
        self._deadline_ns = start_ns + int(self.function.timeout_s * NS_PER_S)

    @property
    def duration_ms(self) -> float:
        """What the handler took so far."""
        return (self.now_ns - self.start_ns) / NS_PER_MS

    def wait(self, ms: float) -> None:
        """Let time pass; raises TimedOut when the function's time is up."""
        self.now_ns += int(ms * NS_PER_MS)
        if self.now_ns > self._deadline_ns:
            self.now_ns = self._deadline_ns
            raise TimedOut(self.function.timeout_s)

    @contextmanager
    def span(
        self,
        name: str,
        kind: SpanKind = SpanKind.INTERNAL,
        attributes: Attributes | None = None,
        links: list[Link] | None = None,
    ) -> Iterator[Span]:
        """A span around what the block does; a Fault that leaves the block becomes the span's status."""
        tracer, outer = self.sandbox.tracer, self.context
        span = tracer.start_span(name, outer, kind, attributes, links, start_time=self.now_ns)
        self.context = set_span_in_context(span, outer)
        try:
            yield span
        except Fault as fault:
            fail(span, fault)
            raise
        finally:
            self.context = outer
            span.end(self.now_ns)

    def log(
        self,
        severity: SeverityNumber,
        body: str,
        attributes: Attributes | None = None,
        event_name: str | None = None,
    ) -> None:
        """A log record of now, with the context of the open span."""
        self.sandbox.logger.emit(
            timestamp=self.now_ns,
            observed_timestamp=self.now_ns,
            context=self.context,
            severity_number=severity,
            severity_text=severity.name,
            body=body,
            attributes=attributes,
            event_name=event_name,
        )

    def record(self, span: Span, fault: Fault) -> None:
        """The exception event and the log record of an error that nothing handled (semconv "Exceptions")."""
        attributes = {
            "exception.type": fault.type,
            "exception.message": fault.message,
            "exception.stacktrace": fault.stacktrace,
        }
        span.add_event("exception", attributes, self.now_ns)
        self.log(SeverityNumber.ERROR, f"{fault.type}: {fault.message}", attributes)


def fail(span: Span, fault: Fault) -> None:
    """Mark a span as failed (semconv "Recording errors")."""
    span.set_status(Status(StatusCode.ERROR, fault.message))
    span.set_attribute("error.type", fault.type)
