"""The search for traces: every condition finds what it says, newest first, and pages neither repeat nor skip."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status
from tests.query.api import Api

from coldlight_storage.testing import Put, attributes, clock_ns, span, trace_id, traces_request

ERROR = Status(code=Status.STATUS_CODE_ERROR)


@pytest.fixture
def shop(put: Put) -> None:
    """Three traces, ten seconds apart: an order that could not be paid for, a slow one, and a mail."""
    put(
        traces_request(
            span(1, trace=1, at=0, lasts=1, name="GET /orders", attributes={"user": "ann"}),
            span(2, trace=2, at=10, lasts=5, name="POST /orders", attributes={"user": "bob", "x": "a=b"}),
        )
    )
    declined = Span.Event(name="exception", attributes=attributes({"exception.type": "Declined"}))
    charge = {"http.response.status_code": 402, "user": "ann"}
    put(
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


@pytest.mark.usefixtures("shop")
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


@pytest.mark.usefixtures("shop")
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


@pytest.mark.usefixtures("shop")
async def test_times_are_exact_to_the_nanosecond(api: Api) -> None:
    assert await api.found(start=str(TEN)) == [3, 2]
    assert await api.found(start=str(TEN + 1)) == [3]
    assert await api.found(start="2026-11-23T12:00:10.000000001Z") == [3]
    assert await api.found(end=str(TEN)) == [2, 1]
    assert await api.found(end=str(TEN - 1)) == [1]
    assert await api.found(end="2026-11-23T12:00:09.999999999Z") == [1]
    assert await api.found(start=str(TEN + 1), end=str(TEN)) == []


@pytest.mark.usefixtures("shop")
async def test_times_are_those_of_the_span_that_matches(api: Api) -> None:
    """Not of its trace."""
    later = str(clock_ns(0.25))
    assert await api.found(service="payments", start=later) == [1]
    assert await api.found(start=later, end=str(clock_ns(1))) == [1]
    assert await api.found(service="payments", end=later) == []


async def test_a_found_trace_is_summed_up(api: Api, put: Put) -> None:
    put(traces_request(span(2, parent=1, at=0.5, lasts=2, status=ERROR), service="payments"))
    put(traces_request(span(1, at=0, lasts=1, name="GET /orders", status=ERROR)))
    assert await api.traces(service="payments") == {
        "traces": [
            {
                "trace_id": trace_id(1).hex(),
                "start_time_unix_nano": clock_ns(0),
                "duration_ns": 2_500_000_000,
                "span_count": 2,
                "error_count": 2,
                "root": {
                    "span_id": "0000000000000001",
                    "service": "orders",
                    "name": "GET /orders",
                    "status": "error",
                    "received": True,
                },
            }
        ],
        "next_cursor": None,
    }


async def test_without_a_root_the_earliest_span_stands_for_it(api: Api, put: Put) -> None:
    put(traces_request(span(3, parent=1, at=2), span(2, parent=1, at=1, name="early")))
    [found] = (await api.traces())["traces"]
    assert (found["root"]["name"], found["root"]["received"]) == ("early", False)


async def test_a_span_that_was_sent_twice_counts_once(api: Api, put: Put) -> None:
    for _ in range(2):
        put(traces_request(span(1), span(2, parent=1, status=ERROR)))
    [found] = (await api.traces())["traces"]
    assert (found["span_count"], found["error_count"]) == (2, 1)


async def test_traces_are_in_order_of_their_own_start(api: Api, put: Put) -> None:
    """Whichever of their spans matches, and whenever it came."""
    put(traces_request(span(1, trace=1, at=50), span(2, trace=2, at=40)))
    put(traces_request(span(3, trace=2, at=60), span(4, trace=1, at=10)))
    assert await api.found() == [2, 1]
    assert await api.found(filter=f'span_id = "{3:016x}" or span_id = "{1:016x}"') == [2, 1]


async def test_traces_that_start_together_are_in_order_of_their_ids(api: Api, put: Put) -> None:
    put(traces_request(*[span(1, trace=number) for number in (2, 3, 1)]))
    assert await api.found() == [3, 2, 1]


async def test_a_page_holds_twenty_unless_told(api: Api, put: Put) -> None:
    put(traces_request(*[span(1, trace=number, at=number) for number in range(1, 31)]))
    assert await api.found() == list(range(30, 10, -1))
    assert await api.found(limit=2) == [30, 29]
    assert await api.found(limit=1000) == list(range(30, 0, -1))


async def test_a_search_goes_back_as_far_as_it_must(api: Api, put: Put) -> None:
    """From the future through the last minute, hour and days to 1970."""
    seconds = [3600, 0, -59, -60, -61, -3600, -3601, -3 * 86400, -3 * 86400 - 1, -400 * 86400]
    put(traces_request(*[span(1, trace=number, at=at) for number, at in enumerate(seconds, 1)]))
    oldest = span(1, trace=11)
    oldest.start_time_unix_nano = oldest.end_time_unix_nano = 0
    put(traces_request(oldest))
    assert await api.found() == list(range(1, 12))
    assert await api.found(service="orders") == list(range(1, 12))
    assert await api.found(service="orders", start=str(clock_ns(-3601))) == list(range(1, 8))


async def pages(
    api: Api, limit: int, conditions: Mapping[str, str], between: Callable[[], object] = lambda: None
) -> list[int]:
    """The numbers of the traces on all pages; `between` is called after each but the last."""
    found: list[int] = []
    cursor: dict[str, str] = {}
    while True:
        page = await api.traces(limit=limit, **conditions, **cursor)
        assert len(page["traces"]) == limit or page["next_cursor"] is None
        found += [int(trace["trace_id"], 16) for trace in page["traces"]]
        if page["next_cursor"] is None:
            return found
        cursor = {"cursor": page["next_cursor"]}
        between()


async def test_a_long_trace_is_found_by_a_late_span(api: Api, put: Put) -> None:
    """Also from a page on which everything else is much older than that span."""
    put(
        traces_request(span(1, trace=1, at=-7200), span(1, trace=2, at=-5400)),
        traces_request(span(2, trace=1, at=-60), span(2, trace=2, at=-120), span(1, trace=3), service="late"),
    )
    assert await pages(api, 1, {"service": "late"}) == [3, 2, 1]


@pytest.mark.usefixtures("shop")
@pytest.mark.parametrize("limit", [1, 2, 3])
async def test_the_last_page_has_no_cursor(api: Api, limit: int) -> None:
    assert await pages(api, limit, {}) == [3, 2, 1]


async def test_what_is_newer_does_not_disturb_the_pages(api: Api, put: Put) -> None:
    put(traces_request(*[span(1, trace=number, at=number) for number in range(1, 6)]))
    newer = iter(range(10, 20))

    def arrive() -> None:
        number = next(newer)
        put(
            traces_request(
                span(1, trace=number, at=number), span(2, trace=3, at=number), span(2, trace=4, at=number)
            )
        )

    assert await pages(api, 2, {}, arrive) == [5, 4, 3, 2, 1]
    assert await pages(api, 2, {"service": "orders"}, arrive) == [11, 10, 5, 4, 3, 2, 1]


DAY = 86_400
# Around the edges of the slices of time that a search reads, in the far past, and in the future.
OFFSETS = st.sampled_from(
    [-60, -61, -59.5, 0, -3600, -3601, -3 * DAY, -3 * DAY - 1, -90 * DAY, -20 * 365 * DAY, 7200]
)
STARTS = st.builds(lambda offset, more: offset + more, OFFSETS, st.sampled_from([0, 0, 0, 5, 30, 70]))
SERVICES = st.sampled_from(["orders", "payments"])
SPANS = st.builds(
    lambda trace, number, at, lasts: span(number, trace=trace, at=at, lasts=lasts),
    st.integers(1, 12),
    st.integers(1, 4),
    STARTS,
    st.sampled_from([0, 1, 100, 2 * DAY]),
)
CONDITIONS: st.SearchStrategy[dict[str, str]] = st.fixed_dictionaries(
    {},
    optional={
        "service": SERVICES,
        "start": STARTS.map(lambda at: str(clock_ns(at))),
        "end": STARTS.map(lambda at: str(clock_ns(at))),
        "min_trace_duration": st.sampled_from(["1s", "100s", "864000s"]),
    },
)


@dataclass
class Known:
    """All spans of a test, with their services. The plain way to search them."""

    spans: list[tuple[Span, str]] = field(default_factory=list)

    def search(
        self, service: str = "", start: str = "0", end: str = str(2**63), min_trace_duration: str = "0s"
    ) -> list[int]:
        starts: dict[bytes, int] = {}
        ends: dict[bytes, int] = {}
        matching = set()
        for each, of in self.spans:
            trace, at = each.trace_id, each.start_time_unix_nano
            starts[trace] = min(at, starts.get(trace, at))
            ends[trace] = max(each.end_time_unix_nano, ends.get(trace, 0))
            if of == (service or of) and int(start) <= at <= int(end):
                matching.add(trace)
        least_ns = int(min_trace_duration.removesuffix("s")) * 10**9
        long = [trace for trace in matching if ends[trace] - starts[trace] >= least_ns]
        newest_first = sorted(long, key=lambda trace: (starts[trace], trace), reverse=True)
        return [int.from_bytes(trace) for trace in newest_first]


@pytest.fixture
def known() -> Known:
    return Known()


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=25)
@given(
    sent=st.lists(st.tuples(SPANS, SERVICES), min_size=1, max_size=25),
    conditions=CONDITIONS,
    limit=st.integers(1, 7),
)
async def test_pages_put_together_are_the_whole_search(
    api: Api,
    put: Put,
    known: Known,
    sent: list[tuple[Span, str]],
    conditions: dict[str, str],
    limit: int,
) -> None:
    """Each example adds to what the ones before it have sent."""
    put(*[traces_request(each, service=service) for each, service in sent])
    known.spans += sent
    assert await pages(api, limit, conditions) == known.search(**conditions)


NASTY = [
    "'",
    '"',
    "`",
    "\\",
    "\\'",
    "\\N",
    "\\0",
    "'; DROP TABLE otel_traces; --",
    "' OR 1=1 --",
    "/*",
    "#",
    "{x:String}",
    "{f0:String}",
    "{limit:UInt32}",
    "%s",
    "%(f0)s",
    "$condition",
    "$matching",
    "\x00",
    "a\x00b",
    "\t\r\n",
    "é🜁\u202e",
    "%",
    "_",
    "*",
    "NULL",
    "[1]",
    "a" * 4_000,
]


SCOPES = ("attribute", "resource", "event", "link")


async def test_any_text_is_just_text(api: Api, put: Put) -> None:
    """What ClickHouse, Python or this program might take for more is found where it is, and nothing else."""
    put(
        *[
            traces_request(
                span(
                    1,
                    trace=number,
                    at=number,
                    name=nasty,
                    attributes=texts,
                    events=[Span.Event(attributes=attributes(texts))],
                    links=[Span.Link(attributes=attributes(texts))],
                ),
                service=nasty,
                resource_attributes=texts,
            )
            for number, nasty in enumerate(NASTY, 1)
            for texts in [{"key": nasty, nasty: ""}]
        ]
    )
    for number, nasty in enumerate(NASTY, 1):
        assert await api.found(service=nasty) == [number]
        assert await api.found(name=nasty) == [number]
        assert await api.found(filter=f"name = {json.dumps(nasty)}") == [number]
        assert await api.found(**dict.fromkeys(SCOPES, f"key={nasty}")) == [number]
        if "=" not in nasty:  # with one, a key is what comes before it
            assert await api.found(**dict.fromkeys(SCOPES, nasty)) == [number]
    assert await api.found() == list(range(len(NASTY), len(NASTY) - 20, -1))
