"""A span that was sent more than once, in progress and complete, or by both sides of a call: what counts is shown, once."""

import pytest
from opentelemetry.proto.trace.v1.trace_pb2 import Span
from tests.query.api import Api

from coldlight_storage.testing import Put, span, traces_request


async def test_a_span_that_was_sent_twice_is_shown_once(api: Api, put: Put) -> None:
    put(traces_request(span(1), span(1)))
    put(traces_request(span(1)))
    trace = await api.trace()
    assert len(trace["spans"]) == trace["span_count"] == 1


async def test_of_two_versions_of_a_span_the_latest_counts(api: Api, put: Put) -> None:
    for version in (1, 2, 3):
        put(traces_request(span(1, attributes={"version": version})))
    assert (await api.span())["attributes"] == {"version": 3}


async def test_the_two_sides_of_a_call_may_share_a_span_id(api: Api, put: Put) -> None:
    """As Zipkin's do."""
    put(traces_request(span(2, kind=Span.SPAN_KIND_CLIENT, at=0)))
    put(traces_request(span(2, kind=Span.SPAN_KIND_SERVER, at=1), service="payments"))
    trace = await api.trace()
    assert [(each["kind"], each["service"]) for each in trace["spans"]] == [
        ("client", "orders"),
        ("server", "payments"),
    ]
    assert trace["span_count"] == 2


async def test_a_span_in_progress_is_shown_while_nothing_better_is_known(api: Api, put: Put) -> None:
    put(traces_request(span(1, attributes={"coldlight.partial": True, "step": 1})))
    put(traces_request(span(1, attributes={"coldlight.partial": True, "step": 2})))
    assert (await api.span())["attributes"]["step"] == 2


@pytest.mark.parametrize("complete_first", [True, False])
async def test_a_complete_span_replaces_the_one_in_progress(api: Api, put: Put, complete_first: bool) -> None:
    """Whichever arrives first."""
    complete = traces_request(span(1, lasts=2, attributes={"step": "all"}))
    partial = traces_request(span(1, lasts=0, attributes={"coldlight.partial": True}))
    for request in (complete, partial) if complete_first else (partial, complete):
        put(request)
    shown = await api.span()
    assert (shown["attributes"], shown["duration_ns"]) == ({"step": "all"}, 2_000_000_000)


@pytest.mark.parametrize("complete_first", [True, False])
async def test_a_span_in_progress_may_learn_its_kind_later(api: Api, put: Put, complete_first: bool) -> None:
    """As X-Ray's subsegments do, whose namespace may come with the end."""
    begun = span(1, kind=Span.SPAN_KIND_INTERNAL, lasts=0, attributes={"coldlight.partial": True})
    done = span(1, kind=Span.SPAN_KIND_CLIENT, lasts=2)
    for each in (done, begun) if complete_first else (begun, done):
        put(traces_request(each))
    assert (await api.span())["kind"] == "client"


async def test_a_side_of_a_call_in_progress_stays_beside_the_complete_other(api: Api, put: Put) -> None:
    """As Zipkin's do, which share an id."""
    put(traces_request(span(2, kind=Span.SPAN_KIND_CLIENT)))
    put(traces_request(span(2, kind=Span.SPAN_KIND_SERVER, attributes={"coldlight.partial": True})))
    assert {each["kind"] for each in (await api.trace())["spans"]} == {"client", "server"}
