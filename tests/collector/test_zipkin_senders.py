"""Zipkin's own client and OpenTelemetry's exporter, as programs use them."""

import asyncio
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from opentelemetry.exporter.zipkin.encoder import Protocol
from opentelemetry.exporter.zipkin.json import ZipkinExporter
from opentelemetry.exporter.zipkin.json.v2 import JsonV2Encoder
from opentelemetry.exporter.zipkin.node_endpoint import NodeEndpoint
from opentelemetry.proto.trace.v1 import trace_pb2 as otlp
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import Event, ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.util.instrumentation import InstrumentationInfo, InstrumentationScope
from opentelemetry.trace import SpanContext, SpanKind, Status, StatusCode
from py_zipkin.encoding._types import Encoding, Kind
from py_zipkin.transport import BaseTransportHandler
from py_zipkin.zipkin import zipkin_client_span, zipkin_span
from tests.collector.zipkin_port import JSON, PROTOBUF, V1, V2, ZipkinPort
from tests.otlp import attributes

from coldlight_collector.zipkin import to_otlp, v2_json

# The exporter still asks spans for their scope by its old name.
pytestmark = [
    pytest.mark.filterwarnings(f"ignore:{said}:DeprecationWarning")
    for said in ("Access to.*instrumentation_info", "You should use InstrumentationScope")
]

ENCODINGS = {Encoding.V1_JSON: (V1, JSON), Encoding.V2_JSON: (V2, JSON), Encoding.V2_PROTO3: (V2, PROTOBUF)}


class Transport(BaseTransportHandler):
    """Posts what py_zipkin has encoded; it leaves that to its users."""

    def __init__(self, url: str, encoding: Encoding) -> None:
        path, self.content_type = ENCODINGS[encoding]
        self.url = url + path

    def get_max_payload_bytes(self) -> int | None:
        return None

    def send(self, payload: bytes | str) -> None:
        headers = {"Content-Type": self.content_type}
        httpx.post(self.url, content=payload, headers=headers).raise_for_status()


def run_shop(url: str, encoding: Encoding) -> None:
    """A request that asks another service."""
    request = zipkin_span(
        "shop",
        "checkout",
        transport_handler=Transport(url, encoding),
        sample_rate=100,
        encoding=encoding,
        kind=Kind.SERVER,
        host="10.0.0.1",
        port=80,
        use_128bit_trace_id=True,
    )
    with request, zipkin_client_span("shop", "reserve", binary_annotations={"item": "book"}) as reserve:
        reserve.add_annotation("retried")
        reserve.add_sa_binary_annotation(443, "stock", "10.0.0.2")


@pytest.mark.parametrize("encoding", ENCODINGS)
async def test_py_zipkins_spans_are_the_same_in_every_encoding(
    zipkin: ZipkinPort, encoding: Encoding
) -> None:
    await asyncio.to_thread(run_shop, zipkin.url, encoding)
    spans = {span.name: span for span in zipkin.stored_spans}
    checkout, reserve = spans["checkout"], spans["reserve"]
    assert (checkout.kind, reserve.kind) == (otlp.Span.SPAN_KIND_SERVER, otlp.Span.SPAN_KIND_CLIENT)
    assert (reserve.trace_id, reserve.parent_span_id) == (checkout.trace_id, checkout.span_id)
    assert checkout.start_time_unix_nano <= reserve.start_time_unix_nano <= reserve.end_time_unix_nano
    assert {resource["service.name"] for resource, _ in zipkin.stored_groups} == {"shop"}
    assert [event.name for event in reserve.events] == ["retried"]
    found = attributes(reserve)
    assert (found["item"], found["peer.service"], found["server.address"]) == ("book", "stock", "10.0.0.2")
    assert (attributes(checkout)["network.local.address"], attributes(checkout)["network.local.port"]) == (
        "10.0.0.1",
        80,
    )
    assert "coldlight.repaired" not in {*found, *attributes(checkout)}


@pytest.mark.parametrize(("version", "path"), [(Protocol.V1, V1), (Protocol.V2, V2)])
async def test_opentelemetrys_exporter_is_served(zipkin: ZipkinPort, version: Protocol, path: str) -> None:
    def run_function() -> None:
        provider = TracerProvider(resource=Resource({"service.name": "shop", "host.name": "h"}))
        exporter = ZipkinExporter(version, endpoint=zipkin.url + path, max_tag_value_length=256)
        provider.add_span_processor(SimpleSpanProcessor(exporter))
        tracer = provider.get_tracer("lib", "1.0")
        with tracer.start_as_current_span("checkout") as span:
            span.set_status(StatusCode.ERROR, "card declined")
        provider.shutdown()

    await asyncio.to_thread(run_function)
    [(resource, scope)] = zipkin.stored_groups
    [span] = scope.spans
    assert resource == {"service.name": "shop", "host.name": "h"}
    assert (scope.scope.name, scope.scope.version) == ("lib", "1.0")
    assert (span.name, span.status.message) == ("checkout", "card declined")
    assert attributes(span) == {"zipkin.debug": True}


# Round trip: what OpenTelemetry's exporter puts into Zipkin's fields comes out of them again

words = st.text(st.characters(codec="utf-8"), max_size=8)
keys = words.map(lambda word: f"key.{word}")
finite = st.floats(allow_nan=False, allow_infinity=False)
values = st.one_of(words, st.booleans(), st.integers(-(2**63), 2**63 - 1), finite)
times = st.integers(10**18, 2 * 10**18)
statuses = st.one_of(
    st.sampled_from([Status(StatusCode.UNSET), Status(StatusCode.OK)]),
    st.builds(Status, st.just(StatusCode.ERROR), words.filter(lambda word: word != "true")),
)


@st.composite
def opentelemetry_spans(draw: st.DrawFn) -> ReadableSpan:
    trace_id, parent_id = draw(st.integers(1, 2**128 - 1)), draw(st.none() | st.integers(1, 2**62))
    start, end = sorted((draw(times), draw(times)))
    event = st.builds(Event, words, st.dictionaries(keys, values, max_size=2), times)
    scope = draw(words), draw(words)
    return ReadableSpan(
        name=draw(words),
        context=SpanContext(trace_id, draw(st.integers(2**63, 2**64 - 1)), is_remote=False),
        parent=None if parent_id is None else SpanContext(trace_id, parent_id, is_remote=False),
        resource=Resource({"service.name": "shop", "host.name": draw(words.filter(bool))}),
        attributes=draw(st.dictionaries(keys, values, max_size=3)),
        events=draw(st.lists(event, max_size=2)),
        kind=draw(st.sampled_from(SpanKind)),
        instrumentation_info=InstrumentationInfo(*scope),
        instrumentation_scope=InstrumentationScope(*scope),
        status=draw(statuses),
        start_time=start,
        end_time=end,
    )


def in_us(time_ns: int) -> int:
    """As the exporter rounds."""
    return (time_ns + 500) // 1000 * 1000


def tag(value: Any) -> str:
    """As the specification writes an attribute's value."""
    return str(value).lower() if isinstance(value, bool) else str(value)


Fields = Callable[[Any], Any]
PROMISED: dict[str, tuple[Fields, Fields]] = {
    "ids": (
        lambda sent: (sent.context.trace_id, sent.context.span_id, sent.parent.span_id if sent.parent else 0),
        lambda stored: tuple(
            int.from_bytes(found) for found in (stored.trace_id, stored.span_id, stored.parent_span_id)
        ),
    ),
    "name": (lambda sent: sent.name, lambda stored: stored.name),
    "kind": (lambda sent: sent.kind.value + 1, lambda stored: stored.kind),
    "start": (lambda sent: in_us(sent.start_time), lambda stored: stored.start_time_unix_nano),
    "end": (
        lambda sent: in_us(sent.start_time) + in_us(sent.end_time - sent.start_time),
        lambda stored: stored.end_time_unix_nano,
    ),
    "status": (
        lambda sent: (sent.status.status_code.value, sent.status.description or ""),
        lambda stored: (stored.status.code, stored.status.message),
    ),
    "attributes": (
        lambda sent: {key: tag(value) for key, value in sent.attributes.items()},
        attributes,
    ),
    "events": (
        lambda sent: [(one.name, in_us(one.timestamp), dict(one.attributes)) for one in sent.events],
        lambda stored: [(one.name, one.time_unix_nano, attributes(one)) for one in stored.events],
    ),
}
"""What OpenTelemetry promises for each field: as it was sent, and as it is stored."""


_NO_LIMIT = 0


@settings(deadline=None)
@given(opentelemetry_spans())
def test_what_the_exporter_writes_is_read_back_field_by_field(sent: ReadableSpan) -> None:
    local = NodeEndpoint()
    local.service_name = "shop"
    encoder: Any = JsonV2Encoder(_NO_LIMIT)
    decoded = v2_json.decode(encoder.serialize([sent], local).encode())
    assert decoded.rejected == []
    request: Any = to_otlp.convert(decoded.spans, received_us=0).request
    [group] = request.resource_spans
    [scope] = group.scope_spans
    [stored] = scope.spans
    for promised, found in PROMISED.values():
        assert found(stored) == promised(sent)
    assert attributes(group.resource) == dict(sent.resource.attributes)
    assert sent.instrumentation_scope
    assert scope.scope.name == sent.instrumentation_scope.name
    assert scope.scope.version == sent.instrumentation_scope.version
