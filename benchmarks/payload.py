"""Deterministic, realistic OTLP trace requests, serialised before anything is timed.

A request is what one function's SDK sends: one resource of 12 attributes and traces of up to 12 spans, each span
with 12 attributes of mixed types. It is serialised once as a template whose ids, times and request ids are
placeholders; every request sent is that template with fresh ones written over them.
"""

import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from random import Random

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, ArrayValue, InstrumentationScope, KeyValue
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans, ScopeSpans, Span, Status

SPANS_PER_TRACE = 12
SERVICES = 40
REQUEST_SPACING_NS = 2_000_000
JITTER_NS = 1_000_000

Value = str | bool | int | float | list[str]


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

# Placeholders: each as long as what replaces it, and found nowhere else in a request.
_TRACE_ID, _SPAN_ID, _TIME, _HEX = 16, 8, 8, 12
_PLACEHOLDER = re.compile(
    rb"\xff\xfet(?P<trace>\d{13})|\xff\xfes(?P<span>\d{5})|(?P<time>....)\xff\xfeTT|~h(?P<hex>\d{10})",
    re.DOTALL,
)


def _trace_id(trace: int) -> bytes:
    return b"\xff\xfet%013d" % trace


def _span_id(span: int) -> bytes:
    return b"\xff\xfes%05d" % span


def _time(number: int) -> int:
    placeholder: int = struct.unpack("<Q", struct.pack("<I", number) + b"\xff\xfeTT")[0]
    return placeholder


def _request_id(number: int) -> str:
    """A request id of AWS's form, its last group fresh in every request."""
    return f"7b1c0a52-5f3e-4d8a-9c41-~h{number:010}"


@dataclass(frozen=True)
class Template:
    """A serialised request, where its placeholders are, and how many of each it needs.

    A patch is (offset in the body, offset in the fresh bytes, length). `offsets_ns` are the times of the
    request, from its start.
    """

    body: bytes
    patches: tuple[tuple[int, int, int], ...]
    traces: int
    random_bytes: int
    offsets_ns: tuple[int, ...]

    def request(self, random: Random, start_ns: int) -> "Request":
        """One request of this template, with ids from `random` and times from `start_ns` on."""
        noise = random.randbytes(self.random_bytes)
        jitter = struct.unpack(f"<{len(self.offsets_ns)}I", random.randbytes(4 * len(self.offsets_ns)))
        times = [
            start_ns + offset + extra % JITTER_NS
            for offset, extra in zip(self.offsets_ns, jitter, strict=True)
        ]
        fresh = noise + noise.hex().encode() + struct.pack(f"<{len(times)}Q", *times)
        body = bytearray(self.body)
        for at, source, length in self.patches:
            body[at : at + length] = fresh[source : source + length]
        return Request(bytes(body), fresh[:_TRACE_ID].hex())


@dataclass(frozen=True)
class Request:
    """A serialised ExportTraceServiceRequest, and the id of its first trace."""

    body: bytes
    trace_id: str


def requests(count: int, spans: int, seed: int, start_ns: int) -> Iterator[Request]:
    """`count` requests of `spans` spans, from each of 40 services in turn, no two ids alike."""
    templates = [template(service, spans) for service in range(SERVICES)]
    random = Random(seed)
    for number in range(count):
        yield templates[number % SERVICES].request(random, start_ns + number * REQUEST_SPACING_NS)


def template(service: int, spans: int) -> Template:
    """The request of one service with `spans` spans, as a template."""
    request = ExportTraceServiceRequest(
        resource_spans=[
            ResourceSpans(
                resource=_resource(service),
                scope_spans=[
                    ScopeSpans(
                        scope=InstrumentationScope(name="shop.orders", version="2.4.0"),
                        spans=[_span(number, service) for number in range(spans)],
                    )
                ],
            )
        ]
    )
    return _templated(request.SerializeToString(), spans)


def _templated(body: bytes, spans: int) -> Template:
    traces = -(-spans // SPANS_PER_TRACE)
    random_bytes = traces * _TRACE_ID + spans * _SPAN_ID
    start = {"trace": 0, "span": traces * _TRACE_ID, "hex": random_bytes, "time": 3 * random_bytes}
    size = {"trace": _TRACE_ID, "span": _SPAN_ID, "hex": _HEX, "time": _TIME}
    patches = []
    for match in _PLACEHOLDER.finditer(body):
        kind = str(match.lastgroup)
        text = match[kind]
        number = struct.unpack("<I", text)[0] if kind == "time" else int(text)
        patches.append((match.start(), start[kind] + number * size[kind], size[kind]))
    return Template(body, tuple(patches), traces, random_bytes, tuple(_offsets_ns(spans)))


def _offsets_ns(spans: int) -> Iterator[int]:
    """Start and end of each span, in the order of their placeholders."""
    for number in range(spans):
        shape = SHAPES[number % SPANS_PER_TRACE]
        yield shape.start_ms * 1_000_000
        yield (shape.start_ms + shape.duration_ms) * 1_000_000


def _resource(service: int) -> Resource:
    function = f"shop-{('orders', 'prices', 'payments', 'audit')[service % 4]}-{service:02}"
    return Resource(
        attributes=_attributes(
            {
                "service.name": function,
                "service.version": f"2026.{service % 9}.1",
                "deployment.environment.name": "production",
                "cloud.provider": "aws",
                "cloud.platform": "aws_lambda",
                "cloud.region": "eu-west-1",
                "cloud.account.id": "123456789012",
                "cloud.resource_id": f"arn:aws:lambda:eu-west-1:123456789012:function:{function}",
                "faas.name": function,
                "faas.version": "$LATEST",
                "faas.instance": f"2026/11/23/[$LATEST]{service:032x}",
                "telemetry.sdk.language": "python",
            }
        )
    )


def _span(number: int, service: int) -> Span:
    trace, place = divmod(number, SPANS_PER_TRACE)
    shape = SHAPES[place]
    failed = place == 6 and (trace + service) % 25 == 0
    return Span(
        trace_id=_trace_id(trace),
        span_id=_span_id(number),
        parent_span_id=_span_id(number - place + shape.parent) if shape.parent >= 0 else b"",
        name=shape.name,
        kind=shape.kind,
        start_time_unix_nano=_time(2 * number),
        end_time_unix_nano=_time(2 * number + 1),
        attributes=_attributes(
            {
                **shape.attributes,
                "faas.invocation_id": _request_id(trace),
                "shop.order.id": f"order-{number * 7919 % 100_000:05}",
            }
        ),
        events=[_event(number, failed)] if failed or place == 7 else [],
        status=Status(code=Status.STATUS_CODE_ERROR, message="payment declined") if failed else None,
    )


def _event(number: int, failed: bool) -> Span.Event:
    if not failed:
        return Span.Event(
            name="retry", time_unix_nano=_time(2 * number), attributes=_attributes({"attempt": 1})
        )
    exception: dict[str, Value] = {
        "exception.type": "shop.payments.Declined",
        "exception.message": "the issuer declined the authorization (05)",
        "exception.stacktrace": '  File "/var/task/shop/payments.py", line 71, in authorize\n' * 8,
    }
    return Span.Event(
        name="exception", time_unix_nano=_time(2 * number + 1), attributes=_attributes(exception)
    )


def _attributes(values: dict[str, Value]) -> list[KeyValue]:
    return [KeyValue(key=key, value=_any_value(value)) for key, value in values.items()]


def _any_value(value: Value) -> AnyValue:
    match value:
        case bool():
            return AnyValue(bool_value=value)
        case int():
            return AnyValue(int_value=value)
        case float():
            return AnyValue(double_value=value)
        case list():
            return AnyValue(array_value=ArrayValue(values=[_any_value(item) for item in value]))
        case _:
            return AnyValue(string_value=value)
