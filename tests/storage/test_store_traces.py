"""Every field of a span is stored, in the columns of the OpenTelemetry ClickHouse exporter and our own."""

import itertools

from opentelemetry.proto.common.v1.common_pb2 import InstrumentationScope
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from coldlight_storage import Row, Store
from coldlight_storage.testing import Put, attributes, clock_ns, span, span_id, trace_id, traces_request

FULL = span(
    7,
    trace=3,
    parent=5,
    name="GET /orders",
    at=0.000000001,
    lasts=2.5,
    kind=Span.SPAN_KIND_CLIENT,
    trace_state="vendor=1,other=2",
    flags=0x0301,
    attributes={"http.request.method": "GET"},
    dropped_attributes_count=1,
    dropped_events_count=2,
    dropped_links_count=3,
    status=Status(code=Status.STATUS_CODE_ERROR, message="it's \\ broken\n"),
    events=[
        Span.Event(time_unix_nano=clock_ns(1), name="first", dropped_attributes_count=4),
        Span.Event(time_unix_nano=clock_ns(2), name="", attributes=attributes({"a": "b"})),
    ],
    links=[
        Span.Link(trace_id=trace_id(8), span_id=span_id(9), trace_state="k=v", flags=0x101),
        Span.Link(dropped_attributes_count=6, attributes=attributes({"c": "d"})),
    ],
)
STORED = {
    "Timestamp": clock_ns(0.000000001),
    "TraceId": "00000000000000000000000000000003",
    "SpanId": "0000000000000007",
    "ParentSpanId": "0000000000000005",
    "TraceState": "vendor=1,other=2",
    "SpanName": "GET /orders",
    "SpanKind": "Client",
    "ServiceName": "orders",
    "ResourceAttributes": {"service.name": "orders", "host.name": "h"},
    "ScopeName": "tracer",
    "ScopeVersion": "1.2",
    "SpanAttributes": {"http.request.method": "GET"},
    "Duration": 2_500_000_000,
    "StatusCode": "Error",
    "StatusMessage": "it's \\ broken\n",
    "Events.Timestamp": [clock_ns(1), clock_ns(2)],
    "Events.Name": ["first", ""],
    "Events.Attributes": [{}, {"a": "b"}],
    "Links.TraceId": ["00000000000000000000000000000008", ""],
    "Links.SpanId": ["0000000000000009", ""],
    "Links.TraceState": ["k=v", ""],
    "Links.Attributes": [{}, {"c": "d"}],
    "Flags": 0x0301,
    "DroppedAttributesCount": 1,
    "DroppedEventsCount": 2,
    "DroppedLinksCount": 3,
    "EventDroppedAttributesCounts": [4, 0],
    "LinkDroppedAttributesCounts": [0, 6],
    "LinkFlags": [0x101, 0],
    "ResourceSchemaUrl": "https://opentelemetry.io/schemas/1.9.0",
    "ResourceDroppedAttributesCount": 10,
    "ScopeSchemaUrl": "https://opentelemetry.io/schemas/1.8.0",
    "ScopeAttributes": {"e": "f"},
    "ScopeDroppedAttributesCount": 11,
}
IN_NANOSECONDS = {
    "Timestamp": "toUnixTimestamp64Nano(Timestamp)",
    "Events.Timestamp": "arrayMap(t -> toUnixTimestamp64Nano(t), `Events.Timestamp`)",
}


def test_every_field_of_a_span_is_stored(store: Store, put: Put) -> None:
    request = traces_request(FULL, resource_attributes={"host.name": "h"})
    group = request.resource_spans[0]
    group.schema_url = "https://opentelemetry.io/schemas/1.9.0"
    group.resource.dropped_attributes_count = 10
    group.scope_spans[0].schema_url = "https://opentelemetry.io/schemas/1.8.0"
    group.scope_spans[0].scope.CopyFrom(
        InstrumentationScope(
            name="tracer", version="1.2", attributes=attributes({"e": "f"}), dropped_attributes_count=11
        )
    )
    put(request)
    columns = ", ".join(f"{IN_NANOSECONDS.get(name, f'`{name}`')} AS `{name}`" for name in STORED)
    assert store.select(f"SELECT {columns} FROM otel_traces") == [STORED]


def test_a_span_with_nothing_in_it_is_stored(store: Store, put: Put) -> None:
    put(traces_request(Span()))
    assert select(store, "TraceId, SpanName, SpanKind, StatusCode, Duration") == [
        {"TraceId": "", "SpanName": "", "SpanKind": "Unspecified", "StatusCode": "Unset", "Duration": 0}
    ]


def test_groups_keep_their_own_resource_and_scope(store: Store, put: Put) -> None:
    request = traces_request(span(1), span(2), service="orders")
    request.resource_spans[0].scope_spans.add(spans=[span(3)]).scope.name = "other"
    request.MergeFrom(traces_request(span(4), service="payments"))
    put(request)
    assert select(store, "ServiceName, ScopeName") == [
        {"ServiceName": "orders", "ScopeName": "testing"},
        {"ServiceName": "orders", "ScopeName": "testing"},
        {"ServiceName": "orders", "ScopeName": "other"},
        {"ServiceName": "payments", "ScopeName": "testing"},
    ]


def test_kinds_and_status_codes_have_the_exporter_s_names(store: Store, put: Put) -> None:
    put(traces_request(*[span(kind + 1, kind=kind, status=Status(code=kind % 3)) for kind in range(6)]))  # type: ignore[arg-type]
    names = [(row["SpanKind"], row["StatusCode"]) for row in select(store, "SpanKind, StatusCode")]
    kinds = ["Unspecified", "Internal", "Server", "Client", "Producer", "Consumer"]
    assert names == list(zip(kinds, ["Unset", "Ok", "Error"] * 2, strict=True))


def test_a_kind_that_is_not_known_yet_is_kept_as_its_number(store: Store, put: Put) -> None:
    put(traces_request(span(kind=17)))
    assert select(store, "SpanKind") == [{"SpanKind": "17"}]


def test_a_span_that_ends_before_it_starts_took_no_time(store: Store, put: Put) -> None:
    put(traces_request(span(at=5, lasts=-3)))
    assert select(store, "Duration") == [{"Duration": 0}]


EXTREMES = [0, 1, clock_ns(), 2**63 - 1, 2**63, 2**64 - 1]


def test_no_claim_of_a_sender_makes_a_batch_fail(store: Store, put: Put) -> None:
    """Whoever claims impossible times or numbers must not keep others' spans out."""
    odd = [impossible(start, end) for start, end in itertools.product(EXTREMES, EXTREMES)]
    put(traces_request(*odd), traces_request(span(1, trace=2)))
    assert len(select(store, "SpanId")) == len(odd) + 1
    assert len(store.select("SELECT TraceId FROM trace_index GROUP BY TraceId")) == 2


def impossible(start: int, end: int) -> Span:
    made = span(2**64 - 1, trace=2**128 - 1, kind=-1, flags=2**32 - 1, status=Status(code=-(2**31)))  # type: ignore[arg-type]
    made.start_time_unix_nano, made.end_time_unix_nano = start, end
    made.events.add(time_unix_nano=end, dropped_attributes_count=2**32 - 1)
    made.links.add(trace_id=b"\xff" * 40, span_id=b"x", flags=2**32 - 1)
    return made


def select(store: Store, columns: str) -> list[Row]:
    return store.select(f"SELECT {columns} FROM otel_traces ORDER BY SpanId")
