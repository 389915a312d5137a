"""What becomes of a v2 span: OpenTelemetry's conventions for Zipkin, rule by rule."""

import json
import time
from typing import Any

import pytest
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status
from tests.collector.zipkin_port import ZipkinPort, clock_us, v2_span
from tests.otlp import attributes

from coldlight_storage.testing import SECOND, clock_ns, span_id, trace_id

ERROR, OK, UNSET = Status.STATUS_CODE_ERROR, Status.STATUS_CODE_OK, Status.STATUS_CODE_UNSET


# Ids, kind, times


async def test_a_span_keeps_its_ids_name_and_times(zipkin: ZipkinPort) -> None:
    span = await zipkin.store_one(number=2, parentId=f"{1:016x}", name="get /orders")
    assert (span.trace_id, span.span_id, span.parent_span_id) == (trace_id(1), span_id(2), span_id(1))
    assert span.name == "get /orders"
    assert (span.start_time_unix_nano, span.end_time_unix_nano) == (clock_ns(), clock_ns(1))
    assert attributes(span) == {}


@pytest.mark.parametrize(
    ("sent", "stored"),
    [
        ("463ac35c9f6413ad48485a3953bb6124", "463ac35c9f6413ad48485a3953bb6124"),
        ("48485a3953bb6124", "000000000000000048485a3953bb6124"),
        ("1", "00000000000000000000000000000001"),
        ("ABCDEF0123456789A", "000000000000000abcdef0123456789a"),
    ],
)
async def test_a_trace_id_is_padded_on_the_left(zipkin: ZipkinPort, sent: str, stored: str) -> None:
    assert (await zipkin.store_one(traceId=sent)).trace_id.hex() == stored


@pytest.mark.parametrize(
    ("sent", "stored"),
    [
        ("CLIENT", Span.SPAN_KIND_CLIENT),
        ("SERVER", Span.SPAN_KIND_SERVER),
        ("PRODUCER", Span.SPAN_KIND_PRODUCER),
        ("CONSUMER", Span.SPAN_KIND_CONSUMER),
        (None, Span.SPAN_KIND_INTERNAL),
    ],
)
async def test_every_kind_has_its_own_and_none_is_internal(
    zipkin: ZipkinPort, sent: str | None, stored: int
) -> None:
    assert (await zipkin.store_one(kind=sent)).kind == stored


async def test_the_two_sides_of_a_call_share_an_id_and_are_two_spans(zipkin: ZipkinPort) -> None:
    client, server = await zipkin.store(v2_span(kind="CLIENT"), v2_span(kind="SERVER", shared=True))
    assert client.span_id == server.span_id
    assert (client.kind, server.kind) == (Span.SPAN_KIND_CLIENT, Span.SPAN_KIND_SERVER)
    assert attributes(server) == {"zipkin.shared": True}


async def test_the_debug_flag_is_kept(zipkin: ZipkinPort) -> None:
    assert attributes(await zipkin.store_one(debug=True)) == {"zipkin.debug": True}


async def test_a_span_without_a_duration_ends_as_it_starts_and_says_so(zipkin: ZipkinPort) -> None:
    span = await zipkin.store_one(duration=None)
    assert span.end_time_unix_nano == span.start_time_unix_nano == clock_ns()
    assert attributes(span) == {"coldlight.partial": True, "coldlight.repaired": ["end_time_unix_nano"]}


async def test_a_duration_of_zero_is_one(zipkin: ZipkinPort) -> None:
    span = await zipkin.store_one(duration=0)
    assert span.end_time_unix_nano == clock_ns()
    assert attributes(span) == {}


async def test_a_span_without_a_start_starts_with_its_first_annotation(zipkin: ZipkinPort) -> None:
    happened = [{"timestamp": clock_us(at), "value": "x"} for at in (7, 5)]
    span = await zipkin.store_one(timestamp=None, annotations=happened)
    assert (span.start_time_unix_nano, span.end_time_unix_nano) == (clock_ns(5), clock_ns(6))
    assert attributes(span) == {"coldlight.partial": True, "coldlight.repaired": ["start_time_unix_nano"]}


async def test_a_span_without_any_time_is_put_to_its_receipt(zipkin: ZipkinPort) -> None:
    before = time.time_ns() // 1000 * 1000
    span = await zipkin.store_one(timestamp=None, duration=None)
    assert before <= span.start_time_unix_nano == span.end_time_unix_nano <= time.time_ns()


@pytest.mark.parametrize("huge", [2**60, 2**64 - 1, 2**70, 1e300])
async def test_times_beyond_all_clocks_are_cut_off_and_kept_beside(zipkin: ZipkinPort, huge: float) -> None:
    span = await zipkin.store_one(timestamp=huge, duration=huge)
    assert span.start_time_unix_nano == span.end_time_unix_nano == 2**63 - 1
    assert attributes(span)["coldlight.repaired"] == ["start_time_unix_nano", "end_time_unix_nano"]
    assert attributes(span)["coldlight.original.start_time_unix_nano"] == str(int(huge) * 1000)


async def test_negative_times_are_none(zipkin: ZipkinPort) -> None:
    span = await zipkin.store_one(duration=-1)
    assert span.end_time_unix_nano == span.start_time_unix_nano
    assert attributes(span)["coldlight.original.end_time_unix_nano"] == str(clock_ns() - 1000)


@pytest.mark.parametrize("parent", ["0000000000000000", "0", "", None])
async def test_a_parent_of_zeros_is_none(zipkin: ZipkinPort, parent: str | None) -> None:
    span = await zipkin.store_one(parentId=parent)
    assert span.parent_span_id == b""
    assert attributes(span) == {}


@pytest.mark.parametrize("parent", ["x", "11111111111111111", f"{1:016x}"])
async def test_a_parent_that_cannot_be_one_is_kept_beside(zipkin: ZipkinPort, parent: str) -> None:
    span = await zipkin.store_one(number=1, parentId=parent)
    assert span.parent_span_id == b""
    assert attributes(span) == {
        "coldlight.repaired": ["parent_span_id"],
        "coldlight.original.parent_span_id": parent,
    }


async def test_a_kind_that_nobody_knows_is_kept_beside(zipkin: ZipkinPort) -> None:
    span = await zipkin.store_one(kind="BROKER")
    assert span.kind == Span.SPAN_KIND_INTERNAL
    assert attributes(span) == {"coldlight.repaired": ["kind"], "coldlight.original.kind": "BROKER"}


# Endpoints


async def test_the_local_endpoint_is_the_service_and_its_address(zipkin: ZipkinPort) -> None:
    span = await zipkin.store_one(localEndpoint={"serviceName": "Orders", "ipv4": "10.0.0.1", "port": 8080})
    [(resource, _)] = zipkin.stored_groups
    assert resource == {"service.name": "Orders"}
    assert attributes(span) == {"network.local.address": "10.0.0.1", "network.local.port": 8080}


@pytest.mark.parametrize(
    ("kind", "role"),
    [("CLIENT", "server"), ("PRODUCER", "server"), ("CONSUMER", "server"), ("SERVER", "client")],
)
async def test_the_remote_endpoint_is_the_peer_in_its_role(zipkin: ZipkinPort, kind: str, role: str) -> None:
    remote = {"serviceName": "stock", "ipv6": "2001:db8::c001", "port": 443}
    span = await zipkin.store_one(kind=kind, remoteEndpoint=remote)
    assert attributes(span) == {
        "peer.service": "stock",
        "network.peer.address": "2001:db8::c001",
        "network.peer.port": 443,
        f"{role}.address": "2001:db8::c001",
        f"{role}.port": 443,
    }


async def test_what_a_tag_says_of_the_peer_stands_and_the_endpoint_is_kept_beside(zipkin: ZipkinPort) -> None:
    tags = {"peer.service": "stock", "network.peer.port": "443"}
    remote = {"serviceName": "other", "ipv4": "10.0.0.2", "ipv6": "::2", "port": 443}
    assert attributes(await zipkin.store_one(tags=tags, remoteEndpoint=remote)) == {
        **tags,
        "network.peer.address": "10.0.0.2",
        "zipkin.remote_endpoint.service_name": "other",
        "zipkin.remote_endpoint.ipv6": "::2",
    }


async def test_spans_are_grouped_by_service_resource_and_scope(zipkin: ZipkinPort) -> None:
    def of(service: str, **tags: str) -> dict[str, Any]:
        return {"localEndpoint": {"serviceName": service}, "tags": tags}

    scope = {"otel.scope.name": "http", "otel.scope.version": "2", "otel.library.name": "http"}
    await zipkin.store(
        v2_span(1, **of("a", **scope)),
        v2_span(2, **of("b", **{"host.name": "h", "service.peer.name": "c"})),
        v2_span(3, **of("a")),
        v2_span(4, **of("a", **scope)),
        v2_span(5),
    )
    groups = [
        (
            resource,
            scope.scope.name,
            scope.scope.version,
            [int.from_bytes(span.span_id) for span in scope.spans],
        )
        for resource, scope in zipkin.stored_groups
    ]
    assert groups == [
        ({"service.name": "a"}, "http", "2", [1, 4]),
        ({"service.name": "a"}, "", "", [3]),
        ({"service.name": "b", "host.name": "h"}, "", "", [2]),
        ({}, "", "", [5]),
    ]
    assert [attributes(span) for span in zipkin.stored_spans] == [{}, {}, {}, {"service.peer.name": "c"}, {}]


async def test_the_collector_says_which_attribute_was_the_service(zipkin: ZipkinPort) -> None:
    tags = {"otlp.service.name.source": "faas.name"}
    await zipkin.store_one(tags=tags, localEndpoint={"serviceName": "checkout"})
    assert zipkin.stored_groups[0][0] == {"faas.name": "checkout"}


# Tags


async def test_tags_are_attributes_and_keep_their_types(zipkin: ZipkinPort) -> None:
    tags = {"a": "1", "b": 2, "c": 2.5, "d": True, "e": None, "f": 2**64 - 1}
    assert attributes(await zipkin.store_one(tags=tags)) == {**tags, "f": "18446744073709551615"}


@pytest.mark.parametrize(
    ("tags", "code", "message", "left"),
    [
        ({}, UNSET, "", {}),
        ({"error": ""}, ERROR, "", {}),
        ({"error": "true"}, ERROR, "", {}),
        ({"error": True}, ERROR, "", {}),
        ({"error": "card declined"}, ERROR, "card declined", {}),
        ({"error": "false"}, UNSET, "", {"error": "false"}),
        ({"otel.status_code": "ERROR", "error": "card declined"}, ERROR, "card declined", {}),
        ({"otel.status_code": "Error", "otel.status_description": "no", "error": "true"}, ERROR, "no", {}),
        (
            {"otel.status_code": "ERROR", "otel.status_description": "a", "error": "b"},
            ERROR,
            "a",
            {"error": "b"},
        ),
        ({"otel.status_code": "STATUS_CODE_OK"}, OK, "", {}),
        ({"otel.status_code": "OK", "error": "but"}, OK, "", {"error": "but"}),
        ({"otel.status_code": "GREAT"}, UNSET, "", {"otel.status_code": "GREAT"}),
    ],
)
async def test_an_error_is_the_status_and_is_said_once(
    zipkin: ZipkinPort, tags: dict[str, Any], code: int, message: str, left: dict[str, Any]
) -> None:
    span = await zipkin.store_one(tags=tags)
    assert (span.status.code, span.status.message, attributes(span)) == (code, message, left)


async def test_tags_that_stand_for_fields_become_them(zipkin: ZipkinPort) -> None:
    span = await zipkin.store_one(
        tags={
            "w3c.tracestate": "vendor=1",
            "otel.dropped_attributes_count": "1",
            "otel.dropped_events_count": "2",
            "otel.dropped_links_count": "3",
            "span.kind": "internal",
        }
    )
    assert span.trace_state == "vendor=1"
    assert (span.dropped_attributes_count, span.dropped_events_count, span.dropped_links_count) == (1, 2, 3)
    assert attributes(span) == {}


async def test_tags_that_cannot_be_read_as_fields_stay_tags(zipkin: ZipkinPort) -> None:
    tags = {
        "otel.dropped_attributes_count": "many",
        "otel.scope.name": 5,
        "otlp.link.0": "no link",
        "span.kind": "client",
        "w3c.tracestate": 1,
    }
    assert attributes(await zipkin.store_one(tags=tags)) == tags


async def test_the_collectors_links_are_links(zipkin: ZipkinPort) -> None:
    first = f'{2:032x}|{3:016x}|vendor=1|{{"a|b": "c", "n": 4}}|5'
    span = await zipkin.store_one(tags={"otlp.link.0": first, "otlp.link.1": f"{4:032x}|{5:016x}||{{}}|0"})
    one, other = span.links
    assert (one.trace_id, one.span_id, one.trace_state) == (trace_id(2), span_id(3), "vendor=1")
    assert (attributes(one), one.dropped_attributes_count) == ({"a|b": "c", "n": 4}, 5)
    assert (other.trace_id, other.span_id, attributes(other)) == (trace_id(4), span_id(5), {})


# Annotations


async def event(zipkin: ZipkinPort, value: str) -> tuple[str, dict[str, Any], int]:
    span = await zipkin.store_one(annotations=[{"timestamp": clock_us(0.5), "value": value}])
    [event] = span.events
    assert event.time_unix_nano == clock_ns() + SECOND // 2
    return event.name, attributes(event), event.dropped_attributes_count


async def test_an_annotation_is_an_event(zipkin: ZipkinPort) -> None:
    assert await event(zipkin, "brave.flush") == ("brave.flush", {}, 0)


@pytest.mark.parametrize(
    "value",
    [
        '"retry": {"count": 2, "hosts": ["a", "b"]}',
        '{"retry": {"count": 2, "hosts": ["a", "b"]}}',
        'retry: {"count": 2, "hosts": ["a", "b"]}',
        'retry|{"count": 2, "hosts": ["a", "b"]}|0',
    ],
)
async def test_attributes_of_events_are_read_from_every_exporters_form(
    zipkin: ZipkinPort, value: str
) -> None:
    assert await event(zipkin, value) == ("retry", {"count": 2, "hosts": ["a", "b"]}, 0)


async def test_the_collector_says_how_many_attributes_an_event_lost(zipkin: ZipkinPort) -> None:
    assert await event(zipkin, "retry|{}|3") == ("retry", {}, 3)


@pytest.mark.parametrize(
    "value",
    ["", "{", "}", '"', "{}", "a|b|c", "a|{x}|1", 'say: {"a": {"b": 1}}', '{"a": 1, "b": 2}', '{"a": [1]}'],
)
async def test_a_value_in_no_such_form_is_the_name_as_it_stands(zipkin: ZipkinPort, value: str) -> None:
    assert await event(zipkin, value) == (value, {}, 0)


@pytest.mark.parametrize("timestamp", [None, 0])
async def test_an_annotation_without_a_time_is_put_to_the_start(
    zipkin: ZipkinPort, timestamp: int | None
) -> None:
    span = await zipkin.store_one(annotations=[{"timestamp": timestamp, "value": "x"}])
    assert span.events[0].time_unix_nano == clock_ns()
    assert attributes(span) == {"coldlight.repaired": ["events"]}


@pytest.mark.parametrize(("sent_us", "stored_ns"), [(-5, clock_ns()), (2**62, 2**63 - 1)])
async def test_an_annotation_at_no_possible_time_keeps_it_beside(
    zipkin: ZipkinPort, sent_us: int, stored_ns: int
) -> None:
    span = await zipkin.store_one(annotations=[{"timestamp": sent_us, "value": "x"}])
    [event] = span.events
    assert event.time_unix_nano == stored_ns
    assert attributes(event) == {
        "coldlight.repaired": ["time_unix_nano"],
        "coldlight.original.time_unix_nano": str(sent_us * 1000),
    }


async def test_of_a_key_that_comes_twice_the_last_counts(zipkin: ZipkinPort) -> None:
    body = json.dumps([v2_span(name="last")]).replace('{"traceId"', '{"name": "first", "traceId"')
    await zipkin.post(body.encode())
    assert zipkin.stored_spans[0].name == "last"
