"""One request over 13 functions: 50 spans, 12 hops one after another and side by side, a trace of its own for each run.

As the layer emits it: link keys on both ends of every hop, and a report of each run from the platform.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from random import Random

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, InstrumentationScope, KeyValue
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord, ResourceLogs, ScopeLogs
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans, ScopeSpans, Span

from benchmarks.attributes import Value, attributes

ROOT_SERVICE, ROOT_NAME = "checkout-00", "POST /checkout"
SPANS, HOPS = 50, 12

_MS = 10**6
_CALLED = {0: (1, 2), 1: (3, 4), 2: (5,), 3: (6,), 4: (7,), 6: (8, 9), 8: (10,), 9: (12,), 10: (11,)}
"""By function, those that it sends to: the longest way has six hops."""
_KINDS = ("sqs", "sns", "eventbridge", "kinesis", "lambda")
_SERVICES = {
    "sqs": "SQS",
    "sns": "SNS",
    "eventbridge": "EventBridge",
    "kinesis": "Kinesis",
    "lambda": "Lambda",
}
_METHODS = {
    "sqs": "SendMessage",
    "sns": "Publish",
    "eventbridge": "PutEvents",
    "kinesis": "PutRecord",
    "lambda": "Invoke",
}


@dataclass(frozen=True)
class _Run:
    """One of the 13 invocations of a chain."""

    chain: int
    function: int
    depth: int

    @property
    def service(self) -> str:
        return f"checkout-{self.function:02}"

    @property
    def trace_id(self) -> bytes:
        return Random(f"{self.chain} {self.function}").randbytes(16)

    @property
    def request_id(self) -> str:
        text = Random(f"run {self.chain} {self.function}").randbytes(16).hex()
        return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"

    @property
    def kind(self) -> str:
        """How it is called; the first is called by nobody."""
        return _KINDS[self.function % len(_KINDS)]

    @property
    def key(self) -> str:
        if self.kind == "lambda":
            return f"lambda:{self.request_id}"
        place = "orders:shardId-000000000000:" if self.kind == "kinesis" else ""
        return f"{self.kind}:{place}{self.request_id[::-1]}"

    def span_id(self, number: int) -> bytes:
        return self.trace_id[number : number + 7] + bytes([number])

    @property
    def start_ns(self) -> int:
        """From the start of the chain."""
        return 400 * _MS * self.depth


def _runs(chain: int) -> list[_Run]:
    depths = {0: 0}
    for function, called in _CALLED.items():
        depths |= dict.fromkeys(called, depths[function] + 1)
    return [_Run(chain, function, depth) for function, depth in sorted(depths.items())]


def chain(number: int, start_ns: int) -> Iterator[ExportTraceServiceRequest]:
    """A request with the spans of each run."""
    runs = _runs(number)
    for run in runs:
        spans = list(_spans(run, [runs[called] for called in _CALLED.get(run.function, ())], start_ns))
        scope = ScopeSpans(scope=InstrumentationScope(name="coldlight_lambda", version="1.0"), spans=spans)
        yield ExportTraceServiceRequest(
            resource_spans=[ResourceSpans(resource=_resource(run), scope_spans=[scope])]
        )


def _spans(run: _Run, called: list[_Run], start_ns: int) -> Iterator[Span]:
    """The invocation, its code, a call of a table (not of the last function), and one call for each function that it sends to."""
    begin_ns = start_ns + run.start_ns
    invocation: dict[str, Value] = {
        "faas.invocation_id": run.request_id,
        "faas.trigger": "pubsub" if run.function else "http",
        "coldlight.trigger": run.kind if run.function else "apigateway-rest",
        "faas.coldstart": False,
        "messaging.destination.name": f"to-{run.service}",
        "aws.lambda.invoked_arn": f"arn:aws:lambda:eu-west-1:123456789012:function:{run.service}:live",
    }
    if run.function and run.kind != "lambda":
        invocation["coldlight.link.consumed"] = [run.key]
    name = f"{run.service} handler" if run.function else ROOT_NAME
    yield _span(run, 0, Span.SPAN_KIND_SERVER, name, begin_ns, 300, invocation)
    yield _span(run, 1, Span.SPAN_KIND_INTERNAL, "decide", begin_ns + 5 * _MS, 40, {"shop.step": run.depth})
    if run.function != SPANS - 2 * 13 - HOPS:
        yield _span(
            run,
            2,
            Span.SPAN_KIND_CLIENT,
            "DynamoDB.PutItem",
            begin_ns + 50 * _MS,
            12,
            _call("DynamoDB", "PutItem"),
        )
    for place, other in enumerate(called, 3):
        sent = {
            **_call(_SERVICES[other.kind], _METHODS[other.kind]),
            "messaging.destination.name": f"to-{other.service}",
            "coldlight.link.produced": [other.key],
        }
        kind = Span.SPAN_KIND_CLIENT if other.kind == "lambda" else Span.SPAN_KIND_PRODUCER
        yield _span(run, place, kind, f"to-{other.service} send", begin_ns + place * 30 * _MS, 15, sent)


def _call(service: str, method: str) -> dict[str, Value]:
    return {
        "rpc.system": "aws-api",
        "rpc.service": service,
        "rpc.method": method,
        "cloud.region": "eu-west-1",
        "server.address": f"{service.lower()}.eu-west-1.amazonaws.com",
        "http.response.status_code": 200,
    }


def _span(
    run: _Run,
    number: int,
    kind: "Span.SpanKind.ValueType",
    name: str,
    start_ns: int,
    duration_ms: int,
    said: dict[str, Value],
) -> Span:
    return Span(
        trace_id=run.trace_id,
        span_id=run.span_id(number),
        parent_span_id=run.span_id(0) if number else b"",
        name=name,
        kind=kind,
        start_time_unix_nano=start_ns,
        end_time_unix_nano=start_ns + duration_ms * _MS,
        attributes=attributes(said),
    )


def _resource(run: _Run) -> Resource:
    return Resource(
        attributes=attributes(
            {
                "service.name": run.service,
                "faas.name": run.service,
                "faas.version": "7",
                "faas.instance": f"2026/11/23/[7]{run.function:032x}",
                "cloud.region": "eu-west-1",
                "cloud.account.id": "123456789012",
                "cloud.provider": "aws",
                "host.arch": "arm64",
            }
        )
    )


def reports(number: int, start_ns: int) -> Iterator[ExportLogsServiceRequest]:
    """What the platform reports of each run."""
    for run in _runs(number):
        record = LogRecord(
            time_unix_nano=start_ns + run.start_ns + 310 * _MS,
            trace_id=run.trace_id,
            event_name="aws.lambda.report",
            body=AnyValue(string_value="REPORT"),
            attributes=[*_report(run)],
        )
        scope = ScopeLogs(scope=InstrumentationScope(name="coldlight_lambda"), log_records=[record])
        yield ExportLogsServiceRequest(
            resource_logs=[ResourceLogs(resource=_resource(run), scope_logs=[scope])]
        )


def _report(run: _Run) -> list[KeyValue]:
    return attributes(
        {
            "event.name": "aws.lambda.report",
            "faas.invocation_id": run.request_id,
            "faas.instance": f"2026/11/23/[7]{run.function:032x}",
            "aws.lambda.duration_ms": 300.0,
            "aws.lambda.billed_duration_ms": 301,
            "aws.lambda.memory_size_mb": 512,
            "aws.lambda.max_memory_used_mb": 120 + run.function,
            "aws.lambda.status": "success",
            "aws.lambda.source": "telemetry",
        }
    )
