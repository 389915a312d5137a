"""One trace by its id: everything that was sent is shown, and nothing twice."""

import math
from typing import Any

import pytest
from google.protobuf.json_format import MessageToDict, ParseDict
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from opentelemetry.proto.common.v1.common_pb2 import AnyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status
from tests.query.api import Api

from coldlight_storage import Store
from coldlight_storage.attributes import KeyValues
from coldlight_storage.testing import (
    Put,
    any_value,
    attributes,
    clock_ns,
    span,
    span_id,
    trace_id,
    traces_request,
)

FAR = 2**53 + 1
"""The first integer that JSON's numbers, as most programs read them, cannot hold."""


async def test_a_span_is_shown_as_it_was_sent(api: Api, put: Put) -> None:
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
            events=[
                Span.Event(
                    name="exception",
                    time_unix_nano=clock_ns(1.6),
                    attributes=attributes({"exception.type": "Declined", "exception.escaped": True}),
                    dropped_attributes_count=4,
                ),
                Span.Event(name="retry", time_unix_nano=clock_ns(1.7)),
            ],
            links=[
                Span.Link(
                    trace_id=trace_id(9),
                    span_id=span_id(8),
                    trace_state="vendor=3",
                    attributes=attributes({"queue": "payments"}),
                    dropped_attributes_count=5,
                    flags=0x300,
                )
            ],
        ),
        resource_attributes={"host.cpu": 4},
    )
    of_resource = request.resource_spans[0]
    of_resource.schema_url, of_resource.resource.dropped_attributes_count = "https://schemas/1", 6
    of_scope = of_resource.scope_spans[0]
    of_scope.schema_url = "https://schemas/2"
    of_scope.scope.version, of_scope.scope.dropped_attributes_count = "2.1", 7
    of_scope.scope.attributes.extend(attributes({"beta": False}))
    put(request)
    assert await api.span() == {
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
        "scope": {
            "name": "testing",
            "version": "2.1",
            "attributes": {"beta": False},
            "schema_url": "https://schemas/2",
            "dropped_attributes_count": 7,
        },
        "events": [
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
        ],
        "links": [
            {
                "trace_id": trace_id(9).hex(),
                "span_id": "0000000000000008",
                "trace_state": "vendor=3",
                "attributes": {"queue": "payments"},
                "flags": 0x300,
                "dropped_attributes_count": 5,
            }
        ],
        "trace_state": "vendor=1,other=2",
        "flags": 0x101,
        "dropped_attributes_count": 1,
        "dropped_events_count": 2,
        "dropped_links_count": 3,
        "resource_schema_url": "https://schemas/1",
        "resource_dropped_attributes_count": 6,
    }


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


# What is sent, and how it is shown: plain, and as OTLP/JSON.
VALUES: dict[str, tuple[Any, Any, Any]] = {
    "text": ("é\t\\'\"\n\x00🜁", "é\t\\'\"\n\x00🜁", {"stringValue": "é\t\\'\"\n\x00🜁"}),
    "empty text": ("", "", {"stringValue": ""}),
    "a number's text": ("200", "200", {"stringValue": "200"}),
    "true": (True, True, {"boolValue": True}),
    "false": (False, False, {"boolValue": False}),
    "integer": (200, 200, {"intValue": "200"}),
    "beyond 2^53": (FAR, FAR, {"intValue": str(FAR)}),
    "greatest integer": (2**63 - 1, 2**63 - 1, {"intValue": str(2**63 - 1)}),
    "least integer": (-(2**63), -(2**63), {"intValue": str(-(2**63))}),
    "double": (0.1, 0.1, {"doubleValue": 0.1}),
    "whole double": (2.0, 2.0, {"doubleValue": 2.0}),
    "great double": (1.7976931348623157e308, 1.7976931348623157e308, {"doubleValue": 1.7976931348623157e308}),
    "small double": (5e-324, 5e-324, {"doubleValue": 5e-324}),
    "NaN": (math.nan, "NaN", {"doubleValue": "NaN"}),
    "infinity": (math.inf, "Infinity", {"doubleValue": "Infinity"}),
    "minus infinity": (-math.inf, "-Infinity", {"doubleValue": "-Infinity"}),
    "bytes": (b"\x00\xff", "AP8=", {"bytesValue": "AP8="}),
    "no bytes": (b"", "", {"bytesValue": ""}),
    "nothing": (None, None, {}),
    "no items": ([], [], {"arrayValue": {"values": []}}),
    "no entries": ({}, {}, {"kvlistValue": {"values": []}}),
    "mixed": (
        ["a", 1, 1.0, None, b"\x01", [True]],
        ["a", 1, 1.0, None, "AQ==", [True]],
        {
            "arrayValue": {
                "values": [
                    {"stringValue": "a"},
                    {"intValue": "1"},
                    {"doubleValue": 1.0},
                    {},
                    {"bytesValue": "AQ=="},
                    {"arrayValue": {"values": [{"boolValue": True}]}},
                ]
            }
        },
    ),
    "a key twice": (
        KeyValues((("k", 1), ("k", FAR))),
        {"k": FAR},
        {
            "kvlistValue": {
                "values": [
                    {"key": "k", "value": {"intValue": "1"}},
                    {"key": "k", "value": {"intValue": str(FAR)}},
                ]
            }
        },
    ),
}


async def test_plain_attributes_are_json_of_their_own_type(api: Api, put: Put) -> None:
    put(traces_request(span(1, attributes={name: sent for name, (sent, _, _) in VALUES.items()})))
    found = (await api.span())["attributes"]
    expected = {name: plain for name, (_, plain, _) in VALUES.items()}
    assert repr(found) == repr(expected)  # to which 1, 1.0 and true are different


async def test_otlp_attributes_lose_nothing(api: Api, put: Put) -> None:
    put(traces_request(span(1, attributes={name: sent for name, (sent, _, _) in VALUES.items()})))
    found = (await api.span(attributes="otlp"))["attributes"]
    assert repr(found) == repr({name: otlp for name, (_, _, otlp) in VALUES.items()})


async def test_otlp_is_for_all_attributes_of_a_span(api: Api, put: Put) -> None:
    sent = attributes({"n": FAR})
    event, link = Span.Event(attributes=sent), Span.Link(trace_id=trace_id(9), attributes=sent)
    request = traces_request(span(1, events=[event], links=[link]), resource_attributes={"n": FAR})
    request.resource_spans[0].scope_spans[0].scope.attributes.extend(sent)
    put(request)
    shown = await api.span(attributes="otlp")
    found = [shown["resource"], shown["scope"]["attributes"]]
    found += [shown["events"][0]["attributes"], shown["links"][0]["attributes"]]
    assert [each["n"] for each in found] == [{"intValue": str(FAR)}] * 4


def nested(depth: int, innermost: Any) -> Any:
    """Lists in dictionaries in lists ..."""
    value = innermost
    for level in range(depth):
        value = {"in": value} if level % 2 else [value]
    return value


@pytest.mark.parametrize("depth", [8, 38])
async def test_values_nest_as_deep_as_protobuf_allows(api: Api, put: Put, depth: int) -> None:
    put(traces_request(span(1, attributes={"deep": nested(depth, FAR)})))
    assert (await api.span())["attributes"] == {"deep": nested(depth, FAR)}
    found = (await api.span(attributes="otlp"))["attributes"]["deep"]
    assert found == MessageToDict(any_value(nested(depth, FAR)))


async def test_of_a_key_that_comes_twice_the_last_value_is_shown_with_a_warning(api: Api, put: Put) -> None:
    sent = span(1)
    sent.attributes.extend(attributes(KeyValues((("k", "first"), ("k", "second")))))
    put(traces_request(sent))
    trace = await api.trace()
    assert trace["spans"][0]["attributes"] == {"k": "second"}
    assert trace["warnings"] == ["1 span(s) have an attribute key more than once; its last value is shown"]


TEXT = st.text(st.characters(codec="utf-8"), max_size=5)
SCALARS = (
    TEXT
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False)
    | st.binary(max_size=5)
    | st.none()
)
ANY_VALUES = st.recursive(
    SCALARS,
    lambda values: (
        st.lists(values, max_size=3)
        | st.lists(st.tuples(TEXT, values), max_size=3).map(lambda pairs: KeyValues(tuple(pairs)))
    ),
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=25)
@given(values=st.lists(ANY_VALUES, min_size=1, max_size=20))
async def test_any_value_comes_back(api: Api, put: Put, values: list[Any]) -> None:
    """Each example sends newer versions of the spans of the one before."""
    sent = [span(number, at=number, attributes={"value": value}) for number, value in enumerate(values, 1)]
    put(traces_request(*sent))
    shown = (await api.trace(attributes="otlp"))["spans"][: len(sent)]
    found = [ParseDict(each["attributes"]["value"], AnyValue()) for each in shown]
    assert found == [any_value(value) for value in values]


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


async def spans_by_page(api: Api, limit: int) -> list[list[dict[str, Any]]]:
    """The spans of trace 1, page by page to the last."""
    page = await api.trace(limit=limit)
    pages = [page["spans"]]
    while page["next_cursor"] is not None:
        page = await api.trace(limit=limit, cursor=page["next_cursor"])
        pages.append(page["spans"])
    return pages


@pytest.mark.parametrize("limit", [1, 2, 3, 7, 12, 13])
async def test_pages_hold_every_span_once_in_order(api: Api, put: Put, limit: int) -> None:
    """Also where many start at the same time, or share an id."""
    kinds = (Span.SPAN_KIND_CLIENT, Span.SPAN_KIND_SERVER)
    put(
        traces_request(
            *[span(number, at=number // 3, kind=kind) for number in range(6, 0, -1) for kind in kinds]
        )
    )
    whole = (await api.trace())["spans"]
    assert [(each["span_id"], each["kind"]) for each in whole] == [
        (span_id(number).hex(), kind) for number in range(1, 7) for kind in ("client", "server")
    ]
    pages = await spans_by_page(api, limit)
    assert [each for page in pages for each in page] == whole
    assert [len(page) for page in pages[:-1]] == [limit] * (len(pages) - 1)
    assert pages[-1]


async def test_an_older_version_of_a_span_is_not_on_a_later_page(api: Api, put: Put) -> None:
    put(traces_request(span(1, at=9, attributes={"coldlight.partial": True}), span(2, at=5)))
    put(traces_request(span(1, at=1)))
    pages = await spans_by_page(api, 1)
    assert [each["span_id"][-1] for page in pages for each in page] == ["1", "2"]


async def test_a_page_says_that_it_is_one(api: Api, put: Put) -> None:
    put(traces_request(*[span(number) for number in range(1, 5)]))
    page = await api.trace(limit=3)
    assert page["warnings"] == ["this is a page of 3 of 4 spans"]
    assert page["critical_path"] == []
    assert page["span_count"] == 4


async def test_a_missing_parent_is_named(api: Api, put: Put) -> None:
    put(traces_request(span(1), span(3, parent=2)))
    [warning] = (await api.trace())["warnings"]
    assert warning.startswith("1 parent span(s) have not been received")
    assert warning.endswith("(0000000000000002)")


async def test_many_missing_parents_are_counted(api: Api, put: Put) -> None:
    put(traces_request(*[span(number, parent=number + 100) for number in range(1, 8)]))
    [warning] = (await api.trace())["warnings"]
    assert warning.startswith("7 parent span(s)")
    assert warning.endswith("0000000000000069, ...)")


async def test_several_roots_are_counted(api: Api, put: Put) -> None:
    put(traces_request(span(1), span(2), span(3, parent=1)))
    assert (await api.trace())["warnings"] == ["2 spans have no parent: this trace has several roots"]


async def test_parents_in_a_circle_are_counted(api: Api, put: Put) -> None:
    put(traces_request(span(1), span(2, parent=3), span(3, parent=2), span(4, parent=3), span(5, parent=5)))
    assert (await api.trace())["warnings"] == [
        "4 span(s) lead to no root: their parents form a circle",
    ]


async def test_what_was_changed_on_receipt_is_counted(api: Api, put: Put) -> None:
    put(
        traces_request(
            span(1, attributes={"coldlight.repaired": ["name"]}),
            span(2, parent=1, attributes={"coldlight.truncated": ["attributes"]}),
            span(3, parent=1, attributes={"coldlight.repaired": ["name"]}),
        )
    )
    assert (await api.trace())["warnings"] == [
        "2 span(s) were repaired on receipt; see their attribute coldlight.repaired",
        "1 span(s) were cut to a limit on receipt; see their attribute coldlight.truncated",
    ]


async def test_an_id_of_64_bits_may_be_given_with_16_digits(api: Api, put: Put) -> None:
    put(traces_request(span(1, trace=0xABCDEF)))
    assert (await api.trace("0000000000abcdef"))["trace_id"] == "00000000000000000000000000abcdef"


async def test_an_id_may_be_given_in_upper_case(api: Api, put: Put) -> None:
    put(traces_request(span(1, trace=0xABCDEF)))
    assert (await api.trace("00000000000000000000000000ABCDEF"))["span_count"] == 1


async def test_other_traces_are_not_shown(api: Api, put: Put) -> None:
    put(traces_request(span(1, trace=1), span(2, trace=2)))
    assert [each["span_id"] for each in (await api.trace(2))["spans"]] == ["0000000000000002"]


# What the OpenTelemetry ClickHouse exporter writes, which knows nothing of our own columns.
FOREIGN = f"""
INSERT INTO otel_traces (Timestamp, TraceId, SpanId, ParentSpanId, TraceState, SpanName, SpanKind, ServiceName,
    ResourceAttributes, ScopeName, ScopeVersion, SpanAttributes, Duration, StatusCode, StatusMessage,
    Events.Timestamp, Events.Name, Events.Attributes,
    Links.TraceId, Links.SpanId, Links.TraceState, Links.Attributes)
VALUES (fromUnixTimestamp64Nano({clock_ns(3)}), '{trace_id(1).hex()}', '0000000000000002', '', '',
    'pay', 'Client', 'payments', {{'service.name': 'payments'}}, 'exporter', '1', {{'retries': '3'}}, 5, 'Error', 'no',
    [fromUnixTimestamp64Nano({clock_ns(4)})], ['exception'], [{{'exception.type': 'E'}}],
    ['{trace_id(9).hex()}'], ['0000000000000009'], ['k=v'], [{{'link': 'l'}}])
"""


async def test_rows_of_the_exporter_are_shown_too(api: Api, store: Store) -> None:
    store.command(FOREIGN)
    shown = await api.span(attributes="otlp")
    assert (shown["name"], shown["kind"], shown["status"]) == (
        "pay",
        "client",
        {"code": "error", "message": "no"},
    )
    assert shown["attributes"] == {"retries": {"stringValue": "3"}}
    assert shown["events"] == [
        {
            "name": "exception",
            "time_unix_nano": clock_ns(4),
            "attributes": {"exception.type": {"stringValue": "E"}},
            "dropped_attributes_count": 0,
        }
    ]
    assert shown["links"] == [
        {
            "trace_id": trace_id(9).hex(),
            "span_id": "0000000000000009",
            "trace_state": "k=v",
            "attributes": {"link": {"stringValue": "l"}},
            "flags": 0,
            "dropped_attributes_count": 0,
        }
    ]


async def test_a_row_with_the_least_that_it_can_have_is_shown(api: Api, store: Store) -> None:
    store.command(f"INSERT INTO otel_traces (TraceId) VALUES ('{trace_id(1).hex()}')")
    shown = await api.span()
    assert (shown["span_id"], shown["name"], shown["kind"], shown["events"]) == ("", "", "", [])


async def test_text_that_is_no_utf_8_hides_no_trace(api: Api, store: Store) -> None:
    """Our collector mends it; other writers may not."""
    store.command(f"INSERT INTO otel_traces (TraceId, SpanName) VALUES ('{trace_id(1).hex()}', '\\xff')")
    assert await api.span()
