"""One trace by its id: everything that was sent is shown.

More of it in test_trace_attributes_api.py, test_trace_versions_api.py, test_trace_pages_api.py, test_trace_warnings_api.py.
"""

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import InstrumentationScope
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status
from tests.query.api import Api

from coldlight_storage.testing import Put, attributes, clock_ns, span, span_id, trace_id, traces_request

SENT_EVENTS = [
    Span.Event(
        name="exception",
        time_unix_nano=clock_ns(1.6),
        attributes=attributes({"exception.type": "Declined", "exception.escaped": True}),
        dropped_attributes_count=4,
    ),
    Span.Event(name="retry", time_unix_nano=clock_ns(1.7)),
]
SHOWN_EVENTS = [
    {
        "name": "exception",
        "time_unix_nano": clock_ns(1.6),
        "attributes": {"exception.type": "Declined", "exception.escaped": True},
        "dropped_attributes_count": 4,
    },
    {
        "name": "retry",
        "time_unix_nano": clock_ns(1.7),
        "attributes": {},
        "dropped_attributes_count": 0,
    },
]
SENT_LINK = Span.Link(
    trace_id=trace_id(9),
    span_id=span_id(8),
    trace_state="vendor=3",
    attributes=attributes({"queue": "payments"}),
    dropped_attributes_count=5,
    flags=0x300,
)
SHOWN_LINK = {
    "trace_id": trace_id(9).hex(),
    "span_id": "0000000000000008",
    "trace_state": "vendor=3",
    "attributes": {"queue": "payments"},
    "flags": 0x300,
    "dropped_attributes_count": 5,
}
SENT_SCOPE = InstrumentationScope(
    name="testing", version="2.1", attributes=attributes({"beta": False}), dropped_attributes_count=7
)
SHOWN_SCOPE = {
    "name": "testing",
    "version": "2.1",
    "attributes": {"beta": False},
    "schema_url": "https://schemas/2",
    "dropped_attributes_count": 7,
}
SHOWN = {
    "span_id": "0000000000000002",
    "parent_span_id": "0000000000000001",
    "name": "POST /pay",
    "kind": "client",
    "service": "orders",
    "start_time_unix_nano": clock_ns(1.5),
    "duration_ns": 250_000_000,
    "status": {"code": "error", "message": "declined"},
    "attributes": {"http.response.status_code": 402},
    "resource": {"service.name": "orders", "host.cpu": 4},
    "scope": SHOWN_SCOPE,
    "events": SHOWN_EVENTS,
    "links": [SHOWN_LINK],
    "trace_state": "vendor=1,other=2",
    "flags": 0x101,
    "dropped_attributes_count": 1,
    "dropped_events_count": 2,
    "dropped_links_count": 3,
    "resource_schema_url": "https://schemas/1",
    "resource_dropped_attributes_count": 6,
}


def fullest_request() -> ExportTraceServiceRequest:
    """A span of which every field is set, and so are those of its resource and scope."""
    request = traces_request(
        span(
            2,
            parent=1,
            at=1.5,
            lasts=0.25,
            name="POST /pay",
            kind=Span.SPAN_KIND_CLIENT,
            trace_state="vendor=1,other=2",
            flags=0x101,
            status=Status(code=Status.STATUS_CODE_ERROR, message="declined"),
            attributes={"http.response.status_code": 402},
            dropped_attributes_count=1,
            dropped_events_count=2,
            dropped_links_count=3,
            events=SENT_EVENTS,
            links=[SENT_LINK],
        ),
        resource_attributes={"host.cpu": 4},
    )
    of_resource = request.resource_spans[0]
    of_resource.schema_url, of_resource.resource.dropped_attributes_count = "https://schemas/1", 6
    of_scope = of_resource.scope_spans[0]
    of_scope.schema_url = "https://schemas/2"
    of_scope.scope.CopyFrom(SENT_SCOPE)
    return request


async def test_a_span_is_shown_as_it_was_sent(api: Api, put: Put) -> None:
    put(fullest_request())
    assert await api.span() == SHOWN


async def test_a_trace_tells_its_time_and_counts(api: Api, put: Put) -> None:
    failed = Status(code=Status.STATUS_CODE_ERROR)
    put(traces_request(span(2, parent=1, at=0.5, lasts=3, status=failed)))
    put(traces_request(span(1, at=0, lasts=1), span(3, parent=1, at=0.2, lasts=0.1)))
    trace = await api.trace()
    assert {key: trace[key] for key in ("trace_id", "start_time_unix_nano", "duration_ns")} == {
        "trace_id": trace_id(1).hex(),
        "start_time_unix_nano": clock_ns(0),
        "duration_ns": 3_500_000_000,
    }
    assert (trace["span_count"], trace["error_count"]) == (3, 1)
    assert trace["warnings"] == []


async def test_every_kind_has_a_name(api: Api, put: Put) -> None:
    put(traces_request(*[span(number + 1, kind=number, at=number) for number in range(6)]))
    kinds = [each["kind"] for each in (await api.trace())["spans"]]
    assert kinds == ["unspecified", "internal", "server", "client", "producer", "consumer"]


async def test_every_status_has_a_name(api: Api, put: Put) -> None:
    sent = (Status.STATUS_CODE_UNSET, Status.STATUS_CODE_OK, Status.STATUS_CODE_ERROR)
    put(traces_request(*[span(code + 1, at=code, status=Status(code=code)) for code in sent]))
    codes = [each["status"]["code"] for each in (await api.trace())["spans"]]
    assert codes == ["unset", "ok", "error"]


async def test_times_reach_from_1970_to_2262(api: Api, put: Put) -> None:
    earliest = span(1, start_time_unix_nano=0, end_time_unix_nano=0)
    latest = span(2, start_time_unix_nano=2**63 - 2, end_time_unix_nano=2**63 - 1)
    earliest.start_time_unix_nano = earliest.end_time_unix_nano = 0
    put(traces_request(earliest, latest))
    trace = await api.trace()
    assert trace["duration_ns"] == 2**63 - 1
    assert [each["start_time_unix_nano"] for each in trace["spans"]] == [0, 2**63 - 2]


async def test_an_id_of_64_bits_may_be_given_with_16_digits(api: Api, put: Put) -> None:
    put(traces_request(span(1, trace=0xABCDEF)))
    assert (await api.trace("0000000000abcdef"))["trace_id"] == "00000000000000000000000000abcdef"


async def test_an_id_may_be_given_in_upper_case(api: Api, put: Put) -> None:
    put(traces_request(span(1, trace=0xABCDEF)))
    assert (await api.trace("00000000000000000000000000ABCDEF"))["span_count"] == 1


async def test_other_traces_are_not_shown(api: Api, put: Put) -> None:
    put(traces_request(span(1, trace=1), span(2, trace=2)))
    assert [each["span_id"] for each in (await api.trace(2))["spans"]] == ["0000000000000002"]
