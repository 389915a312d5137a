"""What a search for traces answers: a summary of each, newest first. Any text is just text.

Its conditions are in test_search_conditions_api.py, its pages in test_search_pages_api.py.
"""

import json

from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status
from tests.query.api import Api

from coldlight_storage.testing import Put, attributes, clock_ns, span, trace_id, traces_request

ERROR = Status(code=Status.STATUS_CODE_ERROR)


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
