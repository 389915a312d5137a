"""What the OpenTelemetry ClickHouse exporter writes into our tables: it knows nothing of our own columns."""

from opentelemetry.proto.trace.v1.trace_pb2 import Span

from coldlight_storage import Store
from coldlight_storage.attributes import KeyValues, decode_pairs, decode_value
from coldlight_storage.testing import Put, clock_ns, log_record, logs_request, span, trace_id, traces_request

SPAN = f"""
INSERT INTO otel_traces (Timestamp, TraceId, SpanId, ParentSpanId, TraceState, SpanName, SpanKind, ServiceName,
    ResourceAttributes, ScopeName, ScopeVersion, SpanAttributes, Duration, StatusCode, StatusMessage,
    Events.Timestamp, Events.Name, Events.Attributes,
    Links.TraceId, Links.SpanId, Links.TraceState, Links.Attributes)
VALUES (fromUnixTimestamp64Nano({clock_ns(3)}), '{trace_id(1).hex()}', '0000000000000002', '0000000000000001', '',
    'pay', 'Client', 'payments',
    {{'service.name': 'payments'}}, 'exporter', '1', {{'retries': '3', 'tags': '["a"]'}}, 500000000, 'Error', 'declined',
    [fromUnixTimestamp64Nano({clock_ns(3)})], ['exception'], [{{'exception.type': 'E'}}],
    ['{trace_id(9).hex()}'], ['0000000000000009'], ['k=v'], [{{'link': 'l'}}])
"""
SPAN_WITHOUT_EVENTS = f"""
INSERT INTO otel_traces (Timestamp, TraceId, SpanId, SpanName, ServiceName, Duration)
VALUES (fromUnixTimestamp64Nano({clock_ns(0)}), '{trace_id(1).hex()}', '0000000000000003', 'bare', 'payments', 1)
"""
LOG_RECORD = f"""
INSERT INTO otel_logs (Timestamp, TraceId, SpanId, TraceFlags, SeverityText, SeverityNumber, ServiceName, Body,
    ResourceSchemaUrl, ResourceAttributes, ScopeSchemaUrl, ScopeName, ScopeVersion, ScopeAttributes,
    LogAttributes, EventName)
VALUES (fromUnixTimestamp64Nano({clock_ns(3)}), '{trace_id(1).hex()}', '0000000000000002', 1, 'INFO', 9, 'payments',
    '{{"not": "a map"}}', '', {{'service.name': 'payments'}}, '', 'exporter', '1', {{}}, {{'retries': '3'}}, '')
"""


def test_its_spans_read_like_ours(store: Store, put: Put) -> None:
    put(traces_request(span(1, at=0, lasts=1)))
    store.command(SPAN)
    rows = store.select(
        "SELECT SpanName, ParentSpanId, Duration, Flags, IngestSegment = 0 AS foreign, ReceivedDate = today() AS today"
        " FROM otel_traces WHERE ServiceName = 'payments'"
    )
    assert rows == [
        {
            "SpanName": "pay",
            "ParentSpanId": "0000000000000001",
            "Duration": 500_000_000,
            "Flags": 0,
            "foreign": 1,
            "today": 1,
        }
    ]


def test_its_attributes_are_strings(store: Store) -> None:
    store.command(SPAN)
    row = store.select(
        "SELECT mapKeys(SpanAttributes) AS keys, mapValues(SpanAttributes) AS texts, SpanAttributeTypes AS types,"
        " Events.Attributes AS events, EventAttributeTypes AS event_types, Links.Attributes AS links FROM otel_traces"
    )[0]
    found = decode_pairs(row["keys"], row["texts"], row["types"])
    assert found == KeyValues((("retries", "3"), ("tags", '["a"]')))
    assert row["events"] == [{"exception.type": "E"}]
    assert row["event_types"] == []
    assert row["links"] == [{"link": "l"}]


def test_its_spans_are_in_the_trace_index(store: Store, put: Put) -> None:
    put(traces_request(span(1, at=0, lasts=1, kind=Span.SPAN_KIND_SERVER)))
    store.command(SPAN)
    store.command(SPAN_WITHOUT_EVENTS)
    rows = store.select(
        "SELECT uniqExactMerge(Spans) AS spans, uniqExactMerge(Errors) AS errors,"
        " toUnixTimestamp64Nano(max(End)) AS end_ns FROM trace_index GROUP BY TraceId"
    )
    assert rows == [{"spans": 3, "errors": 1, "end_ns": clock_ns(3.5)}]


def test_its_log_records_read_like_ours(store: Store, put: Put) -> None:
    put(logs_request(log_record("ours", trace=1)))
    store.command(LOG_RECORD)
    rows = store.select(
        "SELECT * FROM otel_logs WHERE TraceId = {t:String} ORDER BY Timestamp", {"t": trace_id(1).hex()}
    )
    ours, theirs = rows
    assert ours["Body"] == "ours"
    assert decode_value(theirs["Body"], theirs["BodyType"]) == '{"not": "a map"}'
    assert theirs["ObservedTimestamp"] == theirs["Timestamp"]
    assert theirs["Flags"] == 1
    attributes = theirs["LogAttributes"]
    assert decode_pairs([*attributes], [*attributes.values()], theirs["LogAttributeTypes"]) == KeyValues(
        (("retries", "3"),)
    )


def test_its_columns_come_first_and_in_its_order(store: Store) -> None:
    """Tools that insert by position, or copy tables from one to the other, find them where they expect them."""
    columns = store.select(
        "SELECT table, groupArray(name) AS names FROM"
        " (SELECT table, name FROM system.columns WHERE database = currentDatabase() ORDER BY table, position)"
        " WHERE table IN ('otel_traces', 'otel_logs') GROUP BY table ORDER BY table"
    )
    logs, traces = (row["names"] for row in columns)
    assert traces[:22] == EXPORTER_TRACES
    assert logs[:17] == EXPORTER_LOGS


EXPORTER_TRACES = [
    "Timestamp", "TraceId", "SpanId", "ParentSpanId", "TraceState", "SpanName", "SpanKind", "ServiceName",
    "ResourceAttributes", "ScopeName", "ScopeVersion", "SpanAttributes", "Duration", "StatusCode", "StatusMessage",
    "Events.Timestamp", "Events.Name", "Events.Attributes",
    "Links.TraceId", "Links.SpanId", "Links.TraceState", "Links.Attributes",
]  # fmt: skip
EXPORTER_LOGS = [
    "Timestamp", "TimestampTime", "TraceId", "SpanId", "TraceFlags", "SeverityText", "SeverityNumber", "ServiceName",
    "Body", "ResourceSchemaUrl", "ResourceAttributes", "ScopeSchemaUrl", "ScopeName", "ScopeVersion",
    "ScopeAttributes", "LogAttributes", "EventName",
]  # fmt: skip
