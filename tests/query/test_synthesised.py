"""X-Ray segments that were not sent: what stands for them in a trace, and when it does not."""

from typing import Any

from opentelemetry.proto.trace.v1.trace_pb2 import Span
from tests.query.api import Api

from coldlight_storage.testing import Put, clock_ns, span, span_id, traces_request

ALONE = {"aws.xray.type": "subsegment"}
INTERNAL, SERVER = Span.SPAN_KIND_INTERNAL, Span.SPAN_KIND_SERVER


def subsegment(number: int, parent: int, **fields: Any) -> Span:
    return span(number, parent=parent, kind=INTERNAL, attributes=ALONE, **fields)


async def test_one_span_stands_for_the_parent_of_all_its_subsegments(api: Api, put: Put) -> None:
    put(traces_request(subsegment(2, parent=1, at=1, lasts=2)))
    put(traces_request(subsegment(3, parent=1, at=2, lasts=5)))
    trace = await api.trace()
    assert [span["span_id"] for span in trace["spans"]] == [span_id(number).hex() for number in (1, 2, 3)]
    first = trace["spans"][0]
    assert first["attributes"] == {"coldlight.synthesised": True, "coldlight.partial": True}
    assert (first["parent_span_id"], first["kind"], first["service"]) == (None, "server", "")
    assert (first["start_time_unix_nano"], first["duration_ns"]) == (clock_ns(1), 6 * 10**9)
    assert trace["span_count"] == 2
    assert [step["span_id"] for step in trace["critical_path"]] == [
        span_id(number).hex() for number in (2, 3)
    ]
    [warning] = trace["warnings"]
    assert warning.startswith("1 span(s) stand for segments")


async def test_it_is_gone_when_the_segment_is_there(api: Api, put: Put) -> None:
    put(traces_request(subsegment(2, parent=1)))
    put(traces_request(span(1, kind=SERVER, attributes={"coldlight.partial": True})))
    trace = await api.trace()
    assert [span["span_id"] for span in trace["spans"]] == [span_id(1).hex(), span_id(2).hex()]
    assert not any("coldlight.synthesised" in span["attributes"] for span in trace["spans"])
    assert trace["warnings"] == []


async def test_a_subsegment_that_came_before_the_one_around_it_leaves_nothing_behind(
    api: Api, put: Put
) -> None:
    put(traces_request(subsegment(3, parent=2)))
    put(traces_request(subsegment(2, parent=1)))
    found = {span["span_id"]: span["kind"] for span in (await api.trace())["spans"]}
    assert found == {span_id(1).hex(): "server", span_id(2).hex(): "internal", span_id(3).hex(): "internal"}


async def test_nothing_stands_for_the_missing_parents_of_other_spans(api: Api, put: Put) -> None:
    put(traces_request(span(2, parent=1)))
    assert [span["span_id"] for span in (await api.trace())["spans"]] == [span_id(2).hex()]


async def test_a_page_of_a_trace_has_only_what_was_received(api: Api, put: Put) -> None:
    put(traces_request(subsegment(2, parent=1), subsegment(3, parent=1, at=1)))
    first = await api.trace(limit=1)
    second = await api.trace(limit=1, cursor=first["next_cursor"])
    shown = [span["span_id"] for page in (first, second) for span in page["spans"]]
    assert shown == [span_id(2).hex(), span_id(3).hex()]


async def test_it_is_written_as_the_others_are(api: Api, put: Put) -> None:
    put(traces_request(subsegment(2, parent=1)))
    first = (await api.trace(attributes="otlp"))["spans"][0]
    assert first["attributes"]["coldlight.synthesised"] == {"boolValue": True}
