"""Zipkin's senders on both ports, and their spans found again through the query API."""

from typing import Any
from uuid import uuid4

import pytest
from opentelemetry.exporter.zipkin.json import ZipkinExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import SpanKind, StatusCode
from tests.system.processes import HTTP, Service

from coldlight_storage.testing import clock_ns

NOON_US = clock_ns() // 1000


def call(trace: str) -> list[dict[str, Any]]:
    """The two sides of a call, which share an id, as v2 JSON has them."""
    shared = {"traceId": trace, "id": f"{1:016x}", "name": "reserve", "timestamp": NOON_US}
    shop, stock = {"serviceName": "shop"}, {"serviceName": "stock", "ipv4": "10.0.0.2", "port": 443}
    return [
        {**shared, "kind": "CLIENT", "duration": 9000, "localEndpoint": shop, "remoteEndpoint": stock},
        {**shared, "kind": "SERVER", "duration": 5000, "localEndpoint": stock, "shared": True},
    ]


@pytest.mark.parametrize("port", ["zipkin", "otlp_http"])
def test_both_sides_of_a_call_are_found_under_their_id(up: Service, port: str) -> None:
    trace = uuid4().hex[16:]
    answer = HTTP.post(f"{getattr(up, port)}/api/v2/spans", json=call(trace))
    assert (answer.status_code, answer.content) == (202, b"")
    spans = {span["kind"]: span for span in up.trace(trace.zfill(32), spans=2)["spans"]}
    assert {span["span_id"] for span in spans.values()} == {f"{1:016x}"}
    client, server = spans["client"], spans["server"]
    assert (client["service"], client["duration_ns"]) == ("shop", 9_000_000)
    assert (server["service"], server["duration_ns"]) == ("stock", 5_000_000)
    assert client["attributes"] == {
        "peer.service": "stock",
        "network.peer.address": "10.0.0.2",
        "network.peer.port": 443,
        "server.address": "10.0.0.2",
        "server.port": 443,
    }


@pytest.mark.filterwarnings("ignore:Access to.*instrumentation_info:DeprecationWarning")
def test_a_program_that_reports_to_zipkin_reports_to_coldlight(up: Service) -> None:
    provider = TracerProvider(resource=Resource({"service.name": "shop"}))
    provider.add_span_processor(BatchSpanProcessor(ZipkinExporter(endpoint=f"{up.zipkin}/api/v2/spans")))
    with provider.get_tracer("lib").start_as_current_span("checkout", kind=SpanKind.SERVER) as root:
        root.add_event("declined", {"code": 51})
        root.set_status(StatusCode.ERROR, "card declined")
    provider.shutdown()
    [span] = up.trace(f"{root.get_span_context().trace_id:032x}")["spans"]
    assert (span["name"], span["kind"], span["service"]) == ("checkout", "server", "shop")
    assert span["status"] == {"code": "error", "message": "card declined"}
    assert [(event["name"], event["attributes"]) for event in span["events"]] == [("declined", {"code": 51})]


def test_bad_spans_are_counted(up: Service) -> None:
    counter = 'coldlight_rejected_items_total{reason="unreadable",receiver="zipkin",signal="traces"}'
    before = up.metric(counter)
    good, bad = call(uuid4().hex)
    answer = HTTP.post(f"{up.zipkin}/api/v2/spans", json=[good, {**bad, "id": "no id"}])
    assert answer.status_code == 202
    assert up.metric(counter) == before + 1


def test_the_port_of_zipkin_serves_nothing_else(up: Service) -> None:
    assert HTTP.get(f"{up.zipkin}/healthz").status_code == 200
    assert HTTP.post(f"{up.zipkin}/v1/traces", json={}).status_code == 404
    assert HTTP.get(f"{up.zipkin}/metrics").status_code == 404
