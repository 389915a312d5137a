"""Segment documents for tests, and the spans that are made of them."""

import json
from typing import Any

from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans, Span

from coldlight_collector.xray.documents import Rejection, translate
from coldlight_storage.attributes import from_proto, to_plain
from coldlight_storage.testing import NOON, sent_form, span_id, trace_id

AT = int(NOON.timestamp())
"""Noon in seconds, as X-Ray writes times."""


def xray_trace_id(number: int = 1) -> str:
    """`trace_id` of the testing kit in X-Ray's spelling."""
    digits = trace_id(number).hex()
    return f"1-{digits[:8]}-{digits[8:]}"


def segment(number: int = 1, /, **fields: Any) -> dict[str, Any]:
    """A complete segment of trace 1, from noon on for a second; a field that is None is left out."""
    made = {
        "name": f"segment {number}",
        "id": span_id(number).hex(),
        "trace_id": xray_trace_id(),
        "start_time": AT,
        "end_time": AT + 1,
    } | fields
    return {key: value for key, value in made.items() if value is not None}


def subsegment(number: int = 2, /, **fields: Any) -> dict[str, Any]:
    """The same, to be put inside a segment."""
    return segment(number, **{"name": f"subsegment {number}", "trace_id": None, **fields})


def independent(number: int = 2, /, *, parent: int = 1, **fields: Any) -> dict[str, Any]:
    """A subsegment that is sent by itself."""
    given = {"type": "subsegment", "parent_id": span_id(parent).hex(), "trace_id": xray_trace_id(), **fields}
    return subsegment(number, **given)


def sent(*documents: Any) -> tuple[list[ResourceSpans], list[Rejection]]:
    """What is stored of some documents, and what is rejected; each is JSON text, or what to make it of."""
    texts = [
        document if isinstance(document, str | bytes) else json.dumps(document) for document in documents
    ]
    translation = translate(texts)
    assert translation.payload.outcome.rejected == len(translation.rejections)
    return list(sent_form(translation.payload.body).resource_spans), translation.rejections


def spans_of(*documents: Any) -> list[Span]:
    """The spans of documents, none of which is rejected."""
    groups, rejections = sent(*documents)
    assert rejections == []
    return [span for group in groups for scope in group.scope_spans for span in scope.spans]


def span_of(document: Any) -> Span:
    """The first span of a document."""
    return spans_of(document)[0]


def plain(attributes: Any) -> dict[str, Any]:
    """Attributes as a dictionary of JSON values."""
    pairs: list[KeyValue] = list(attributes)
    assert len({pair.key for pair in pairs}) == len(pairs), "a key comes twice"
    return {
        pair.key: to_plain(from_proto(AnyValue.FromString(pair.value.SerializeToString()))) for pair in pairs
    }


def attributes_of(document: Any) -> dict[str, Any]:
    return plain(span_of(document).attributes)


def resource_of(document: Any) -> dict[str, Any]:
    [group], rejections = sent(document)
    assert rejections == []
    return plain(group.resource.attributes)


def codes(*documents: Any) -> list[str]:
    """X-Ray's error codes for documents."""
    return [rejection.code for rejection in sent(*documents)[1]]
