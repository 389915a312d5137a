"""Stand-ins for X-Ray segments that no receiver gets: AWS Lambda keeps the segment of an invocation to itself.

The SDK inside the function sends subsegments that name it as their parent. Until the segment itself is there, one span
stands for it, from the first start to the last end of what is known below it. See docs/adr/0009.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from coldlight_query.rows import Render
from coldlight_storage.attributes import Value

SYNTHESISED = "coldlight.synthesised"
PARTIAL = "coldlight.partial"
_NAME = "segment not received"


def stand_ins(spans: Sequence[Mapping[str, Any]], render: Render) -> list[dict[str, Any]]:
    """A `models.Span` for each parent of independent subsegments that is not among all the spans of a trace."""
    known = {span["span_id"] for span in spans}
    below: dict[str, list[Mapping[str, Any]]] = {}
    for span in spans:
        parent = span["parent_span_id"]
        if parent is not None and parent not in known and _is_subsegment(span, render):
            below.setdefault(parent, []).append(span)
    return [_stand_in(span_id, children, render) for span_id, children in below.items()]


def _is_subsegment(span: Mapping[str, Any], render: Render) -> bool:
    return bool(span["attributes"].get("aws.xray.type") == render("subsegment"))


def _stand_in(span_id: str, children: Sequence[Mapping[str, Any]], render: Render) -> dict[str, Any]:
    start_ns = min(child["start_time_unix_nano"] for child in children)
    end_ns = max(child["start_time_unix_nano"] + child["duration_ns"] for child in children)
    marks: dict[str, Value] = {SYNTHESISED: True, PARTIAL: True}
    nothing = {"attributes": {}, "dropped_attributes_count": 0}
    return {
        "span_id": span_id,
        "parent_span_id": None,
        "name": _NAME,
        "kind": "server",
        "service": "",
        "start_time_unix_nano": start_ns,
        "duration_ns": end_ns - start_ns,
        "status": {"code": "unset", "message": ""},
        "attributes": {key: render(value) for key, value in marks.items()},
        "resource": {},
        "scope": {"name": "", "version": "", "schema_url": "", **nothing},
        "events": [],
        "links": [],
        "trace_state": "",
        "flags": 0,
        "dropped_attributes_count": 0,
        "dropped_events_count": 0,
        "dropped_links_count": 0,
        "resource_schema_url": "",
        "resource_dropped_attributes_count": 0,
    }
