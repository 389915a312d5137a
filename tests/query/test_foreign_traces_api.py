"""Traces that other writers have put into the tables are shown, too."""

from tests.query.api import Api

from coldlight_storage import Store
from coldlight_storage.testing import clock_ns, trace_id

# What the OpenTelemetry ClickHouse exporter writes, which knows nothing of our own columns.
FOREIGN = f"""
INSERT INTO otel_traces (Timestamp, TraceId, SpanId, ParentSpanId, TraceState, SpanName, SpanKind, ServiceName,
    ResourceAttributes, ScopeName, ScopeVersion, SpanAttributes, Duration, StatusCode, StatusMessage,
    Events.Timestamp, Events.Name, Events.Attributes,
    Links.TraceId, Links.SpanId, Links.TraceState, Links.Attributes)
VALUES (fromUnixTimestamp64Nano({clock_ns(3)}), '{trace_id(1).hex()}', '0000000000000002', '', '',
    'pay', 'Client', 'payments', {{'service.name': 'payments'}}, 'exporter', '1', {{'retries': '3'}}, 5, 'Error', 'no',
    [fromUnixTimestamp64Nano({clock_ns(4)})], ['exception'], [{{'exception.type': 'E'}}],
    ['{trace_id(9).hex()}'], ['0000000000000009'], ['k=v'], [{{'link': 'l'}}])
"""


async def test_rows_of_the_exporter_are_shown_too(api: Api, store: Store) -> None:
    store.command(FOREIGN)
    shown = await api.span(attributes="otlp")
    assert (shown["name"], shown["kind"], shown["status"]) == (
        "pay",
        "client",
        {"code": "error", "message": "no"},
    )
    assert shown["attributes"] == {"retries": {"stringValue": "3"}}
    assert shown["events"] == [
        {
            "name": "exception",
            "time_unix_nano": clock_ns(4),
            "attributes": {"exception.type": {"stringValue": "E"}},
            "dropped_attributes_count": 0,
        }
    ]
    assert shown["links"] == [
        {
            "trace_id": trace_id(9).hex(),
            "span_id": "0000000000000009",
            "trace_state": "k=v",
            "attributes": {"link": {"stringValue": "l"}},
            "flags": 0,
            "dropped_attributes_count": 0,
        }
    ]


async def test_a_row_with_the_least_that_it_can_have_is_shown(api: Api, store: Store) -> None:
    store.command(f"INSERT INTO otel_traces (TraceId) VALUES ('{trace_id(1).hex()}')")
    shown = await api.span()
    assert (shown["span_id"], shown["name"], shown["kind"], shown["events"]) == ("", "", "", [])


async def test_text_that_is_no_utf_8_hides_no_trace(api: Api, store: Store) -> None:
    """Our collector mends it; other writers may not."""
    store.command(f"INSERT INTO otel_traces (TraceId, SpanName) VALUES ('{trace_id(1).hex()}', '\\xff')")
    assert await api.span()
