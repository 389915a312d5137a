"""What the stock OpenTelemetry SDK sends, found again through the query API and in the tables.

The SDK runs in programs of its own (`sdk_sender.py`) and is told the endpoint, nothing else.
"""

import gzip
import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.proto.metrics.v1.metrics_pb2 import Metric, Summary, SummaryDataPoint
from tests.system.processes import HTTP, Home, Service, environment

from coldlight_storage.testing import attributes, clock_ns, metrics_request

SENDERS = ("http", "grpc", "http gzip", "grpc gzip")
PROTOCOLS = ("http", "grpc")

PLAIN = {
    "string": "Grüße, 世界",
    "true": True,
    "false": False,
    "large": 9007199254740993,
    "lowest": -9223372036854775808,
    "double": 0.1,
    "whole double": 3.0,
    "bytes": "AP8=",
    "array": ["a", 2, 2.5, True, ["AQ=="]],
    "map": {"a": {"b": [{"c": 9223372036854775807}]}, "none": None},
    "empty array": [],
    "empty map": {},
}


def otlp_map(**values: Any) -> dict[str, Any]:
    return {"kvlistValue": {"values": [{"key": key, "value": value} for key, value in values.items()]}}


def otlp_array(*values: Any) -> dict[str, Any]:
    return {"arrayValue": {"values": list(values)}}


OTLP = {
    "string": {"stringValue": "Grüße, 世界"},
    "true": {"boolValue": True},
    "false": {"boolValue": False},
    "large": {"intValue": "9007199254740993"},
    "lowest": {"intValue": "-9223372036854775808"},
    "double": {"doubleValue": 0.1},
    "whole double": {"doubleValue": 3.0},
    "bytes": {"bytesValue": "AP8="},
    "array": otlp_array(
        {"stringValue": "a"},
        {"intValue": "2"},
        {"doubleValue": 2.5},
        {"boolValue": True},
        otlp_array({"bytesValue": "AQ=="}),
    ),
    "map": otlp_map(a=otlp_map(b=otlp_array(otlp_map(c={"intValue": "9223372036854775807"}))), none={}),
    "empty array": otlp_array(),
    "empty map": otlp_map(),
}


@dataclass(frozen=True)
class Sent:
    """The ids of what an instrumented program has sent, in hex."""

    trace_id: str
    checkout: str
    charge: str


def send(up: Service, sender: str) -> Sent:
    """Runs an instrumented program to its end."""
    protocol, _, compression = sender.partition(" ")
    variables = {"OTEL_EXPORTER_OTLP_ENDPOINT": up.otlp_http if protocol == "http" else up.otlp_grpc}
    if compression:
        variables["OTEL_EXPORTER_OTLP_COMPRESSION"] = compression
    done = subprocess.run(
        [sys.executable, Path(__file__).with_name("sdk_sender.py"), protocol, f"shop over {sender}"],
        env=environment(**variables),
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stderr == ""
    return Sent(**json.loads(done.stdout))


@pytest.fixture(scope="module")
def sent(home: Home) -> dict[str, Sent]:
    """By sender; they send side by side."""
    with ThreadPoolExecutor() as programs:
        ids = programs.map(partial(send, home.service()), SENDERS)
        return dict(zip(SENDERS, ids, strict=True))


def two_spans(up: Service, sent: Sent, **parameters: str) -> tuple[Any, Any]:
    """The spans `checkout` and `charge` of the trace."""
    trace = up.trace(sent.trace_id, spans=2, **parameters)
    by_id = {span["span_id"]: span for span in trace["spans"]}
    assert set(by_id) == {sent.checkout, sent.charge}
    return by_id[sent.checkout], by_id[sent.charge]


@pytest.mark.parametrize("sender", SENDERS)
def test_attributes_of_every_type_come_back_as_plain_json(
    up: Service, sent: dict[str, Sent], sender: str
) -> None:
    checkout, _ = two_spans(up, sent[sender])
    assert checkout["attributes"] == PLAIN
    assert isinstance(checkout["attributes"]["whole double"], float)


@pytest.mark.parametrize("sender", SENDERS)
def test_attributes_of_every_type_come_back_without_loss(
    up: Service, sent: dict[str, Sent], sender: str
) -> None:
    checkout, charge = two_spans(up, sent[sender], attributes="otlp")
    assert checkout["attributes"] == OTLP
    assert charge["events"][0]["attributes"]["code"] == {"intValue": "51"}
    assert charge["resource"]["host.cpus"] == {"intValue": "2"}


@pytest.mark.parametrize("sender", PROTOCOLS)
def test_spans_keep_their_place_kind_and_status(up: Service, sent: dict[str, Sent], sender: str) -> None:
    checkout, charge = two_spans(up, sent[sender])
    assert (checkout["name"], checkout["kind"], checkout["parent_span_id"]) == ("checkout", "server", None)
    assert (charge["name"], charge["kind"], charge["parent_span_id"]) == (
        "charge",
        "client",
        sent[sender].checkout,
    )
    assert checkout["status"] == {"code": "ok", "message": ""}
    assert charge["status"] == {"code": "error", "message": "card declined"}
    assert checkout["duration_ns"] > charge["duration_ns"] > 0


@pytest.mark.parametrize("sender", PROTOCOLS)
def test_spans_keep_their_events_and_links(up: Service, sent: dict[str, Sent], sender: str) -> None:
    _, charge = two_spans(up, sent[sender])
    [event] = charge["events"]
    assert (event["name"], event["time_unix_nano"]) == ("declined", 10**18)
    assert event["attributes"] == {"code": 51, "hints": ["limit", "card"]}
    [link] = charge["links"]
    assert (link["trace_id"], link["span_id"]) == (f"{0xABC:032x}", f"{0xDEF:016x}")
    assert link["attributes"] == {"reason": "retry", "attempt": 2}


@pytest.mark.parametrize("sender", PROTOCOLS)
def test_spans_keep_their_resource_and_scope(up: Service, sent: dict[str, Sent], sender: str) -> None:
    for span in two_spans(up, sent[sender]):
        assert span["service"] == f"shop over {sender}"
        assert span["resource"] == {"service.name": f"shop over {sender}", "host.cpus": 2}
        assert span["resource_schema_url"] == "https://example.test/1"
        assert span["scope"] == {
            "name": "shop",
            "version": "1.2.3",
            "attributes": {"scope": "own"},
            "schema_url": "https://example.test/scope",
            "dropped_attributes_count": 0,
        }


@pytest.mark.parametrize("sender", SENDERS)
def test_log_records_are_found_with_their_trace(up: Service, sent: dict[str, Sent], sender: str) -> None:
    up.trace(sent[sender].trace_id, spans=2)
    low, closed = up.logs(sent[sender].trace_id, records=2)
    assert (low["body"], low["severity_text"], low["severity_number"]) == ("stock is low", "WARN", 13)
    assert (low["attributes"], low["span_id"]) == ({"left": 3}, sent[sender].checkout)
    assert (closed["body"], closed["event_name"]) == ({"cart": ["book", 2]}, "cart.closed")
    assert closed["time_unix_nano"] == 10**18 + 1


def test_a_span_in_json_comes_back_as_it_was_sent(up: Service) -> None:
    span = {
        "traceId": "5B8EFFF798038103D269B633813FC60C",
        "spanId": "EEE19B7EC3C1B174",
        "name": "by hand",
        "kind": 4,
        "traceState": "vendor=1",
        "flags": 257,
        "startTimeUnixNano": "1544712660000000000",
        "endTimeUnixNano": 1544712661000000000,
        "attributes": [{"key": key, "value": value} for key, value in OTLP.items()],
        "droppedEventsCount": 3,
        "fromTheFuture": {"is": "ignored"},
    }
    body = json.dumps({"resourceSpans": [{"scopeSpans": [{"spans": [span]}]}]}).encode()
    headers = {"Content-Type": "application/json", "Content-Encoding": "gzip"}
    answer = HTTP.post(f"{up.otlp_http}/v1/traces", content=gzip.compress(body), headers=headers)
    assert (answer.status_code, answer.json()) == (200, {})

    [stored] = up.trace("5b8efff798038103d269b633813fc60c", attributes="otlp")["spans"]
    assert (stored["span_id"], stored["kind"], stored["trace_state"]) == (
        "eee19b7ec3c1b174",
        "producer",
        "vendor=1",
    )
    assert (stored["start_time_unix_nano"], stored["duration_ns"]) == (1544712660000000000, 10**9)
    assert (stored["flags"], stored["dropped_events_count"]) == (257, 3)
    assert stored["attributes"] == OTLP


DataPoints = dict[str, list[dict[str, Any]]]


@pytest.fixture(scope="module")
def data_points(home: Home, sent: dict[str, Sent]) -> DataPoints:
    """Every metrics table, read once the service is stopped; metrics have no query API yet."""
    send_summary(home.service())
    tables = ("gauge", "sum", "histogram", "exponential_histogram", "summary")
    rows = home.select(*(f"SELECT * FROM otel_metrics_{table} ORDER BY MetricName" for table in tables))
    return dict(zip(tables, rows, strict=True))


def send_summary(up: Service) -> None:
    """The SDK has no summaries: one in plain OTLP."""
    quantile = SummaryDataPoint.ValueAtQuantile
    point = SummaryDataPoint(
        time_unix_nano=clock_ns(),
        count=3,
        sum=4.5,
        quantile_values=[quantile(quantile=0.5, value=1), quantile(quantile=1, value=2.5)],
        attributes=attributes({"route": "/orders"}),
    )
    request = metrics_request(Metric(name="shop.sizes", summary=Summary(data_points=[point])), service="raw")
    answer = HTTP.post(
        f"{up.otlp_http}/v1/metrics",
        content=request.SerializeToString(),
        headers={"Content-Type": "application/x-protobuf"},
    )
    assert (answer.status_code, answer.content) == (200, b"")


def of(rows: list[dict[str, Any]], sender: str, *columns: str) -> list[tuple[Any, ...]]:
    """Columns of the rows that a sender has sent."""
    return [
        tuple(row[name] for name in columns) for row in rows if row["ServiceName"] == f"shop over {sender}"
    ]


@pytest.mark.parametrize("sender", SENDERS)
def test_a_gauge_arrives(data_points: DataPoints, sender: str) -> None:
    assert of(data_points["gauge"], sender, "MetricName", "MetricUnit", "Attributes", "Value") == [
        ("shop.temperature", "Cel", {"room": "cold"}, 21.5)
    ]


@pytest.mark.parametrize("sender", SENDERS)
def test_sums_arrive_whole_or_fractional_rising_or_not(data_points: DataPoints, sender: str) -> None:
    columns = ("MetricName", "Attributes", "IsMonotonic", "Value", "IntValue")
    assert of(data_points["sum"], sender, *columns) == [
        ("shop.carts", {}, False, -3.0, -3),
        ("shop.cpu", {"core": "0"}, True, 1.25, 0),
        ("shop.orders", {"kind": "book"}, True, 9007199254740992.0, 9007199254740993),
    ]


@pytest.mark.parametrize("sender", SENDERS)
def test_a_histogram_arrives(data_points: DataPoints, sender: str) -> None:
    [(count, total, bounds, buckets)] = of(
        data_points["histogram"], sender, "Count", "Sum", "ExplicitBounds", "BucketCounts"
    )
    assert (count, total) == (5, 100_246.0)
    assert {bound: n for bound, n in zip([*bounds, None], buckets, strict=True) if n} == {
        0: 1,
        10: 1,
        250: 2,
        None: 1,
    }


@pytest.mark.parametrize("sender", SENDERS)
def test_an_exponential_histogram_arrives(data_points: DataPoints, sender: str) -> None:
    columns = ("Count", "ZeroCount", "Scale", "PositiveOffset", "PositiveBucketCounts")
    [(count, zeros, scale, offset, buckets)] = of(data_points["exponential_histogram"], sender, *columns)
    assert (count, zeros) == (5, 1)
    base = 2**2**-scale
    lower_bounds = {base ** (offset + index): n for index, n in enumerate(buckets) if n}
    assert [n for lower, n in lower_bounds.items()] == [1, 2, 1]
    for lower, value in zip(lower_bounds, (7, 120, 99_999), strict=True):
        assert lower < value <= lower * base


def test_a_summary_arrives(data_points: DataPoints) -> None:
    [row] = data_points["summary"]
    assert (row["ServiceName"], row["MetricName"], row["Attributes"]) == (
        "raw",
        "shop.sizes",
        {"route": "/orders"},
    )
    assert (row["Count"], row["Sum"]) == (3, 4.5)
    assert row["ValueAtQuantiles.Quantile"] == [0.5, 1.0]
    assert row["ValueAtQuantiles.Value"] == [1.0, 2.5]
