"""Trace requests as one function's SDK sends them: one resource, traces of up to 12 spans of mixed attributes."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import InstrumentationScope
from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans, ScopeSpans, Span, Status

from benchmarks.attributes import Value, attributes, resource
from benchmarks.templates import Template, request_id, span_id, template, time, trace_id

SPANS_PER_TRACE = 12


@dataclass(frozen=True)
class Shape:
    """What the spans at one place of a trace have in common. `parent` is a place, or -1 for the root."""

    name: str
    kind: "Span.SpanKind.ValueType"
    parent: int
    start_ms: int
    duration_ms: int
    attributes: dict[str, Value]


_INVOCATION: dict[str, Value] = {
    "faas.trigger": "http",
    "faas.coldstart": False,
    "http.request.method": "POST",
    "http.route": "/orders/{order_id}",
    "http.response.status_code": 201,
    "url.scheme": "https",
    "server.address": "api.shop.example.com",
    "network.protocol.version": "1.1",
    "user_agent.original": "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko)",
    "aws.lambda.invoked_arn": "arn:aws:lambda:eu-west-1:123456789012:function:orders:live",
}
_DATABASE: dict[str, Value] = {
    "rpc.system": "aws-api",
    "rpc.service": "DynamoDB",
    "rpc.method": "PutItem",
    "db.system.name": "aws.dynamodb",
    "db.operation.name": "PutItem",
    "aws.dynamodb.table_names": ["orders", "order-events"],
    "server.address": "dynamodb.eu-west-1.amazonaws.com",
    "server.port": 443,
    "http.response.status_code": 200,
    "aws.dynamodb.consumed_capacity": 1.5,
}
_QUEUE: dict[str, Value] = {
    "rpc.system": "aws-api",
    "rpc.service": "SQS",
    "rpc.method": "SendMessage",
    "messaging.system": "aws_sqs",
    "messaging.operation.type": "send",
    "messaging.destination.name": "order-created",
    "messaging.message.body.size": 1834,
    "server.address": "sqs.eu-west-1.amazonaws.com",
    "server.port": 443,
    "http.response.status_code": 200,
}
_CALL: dict[str, Value] = {
    "http.request.method": "GET",
    "http.response.status_code": 200,
    "url.full": "https://payments.example.com/v2/authorizations?expand=customer",
    "url.template": "/v2/authorizations",
    "server.address": "payments.example.com",
    "server.port": 443,
    "network.protocol.name": "http",
    "network.protocol.version": "1.1",
    "http.request.resend_count": 0,
    "http.response.body.size": 6231,
}
_CODE: dict[str, Value] = {
    "code.function.name": "shop.pricing.apply_discounts",
    "code.file.path": "/var/task/shop/pricing.py",
    "code.line.number": 148,
    "thread.id": 139_874_231,
    "thread.name": "MainThread",
    "shop.cart.items": 7,
    "shop.cart.total": 129.95,
    "shop.cart.currency": "EUR",
    "shop.customer.segment": "returning",
    "shop.discount.applied": True,
}
SHAPES = (
    Shape("POST /orders/{order_id}", Span.SPAN_KIND_SERVER, -1, 0, 180, _INVOCATION),
    Shape("validate order", Span.SPAN_KIND_INTERNAL, 0, 2, 6, _CODE),
    Shape("DynamoDB.GetItem", Span.SPAN_KIND_CLIENT, 0, 9, 11, _DATABASE),
    Shape("apply discounts", Span.SPAN_KIND_INTERNAL, 0, 22, 30, _CODE),
    Shape("GET /v1/prices", Span.SPAN_KIND_CLIENT, 3, 24, 22, _CALL),
    Shape("authorize payment", Span.SPAN_KIND_INTERNAL, 0, 55, 70, _CODE),
    Shape("GET /v2/authorizations", Span.SPAN_KIND_CLIENT, 5, 57, 64, _CALL),
    Shape("DynamoDB.PutItem", Span.SPAN_KIND_CLIENT, 0, 128, 14, _DATABASE),
    Shape("DynamoDB.UpdateItem", Span.SPAN_KIND_CLIENT, 0, 143, 9, _DATABASE),
    Shape("order-created send", Span.SPAN_KIND_PRODUCER, 0, 154, 12, _QUEUE),
    Shape("order-audit send", Span.SPAN_KIND_PRODUCER, 0, 167, 7, _QUEUE),
    Shape("render answer", Span.SPAN_KIND_INTERNAL, 0, 175, 4, _CODE),
)


def span_template(service: int, spans: int, attributes_per_span: int) -> Template:
    """The request of one service with `spans` spans of up to 12 attributes each, two of them fresh or nearly so."""
    request = ExportTraceServiceRequest(
        resource_spans=[
            ResourceSpans(
                resource=resource(service),
                scope_spans=[
                    ScopeSpans(
                        scope=InstrumentationScope(name="shop.orders", version="2.4.0"),
                        spans=[_span(number, service, attributes_per_span) for number in range(spans)],
                    )
                ],
            )
        ]
    )
    traces = -(-spans // SPANS_PER_TRACE)
    return template(request.SerializeToString(), traces, spans, tuple(_offsets_ns(spans)))


def _offsets_ns(spans: int) -> Iterator[int]:
    """Start and end of each span, in the order of their placeholders."""
    for number in range(spans):
        shape = SHAPES[number % SPANS_PER_TRACE]
        yield shape.start_ms * 1_000_000
        yield (shape.start_ms + shape.duration_ms) * 1_000_000


def _span(number: int, service: int, attributes_per_span: int) -> Span:
    trace, place = divmod(number, SPANS_PER_TRACE)
    shape = SHAPES[place]
    failed = place == 6 and (trace + service) % 25 == 0
    return Span(
        trace_id=trace_id(trace),
        span_id=span_id(number),
        parent_span_id=span_id(number - place + shape.parent) if shape.parent >= 0 else b"",
        name=shape.name,
        kind=shape.kind,
        start_time_unix_nano=time(2 * number),
        end_time_unix_nano=time(2 * number + 1),
        attributes=attributes(
            {
                **dict(islice(shape.attributes.items(), attributes_per_span - 2)),
                "faas.invocation_id": request_id(trace),
                "shop.order.id": f"order-{number * 7919 % 100_000:05}",
            }
        ),
        events=[_event(number, failed)] if failed or place == 7 else [],
        status=Status(code=Status.STATUS_CODE_ERROR, message="payment declined") if failed else None,
    )


def _event(number: int, failed: bool) -> Span.Event:
    if not failed:
        return Span.Event(
            name="retry", time_unix_nano=time(2 * number), attributes=attributes({"attempt": 1})
        )
    exception: dict[str, Value] = {
        "exception.type": "shop.payments.Declined",
        "exception.message": "the issuer declined the authorization (05)",
        "exception.stacktrace": '  File "/var/task/shop/payments.py", line 71, in authorize\n' * 8,
    }
    return Span.Event(name="exception", time_unix_nano=time(2 * number + 1), attributes=attributes(exception))
