"""Every condition of the search for traces finds what it says, alone and together."""

from collections.abc import AsyncIterator

import pytest
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status
from tests.query.api import Api, open_api

from coldlight_storage import Store
from coldlight_storage.testing import Put, attributes, clock_ns, span, trace_id, traces_request

ERROR = Status(code=Status.STATUS_CODE_ERROR)


@pytest.fixture(scope="module")
def shop(kept_store: Store, put_once: Put) -> Store:
    """Three traces, ten seconds apart: an order that could not be paid for, a slow one, and a mail."""
    put_once(
        traces_request(
            span(1, trace=1, at=0, lasts=1, name="GET /orders", attributes={"user": "ann"}),
            span(2, trace=2, at=10, lasts=5, name="POST /orders", attributes={"user": "bob", "x": "a=b"}),
        )
    )
    declined = Span.Event(name="exception", attributes=attributes({"exception.type": "Declined"}))
    charge = {"http.response.status_code": 402, "user": "ann"}
    put_once(
        traces_request(
            span(
                3,
                trace=1,
                parent=1,
                at=0.5,
                lasts=0.25,
                name="charge",
                kind=Span.SPAN_KIND_CLIENT,
                status=ERROR,
                attributes=charge,
                events=[declined],
            ),
            service="payments",
        ),
        traces_request(
            span(
                4,
                trace=3,
                at=20,
                lasts=0.05,
                name="send",
                kind=Span.SPAN_KIND_CONSUMER,
                status=Status(code=Status.STATUS_CODE_OK),
                links=[Span.Link(trace_id=trace_id(2), attributes=attributes({"queue": "mails"}))],
            ),
            service="mailer",
            resource_attributes={"host.name": "h3"},
        ),
    )
    return kept_store


@pytest.fixture
async def api(shop: Store) -> AsyncIterator[Api]:
    async with open_api(shop) as api:
        yield api


class TestConditions:
    """Each alone, and together."""

    async def test_none_is_required(self, api: Api) -> None:
        assert await api.found() == [3, 2, 1]

    async def test_service(self, api: Api) -> None:
        assert await api.found(service="orders") == [2, 1]
        assert await api.found(service="payments") == [1]
        assert await api.found(service="order") == []

    async def test_name(self, api: Api) -> None:
        assert await api.found(name="charge") == [1]
        assert await api.found(name="Charge") == []

    async def test_status(self, api: Api) -> None:
        assert await api.found(status="error") == [1]
        assert await api.found(status="ok") == [3]
        assert await api.found(status="unset") == [2, 1]

    async def test_kind(self, api: Api) -> None:
        assert await api.found(kind="server") == [2, 1]
        assert await api.found(kind="client") == [1]
        assert await api.found(kind="consumer") == [3]
        assert await api.found(kind="producer") == []

    async def test_attribute(self, api: Api) -> None:
        assert await api.found(attribute="user=ann") == [1]
        assert await api.found(attribute="user=") == []
        assert await api.found(attribute="http.response.status_code=402") == [1]
        assert await api.found(attribute="x=a=b") == [2]
        assert await api.found(attribute="host.name=h3") == []

    async def test_attribute_key(self, api: Api) -> None:
        assert await api.found(attribute="user") == [2, 1]
        assert await api.found(attribute="nothing") == []

    async def test_several_attributes_of_one_span(self, api: Api) -> None:
        assert await api.found(attribute=["user=ann", "http.response.status_code"]) == [1]
        assert await api.found(attribute=["user=bob", "http.response.status_code"]) == []

    async def test_resource(self, api: Api) -> None:
        assert await api.found(resource="host.name=h3") == [3]
        assert await api.found(resource="host.name") == [3]
        assert await api.found(resource=["host.name", "service.name=orders"]) == []

    async def test_event(self, api: Api) -> None:
        assert await api.found(event="exception.type=Declined") == [1]
        assert await api.found(event="exception.type") == [1]
        assert await api.found(event="user") == []

    async def test_link(self, api: Api) -> None:
        assert await api.found(link="queue=mails") == [3]
        assert await api.found(link="queue") == [3]
        assert await api.found(link="queue=other") == []

    async def test_duration_of_a_span(self, api: Api) -> None:
        assert await api.found(min_duration="1s") == [2, 1]
        assert await api.found(min_duration="1000000001ns") == [2]
        assert await api.found(max_duration="250ms") == [3, 1]
        assert await api.found(max_duration="0.049999999s") == []
        assert await api.found(min_duration="50ms", max_duration="0.25s") == [3, 1]

    async def test_duration_of_the_trace(self, api: Api) -> None:
        assert await api.found(min_trace_duration="1s") == [2, 1]
        assert await api.found(max_trace_duration="1s") == [3, 1]
        assert await api.found(service="payments", min_trace_duration="1s") == [1]
        assert await api.found(service="payments", min_trace_duration="1000000001ns") == []

    async def test_filter(self, api: Api) -> None:
        assert await api.found(filter='service = "orders" and duration > 1s') == [2]
        assert await api.found(filter='attributes["http.response.status_code"] >= 400') == [1]
        assert await api.found(filter="trace_duration < 1s or trace_duration > 2s") == [3, 2]

    async def test_one_span_must_meet_all(self, api: Api) -> None:
        assert await api.found(service="payments", status="error", attribute="user=ann") == [1]
        assert await api.found(service="orders", status="error") == []
        assert await api.found(service="orders", filter='name = "charge"') == []


TEN = clock_ns(10)


@pytest.mark.parametrize(
    "ten",
    [
        str(TEN),
        "2026-11-23T12:00:10Z",
        "2026-11-23t12:00:10z",
        "2026-11-23T12:00:10.0Z",
        "2026-11-23T12:00:10.000000000Z",
        "2026-11-23T14:30:10+02:30",
        "2026-11-23T14:30:10 02:30",  # what a server sees of an unescaped +
        "2026-11-22T23:30:10.000-12:30",
    ],
)
async def test_a_time_may_be_written_in_many_ways(api: Api, ten: str) -> None:
    assert await api.found(start=ten, end=ten) == [2]


async def test_times_are_exact_to_the_nanosecond(api: Api) -> None:
    assert await api.found(start=str(TEN)) == [3, 2]
    assert await api.found(start=str(TEN + 1)) == [3]
    assert await api.found(start="2026-11-23T12:00:10.000000001Z") == [3]
    assert await api.found(end=str(TEN)) == [2, 1]
    assert await api.found(end=str(TEN - 1)) == [1]
    assert await api.found(end="2026-11-23T12:00:09.999999999Z") == [1]
    assert await api.found(start=str(TEN + 1), end=str(TEN)) == []


async def test_times_are_those_of_the_span_that_matches(api: Api) -> None:
    """Not of its trace."""
    later = str(clock_ns(0.25))
    assert await api.found(service="payments", start=later) == [1]
    assert await api.found(start=later, end=str(clock_ns(1))) == [1]
    assert await api.found(service="payments", end=later) == []
