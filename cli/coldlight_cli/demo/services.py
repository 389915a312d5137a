"""The calls of the functions to AWS services and over HTTP, as spans with the attributes of semconv."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from uuid import uuid4

from opentelemetry.context import Context
from opentelemetry.trace import (
    Link,
    NonRecordingSpan,
    Span,
    SpanContext,
    SpanKind,
    Status,
    StatusCode,
    set_span_in_context,
)

from coldlight_cli.demo.cloud import Cloud, Handler, Outcome
from coldlight_cli.demo.sandbox import ACCOUNT, REGION, Attributes, Function, Invocation, Trigger, fail

PRODUCED = "coldlight.link.produced"
CONSUMED = "coldlight.link.consumed"


@contextmanager
def aws_call(
    run: Invocation,
    service: str,
    method: str,
    attributes: Attributes,
    kind: SpanKind = SpanKind.CLIENT,
    name: str | None = None,
) -> Iterator[Span]:
    """A call through the AWS SDK (semconv "AWS SDK client spans"); the block lets its time pass."""
    common: Attributes = {
        "rpc.system": "aws-api",
        "rpc.service": service,
        "rpc.method": method,
        "aws.request_id": str(uuid4()),
        "cloud.region": REGION,
        "server.address": f"{service.lower()}.{REGION}.amazonaws.com",
        "http.response.status_code": 200,
    }
    with run.span(name or f"{service}.{method}", kind, {**common, **attributes}) as span:
        yield span


def item_key(table: str, key: Mapping[str, Mapping[str, str]]) -> str:
    """The link key of a DynamoDB item: `dynamodb:<table>#<first 32 hex of SHA-256 of the key>`."""
    canonical = json.dumps(key, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return f"dynamodb:{table}#{sha256(canonical.encode()).hexdigest()[:32]}"


def dynamodb(run: Invocation, method: str, table: str, order_id: str, ms: float, throttled: int = 0) -> None:
    """One operation on an item; the SDK repeats it `throttled` times, a second apart, until it succeeds."""
    attributes: dict[str, str | tuple[str, ...]] = {
        "db.system.name": "aws.dynamodb",
        "db.operation.name": method,
        "db.collection.name": table,
        "aws.dynamodb.table_names": (table,),
    }
    if method != "Query":
        attributes[PRODUCED] = (item_key(table, {"pk": {"S": order_id}}),)
    with aws_call(run, "DynamoDB", method, attributes) as span:
        for attempt in range(1, throttled + 1):
            run.wait(ms + 1000)
            reason: Attributes = {
                "retry.attempt": attempt,
                "error.type": "ProvisionedThroughputExceededException",
            }
            span.add_event("retry", reason, run.now_ns)
        run.wait(ms)


@dataclass(frozen=True)
class Sent:
    """What a producer knows of what it sent: the link keys, and the context of the span that sent it."""

    keys: tuple[str, ...]
    context: SpanContext

    @property
    def link(self) -> Link:
        """For the span that consumes it."""
        return Link(self.context)


def send_message(run: Invocation, queue: str, ms: float) -> Sent:
    """SQS SendMessage."""
    url = {"aws.sqs.queue.url": f"https://sqs.{REGION}.amazonaws.com/{ACCOUNT}/{queue}"}
    return _publish(run, "SQS.SendMessage", queue_attributes(queue) | url, f"sqs:{uuid4()}", ms)


def put_event(run: Invocation, bus: str, detail_type: str, ms: float) -> Sent:
    """EventBridge PutEvents with one event."""
    attributes = {
        "messaging.system": "aws.eventbridge",
        "messaging.destination.name": bus,
        "cloudevents.event_type": detail_type,
    }
    return _publish(run, "EventBridge.PutEvents", attributes, f"eventbridge:{uuid4()}", ms)


def _publish(run: Invocation, call: str, attributes: dict[str, str], key: str, ms: float) -> Sent:
    """A message leaves (semconv "Messaging spans"); its id is what follows the colon in its link key."""
    service, _, method = call.partition(".")
    described: Attributes = {
        **attributes,
        "messaging.operation.name": "send",
        "messaging.operation.type": "send",
        "messaging.message.id": key.partition(":")[2],
        PRODUCED: (key,),
    }
    name = f"send {attributes['messaging.destination.name']}"
    with aws_call(run, service, method, described, SpanKind.PRODUCER, name) as span:
        run.wait(ms)
    return Sent((key,), span.get_span_context())


def queue_attributes(queue: str) -> dict[str, str]:
    """What all spans around a queue share."""
    return {"messaging.system": "aws_sqs", "messaging.destination.name": queue}


def put_object(run: Invocation, bucket: str, key: str, size: int, ms: float) -> Sent:
    """S3 PutObject of `size` bytes; S3 passes no trace context on, so that only the link keys remain."""
    request_id = uuid4().hex[:16].upper()
    keys = (f"s3req:{request_id}", f"s3obj:{bucket}/{key}#{uuid4().hex}")
    attributes: Attributes = {
        "aws.s3.bucket": bucket,
        "aws.s3.key": key,
        "aws.request_id": request_id,
        "http.request.body.size": size,
        PRODUCED: keys,
    }
    with aws_call(run, "S3", "PutObject", attributes) as span:
        run.wait(ms)
    return Sent(keys, span.get_span_context())


def invoke(run: Invocation, cloud: Cloud, function: Function, handler: Handler) -> Outcome:
    """Lambda Invoke, waiting for the answer; the callee continues the trace (context in ClientContext)."""
    attributes: Attributes = {
        "faas.invoked_name": function.name,
        "faas.invoked_provider": "aws",
        "faas.invoked_region": REGION,
    }
    with aws_call(run, "Lambda", "Invoke", attributes) as span:
        run.wait(cloud.takes(4))
        parent = remote(span.get_span_context())
        outcome = cloud.invoke(function, Trigger("other"), handler, run.now_ns, parent)
        span.set_attribute(PRODUCED, (f"lambda:{outcome.request_id}",))
        run.wait((outcome.end_ns - run.now_ns) / 1e6 + cloud.takes(3))
        if outcome.fault:
            fail(span, outcome.fault)
    return outcome


def remote(context: SpanContext) -> Context:
    """A trace's context as it arrives in another process."""
    arrived = SpanContext(context.trace_id, context.span_id, True, context.trace_flags, context.trace_state)
    return set_span_in_context(NonRecordingSpan(arrived), Context())


def http_post(run: Invocation, host: str, path: str, status: int, ms: float, resend: int = 0) -> None:
    """One attempt of a POST to somebody else's service (semconv "HTTP client spans")."""
    attributes: dict[str, str | int] = {
        "http.request.method": "POST",
        "url.full": f"https://{host}{path}",
        "server.address": host,
        "server.port": 443,
        "network.protocol.version": "1.1",
    }
    if resend:
        attributes["http.request.resend_count"] = resend
    with run.span("POST", SpanKind.CLIENT, attributes) as span:
        run.wait(ms)
        span.set_attribute("http.response.status_code", status)
        if status >= 400:
            span.set_attribute("error.type", str(status))
            span.set_status(Status(StatusCode.ERROR))
