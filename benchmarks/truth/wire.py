"""Spans as OTLP requests, as the layer's shipper or an OpenTelemetry SDK sends them."""

from collections.abc import Iterator, Mapping, Sequence
from enum import StrEnum
from random import Random

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import InstrumentationScope
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans, ScopeSpans, Span, Status

from benchmarks.attributes import attributes
from benchmarks.truth.recording import MadeSpan
from benchmarks.truth.services import ACCOUNT, REGION, WEB

_MOST_SPANS = 40


class Flavour(StrEnum):
    """Whose spans these are: of this project's layer, or of OpenTelemetry without link keys."""

    LAYER = "layer"
    PLAIN = "plain"


def requests(
    spans: Sequence[MadeSpan], instances: Mapping[int, str], start_ns: int, flavour: Flavour, dice: Random
) -> Iterator[tuple[int, bytes]]:
    """Their number and the body of each request, in the order of the spans, cut at random."""
    left = list(spans)
    while left:
        size = dice.randint(1, _MOST_SPANS)
        part, left = left[:size], left[size:]
        yield len(part), _request(part, instances, start_ns, flavour).SerializeToString()


def _request(
    spans: Sequence[MadeSpan], instances: Mapping[int, str], start_ns: int, flavour: Flavour
) -> ExportTraceServiceRequest:
    by_instance: dict[str, list[Span]] = {}
    for span in spans:
        by_instance.setdefault(instances[span.run], []).append(_encoded(span, start_ns, flavour))
    scope = InstrumentationScope(name="benchmarks.truth")
    return ExportTraceServiceRequest(
        resource_spans=[
            ResourceSpans(resource=_resource(instance), scope_spans=[ScopeSpans(scope=scope, spans=encoded)])
            for instance, encoded in by_instance.items()
        ]
    )


def _resource(instance: str) -> Resource:
    """Of a sandbox, whose name ends with that of its function and a number."""
    function = instance.rpartition("]")[2].rpartition("-")[0]
    if function == WEB:
        return Resource(attributes=attributes({"service.name": function}))
    return Resource(
        attributes=attributes(
            {
                "service.name": function,
                "cloud.provider": "aws",
                "cloud.platform": "aws_lambda",
                "cloud.region": REGION,
                "cloud.account.id": ACCOUNT,
                "faas.name": function,
                "faas.version": "$LATEST",
                "faas.instance": instance,
            }
        )
    )


def _encoded(span: MadeSpan, start_ns: int, flavour: Flavour) -> Span:
    said = {
        name: value
        for name, value in span.attributes.items()
        if flavour is Flavour.LAYER or not name.startswith("coldlight.")
    }
    return Span(
        trace_id=bytes.fromhex(span.ref.trace_id),
        span_id=bytes.fromhex(span.ref.span_id),
        parent_span_id=bytes.fromhex(span.parent),
        name=span.name,
        kind=span.kind,
        flags=1,
        start_time_unix_nano=start_ns + span.start_ns,
        end_time_unix_nano=start_ns + span.end_ns,
        attributes=attributes(said),
        links=[
            Span.Link(
                trace_id=bytes.fromhex(sender.trace_id),
                span_id=bytes.fromhex(sender.span_id),
                attributes=attributes(about),
            )
            for sender, about in span.links
        ],
        status=Status(code=Status.STATUS_CODE_ERROR, message="it failed") if span.is_failed else None,
    )
