"""Log requests as one function's SDK sends them: one resource, and the lines of its invocations."""

from collections.abc import Iterator

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, InstrumentationScope
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord, ResourceLogs, ScopeLogs, SeverityNumber

from benchmarks.attributes import attributes, resource
from benchmarks.templates import Template, request_id, span_id, template, time, trace_id

RECORDS_PER_TRACE = 12
SPACING_NS = 3_000_000

_INFO, _WARNING, _ERROR = (
    SeverityNumber.SEVERITY_NUMBER_INFO,
    SeverityNumber.SEVERITY_NUMBER_WARN,
    SeverityNumber.SEVERITY_NUMBER_ERROR,
)
LINES = (
    (_INFO, "order received: 7 items, 129.95 EUR, customer segment returning"),
    (_INFO, "validated order in 6 ms: 7 positions, 2 discounts, delivery to DE-10115"),
    (_INFO, "DynamoDB GetItem orders consumed 1.5 capacity units in 11 ms"),
    (_WARNING, "price service answered after 22 ms, more than the 20 ms that it promises; using its answer"),
    (_INFO, "authorizing payment with https://payments.example.com/v2/authorizations?expand=customer"),
    (_ERROR, "the issuer declined the authorization (05); the order is kept for another try in 30 s"),
    (_INFO, "DynamoDB PutItem order-events consumed 1.0 capacity units in 14 ms"),
    (_INFO, "sent order-created to SQS in 12 ms: 1834 bytes"),
)
SEVERITY_TEXT = {_INFO: "INFO", _WARNING: "WARN", _ERROR: "ERROR"}


def record_template(service: int, records: int) -> Template:
    """The request of one service with `records` log records, each with a span id of its own."""
    request = ExportLogsServiceRequest(
        resource_logs=[
            ResourceLogs(
                resource=resource(service),
                scope_logs=[
                    ScopeLogs(
                        scope=InstrumentationScope(name="shop.orders", version="2.4.0"),
                        log_records=[_record(number) for number in range(records)],
                    )
                ],
            )
        ]
    )
    traces = -(-records // RECORDS_PER_TRACE)
    return template(request.SerializeToString(), traces, records, tuple(_offsets_ns(records)))


def _offsets_ns(records: int) -> Iterator[int]:
    """Time and observed time of each record, in the order of their placeholders."""
    for number in range(records):
        yield number % RECORDS_PER_TRACE * SPACING_NS
        yield (number % RECORDS_PER_TRACE + 1) * SPACING_NS


def _record(number: int) -> LogRecord:
    severity, line = LINES[number % len(LINES)]
    trace = number // RECORDS_PER_TRACE
    return LogRecord(
        time_unix_nano=time(2 * number),
        observed_time_unix_nano=time(2 * number + 1),
        severity_number=severity,
        severity_text=SEVERITY_TEXT[severity],
        body=AnyValue(string_value=f"order-{number * 7919 % 100_000:05} {line}"),
        trace_id=trace_id(trace),
        span_id=span_id(number),
        flags=1,
        attributes=attributes(
            {
                "faas.invocation_id": request_id(trace),
                "code.function.name": "shop.orders.handle",
                "code.file.path": "/var/task/shop/orders.py",
                "code.line.number": 100 + number % 50,
                "thread.name": "MainThread",
                "shop.customer.segment": "returning",
            }
        ),
    )
