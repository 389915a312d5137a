"""Every field of a log record is stored, in the columns of the OpenTelemetry ClickHouse exporter and our own."""

import itertools

from opentelemetry.proto.common.v1.common_pb2 import InstrumentationScope
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord, SeverityNumber

from coldlight_storage import Row, Store
from coldlight_storage.testing import Put, attributes, clock_ns, log_record, logs_request

FULL = log_record(
    "it's \\ broken\n",
    trace=3,
    span=7,
    at=0.000000001,
    attributes={"log.file": "x"},
    severity_number=SeverityNumber.SEVERITY_NUMBER_ERROR2,
    severity_text="Error",
    flags=0xFF01,
    event_name="aws.lambda.report",
    dropped_attributes_count=1,
    observed_time_unix_nano=clock_ns(9),
)
STORED = {
    "Timestamp": clock_ns(0.000000001),
    "ObservedTimestamp": clock_ns(9),
    "TraceId": "00000000000000000000000000000003",
    "SpanId": "0000000000000007",
    "TraceFlags": 1,
    "Flags": 0xFF01,
    "SeverityText": "Error",
    "SeverityNumber": 18,
    "ServiceName": "orders",
    "Body": "it's \\ broken\n",
    "BodyType": "s",
    "ResourceSchemaUrl": "https://opentelemetry.io/schemas/1.9.0",
    "ResourceAttributes": {"service.name": "orders"},
    "ResourceDroppedAttributesCount": 10,
    "ScopeSchemaUrl": "https://opentelemetry.io/schemas/1.8.0",
    "ScopeName": "logger",
    "ScopeVersion": "1.2",
    "ScopeAttributes": {"e": "f"},
    "ScopeDroppedAttributesCount": 11,
    "LogAttributes": {"log.file": "x"},
    "DroppedAttributesCount": 1,
    "EventName": "aws.lambda.report",
}
TIMES = {"Timestamp", "ObservedTimestamp"}


def test_every_field_of_a_log_record_is_stored(store: Store, put: Put) -> None:
    request = logs_request(FULL)
    group = request.resource_logs[0]
    group.schema_url = "https://opentelemetry.io/schemas/1.9.0"
    group.resource.dropped_attributes_count = 10
    group.scope_logs[0].schema_url = "https://opentelemetry.io/schemas/1.8.0"
    group.scope_logs[0].scope.CopyFrom(
        InstrumentationScope(
            name="logger", version="1.2", attributes=attributes({"e": "f"}), dropped_attributes_count=11
        )
    )
    put(request)
    assert select(store, *STORED) == [STORED]


def test_a_record_without_a_time_has_the_time_it_was_observed(store: Store, put: Put) -> None:
    record = log_record("late")
    record.time_unix_nano, record.observed_time_unix_nano = 0, clock_ns(4)
    put(logs_request(record))
    assert select(store, *TIMES) == [{"Timestamp": clock_ns(4), "ObservedTimestamp": clock_ns(4)}]


def test_a_record_with_nothing_in_it_is_stored(store: Store, put: Put) -> None:
    put(logs_request(LogRecord()))
    assert select(store, "Body", "BodyType", "TraceId", "Timestamp") == [
        {"Body": "", "BodyType": "n", "TraceId": "", "Timestamp": 0}
    ]


def test_a_structured_body_is_json(store: Store, put: Put) -> None:
    put(logs_request(log_record({"message": "out of stock", "items": [{"sku": 7}, None]})))
    assert select(store, "Body") == [{"Body": '{"message":"out of stock","items":[{"sku":7},null]}'}]


def test_a_body_is_found_by_a_word_in_any_case(store: Store, put: Put) -> None:
    put(logs_request(log_record("Payment DECLINED for order 7"), log_record({"a": ["declined too"]})))
    rows = store.select("SELECT count() AS n FROM otel_logs WHERE hasToken(lower(Body), 'declined')")
    assert rows == [{"n": 2}]


EXTREMES = [0, 1, clock_ns(), 2**63 - 1, 2**63, 2**64 - 1]


def test_no_claim_of_a_sender_makes_a_batch_fail(store: Store, put: Put) -> None:
    odd = [impossible(time, observed) for time, observed in itertools.product(EXTREMES, EXTREMES)]
    put(logs_request(*odd), logs_request(log_record("mine")))
    assert len(select(store, "Body")) == len(odd) + 1


def impossible(time: int, observed: int) -> LogRecord:
    return LogRecord(
        time_unix_nano=time,
        observed_time_unix_nano=observed,
        severity_number=-(2**31),  # type: ignore[arg-type]
        trace_id=b"\xff" * 40,
        span_id=b"x",
        flags=2**32 - 1,
    )


def select(store: Store, *columns: str) -> list[Row]:
    shown = (f"toUnixTimestamp64Nano({name}) AS {name}" if name in TIMES else name for name in columns)
    return store.select(f"SELECT {', '.join(shown)} FROM otel_logs")
