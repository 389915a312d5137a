"""What becomes of a v1 span, which may hold what several hosts have recorded."""

from typing import Any

import pytest
from opentelemetry.proto.trace.v1.trace_pb2 import Span
from tests.collector.zipkin_port import NOTE, V1, ZipkinPort, clock_us
from tests.otlp import attributes

from coldlight_storage.testing import clock_ns, span_id, trace_id

INTERNAL, SERVER, CLIENT = Span.SPAN_KIND_INTERNAL, Span.SPAN_KIND_SERVER, Span.SPAN_KIND_CLIENT
PRODUCER, CONSUMER = Span.SPAN_KIND_PRODUCER, Span.SPAN_KIND_CONSUMER
SHOP = {"serviceName": "shop", "ipv4": "10.0.0.1", "port": 80}
STOCK = {"serviceName": "stock", "ipv6": "2001:db8::2", "port": 443}
NOBODY = {"serviceName": "", "ipv4": "10.0.0.9"}
AT_SHOP = {"network.local.address": "10.0.0.1", "network.local.port": 80}
AT_STOCK = {"network.local.address": "2001:db8::2", "network.local.port": 443}


def at(seconds: float, value: str, endpoint: dict[str, Any] | None = None) -> dict[str, Any]:
    return {"timestamp": clock_us(seconds), "value": value, "endpoint": endpoint}


def fact(key: str, value: Any, endpoint: dict[str, Any] | None = None, kind: str = "") -> dict[str, Any]:
    typed = {"type": kind} if kind else {}
    return {"key": key, "value": value, "endpoint": endpoint, **typed}


def v1_span(*annotations: Any, facts: list[Any] | None = None, **fields: Any) -> dict[str, Any]:
    """Span 1 of trace 1 with these annotations and binary annotations; untimed, unless `fields` say otherwise."""
    ids = {"traceId": f"{1:016x}", "id": f"{1:016x}", "name": "get"}
    return {**ids, "annotations": list(annotations), "binaryAnnotations": facts or [], **fields}


LASTING: dict[str, Any] = {"timestamp": clock_us(), "duration": 1_000_000}


async def store(zipkin: ZipkinPort, *annotations: Any, **fields: Any) -> list[tuple[str, Any]]:
    """The service of each span that comes of one, and the span."""
    await zipkin.store(v1_span(*annotations, **fields), path=V1)
    return [
        (resource.get("service.name", ""), span)
        for resource, scope in zipkin.stored_groups
        for span in scope.spans
    ]


async def store_one(zipkin: ZipkinPort, *annotations: Any, **fields: Any) -> Any:
    [(_, span)] = await store(zipkin, *annotations, **fields)
    return span


def times(span: Any) -> tuple[int, int]:
    return span.start_time_unix_nano, span.end_time_unix_nano


@pytest.mark.parametrize(
    ("first", "last", "kind"),
    [("cs", "cr", CLIENT), ("sr", "ss", SERVER), ("ms", "ws", PRODUCER), ("wr", "mr", CONSUMER)],
)
async def test_core_annotations_tell_the_kind_and_the_times(
    zipkin: ZipkinPort, first: str, last: str, kind: int
) -> None:
    span = await store_one(zipkin, at(0, first, SHOP), at(2, last, SHOP))
    assert (span.kind, *times(span)) == (kind, clock_ns(), clock_ns(2))
    assert list(span.events) == []


async def test_the_spans_own_times_win_and_annotations_that_differ_stay(zipkin: ZipkinPort) -> None:
    span = await store_one(zipkin, at(0, "cs", SHOP), at(3, "cr", SHOP), **LASTING)
    assert times(span) == (clock_ns(), clock_ns(1))
    assert [(event.name, event.time_unix_nano) for event in span.events] == [("cr", clock_ns(3))]


async def test_an_annotation_a_microsecond_off_is_the_same_time(zipkin: ZipkinPort) -> None:
    span = await store_one(zipkin, at(0, "cs", SHOP), at(1.000001, "cr", SHOP), **LASTING)
    assert list(span.events) == []


async def test_both_sides_of_a_call_become_two_spans_of_one_id(zipkin: ZipkinPort) -> None:
    spans = await store(
        zipkin,
        at(0, "cs", SHOP),
        at(0.2, "sr", STOCK),
        at(0.5, "looked up", STOCK),
        at(0.8, "ss", STOCK),
        at(1, "cr", SHOP),
        facts=[fact("sa", True, STOCK), fact("ca", True, SHOP), fact("rows", "3", STOCK)],
        parentId=f"{9:016x}",
        **LASTING,
    )
    [(shop, client), (stock, server)] = spans
    assert (shop, client.kind, *times(client)) == ("shop", CLIENT, clock_ns(), clock_ns(1))
    assert (stock, server.kind, *times(server)) == ("stock", SERVER, clock_ns(0.2), clock_ns(0.8))
    assert (client.trace_id, client.span_id) == (server.trace_id, server.span_id) == (trace_id(1), span_id(1))
    assert client.parent_span_id == server.parent_span_id == span_id(9)
    assert ([event.name for event in client.events], [event.name for event in server.events]) == (
        [],
        ["looked up"],
    )
    assert attributes(client) == {
        **AT_SHOP,
        "peer.service": "stock",
        "network.peer.address": "2001:db8::2",
        "network.peer.port": 443,
        "server.address": "2001:db8::2",
        "server.port": 443,
    }
    assert attributes(server) == {
        **AT_STOCK,
        "rows": "3",
        "peer.service": "shop",
        "network.peer.address": "10.0.0.1",
        "network.peer.port": 80,
        "client.address": "10.0.0.1",
        "client.port": 80,
        "zipkin.shared": True,
    }


async def test_a_service_that_calls_itself_has_two_sides_too(zipkin: ZipkinPort) -> None:
    marks = [at(0, "cs", SHOP), at(0.2, "sr", SHOP), at(0.8, "ss", SHOP), at(1, "cr", SHOP)]
    spans = await store(zipkin, *marks, **LASTING)
    assert [(name, span.kind, *times(span)) for name, span in spans] == [
        ("shop", CLIENT, clock_ns(), clock_ns(1)),
        ("shop", SERVER, clock_ns(0.2), clock_ns(0.8)),
    ]


async def test_both_sides_of_a_message_become_two_spans(zipkin: ZipkinPort) -> None:
    broker = {"serviceName": "kafka"}
    spans = await store(zipkin, at(0, "ms", SHOP), at(5, "mr", STOCK), facts=[fact("ma", True, broker)])
    assert [(name, span.kind, span.start_time_unix_nano) for name, span in spans] == [
        ("shop", PRODUCER, clock_ns()),
        ("stock", CONSUMER, clock_ns(5)),
    ]
    assert [attributes(span)["peer.service"] for _, span in spans] == ["kafka", "kafka"]


async def test_a_server_without_times_of_its_own_shares_its_clients_span(zipkin: ZipkinPort) -> None:
    span = await store_one(zipkin, at(0, "sr", STOCK), at(1, "ss", STOCK))
    assert attributes(span) == {**AT_STOCK, "zipkin.shared": True}


async def test_a_server_with_times_of_its_own_shares_nothing(zipkin: ZipkinPort) -> None:
    span = await store_one(zipkin, at(0, "sr", STOCK), at(1, "ss", STOCK), **LASTING)
    assert attributes(span) == AT_STOCK


async def test_a_lone_end_says_the_kind_and_stays_an_event(zipkin: ZipkinPort) -> None:
    span = await store_one(zipkin, at(3, "cr", SHOP), timestamp=clock_us())
    assert (span.kind, *times(span)) == (CLIENT, clock_ns(), clock_ns(3))
    lone = await store(zipkin, at(3, "cr", SHOP))
    assert [event.name for event in lone[-1][1].events] == ["cr"]


async def test_an_unfinished_call_says_so(zipkin: ZipkinPort) -> None:
    span = await store_one(zipkin, at(0, "cs", SHOP))
    assert times(span) == (clock_ns(), clock_ns())
    assert attributes(span) == {
        **AT_SHOP,
        "coldlight.partial": True,
        "coldlight.repaired": ["end_time_unix_nano"],
    }


async def test_a_local_span_is_named_by_its_component(zipkin: ZipkinPort) -> None:
    [(service, span)] = await store(zipkin, facts=[fact("lc", "scheduler", SHOP)], **LASTING)
    assert (service, span.kind) == ("shop", INTERNAL)
    assert attributes(span) == {"lc": "scheduler", **AT_SHOP}


async def test_a_marker_of_a_local_span_says_only_where_it_was(zipkin: ZipkinPort) -> None:
    [(service, span)] = await store(zipkin, facts=[fact("lc", "", SHOP)], **LASTING)
    assert (service, attributes(span)) == ("shop", AT_SHOP)


@pytest.mark.parametrize(
    ("addresses", "kind", "peer"),
    [
        ({"sa": STOCK}, INTERNAL, "stock"),
        ({"ca": SHOP}, SERVER, "shop"),
        ({"ca": SHOP, "sa": STOCK}, INTERNAL, "stock"),
    ],
)
async def test_addresses_alone_name_the_peer(
    zipkin: ZipkinPort, addresses: dict[str, Any], kind: int, peer: str
) -> None:
    facts = [fact(key, True, endpoint) for key, endpoint in addresses.items()]
    span = await store_one(zipkin, facts=facts, **LASTING)
    assert (span.kind, attributes(span)["peer.service"]) == (kind, peer)


async def test_of_two_addresses_without_anything_else_the_clients_is_the_own(zipkin: ZipkinPort) -> None:
    facts = [fact("sa", True, STOCK), fact("ca", True, SHOP)]
    [(service, _)] = await store(zipkin, facts=facts, **LASTING)
    assert service == "shop"


async def test_a_client_that_is_named_after_the_server_is_known_by_its_address(zipkin: ZipkinPort) -> None:
    finagle = {"serviceName": "stock", "ipv4": "10.0.0.1", "port": 50_000}
    span = await store_one(zipkin, at(0, "sr", STOCK), facts=[fact("ca", True, finagle)], **LASTING)
    found = attributes(span)
    assert (found["client.address"], found["client.port"]) == ("10.0.0.1", 50_000)
    assert "peer.service" not in found


async def test_an_address_of_nobodys_peer_is_kept(zipkin: ZipkinPort) -> None:
    span = await store_one(zipkin, at(0, "cs", SHOP), at(1, "cr", SHOP), facts=[fact("ca", True, STOCK)])
    assert attributes(span) == {
        **AT_SHOP,
        "zipkin.ca.service_name": "stock",
        "zipkin.ca.ipv6": "2001:db8::2",
        "zipkin.ca.port": 443,
    }


async def test_what_nobody_in_particular_recorded_belongs_to_the_first(zipkin: ZipkinPort) -> None:
    span = await store_one(
        zipkin, at(0, "cs", SHOP), at(0.5, "x", NOBODY), at(1, "cr", SHOP), facts=[fact("a", "b")]
    )
    assert ([event.name for event in span.events], attributes(span)) == (["x"], {"a": "b", **AT_SHOP})


async def test_a_third_host_has_a_span_of_its_own(zipkin: ZipkinPort) -> None:
    other = {"serviceName": "other"}
    spans = await store(
        zipkin, at(0, "cs", SHOP), at(1, "cr", SHOP), at(0.5, "x", other), facts=[fact("a", "b", other)]
    )
    [(_, client), (service, third)] = spans
    assert (service, third.kind, third.start_time_unix_nano) == ("other", INTERNAL, clock_ns(0.5))
    assert (attributes(client), attributes(third)["a"]) == (AT_SHOP, "b")


@pytest.mark.parametrize(
    ("value", "kind", "stored"),
    [
        ("text", "", "text"),
        ("text", "STRING", "text"),
        (True, "BOOL", True),
        (False, "", False),
        (7, "I16", 7),
        (-7, "I32", -7),
        ("9007199254740993", "I64", 9007199254740993),
        (2, "DOUBLE", 2.0),
        ("2.5", "DOUBLE", 2.5),
        (2.5, "", 2.5),
        ("AP8=", "BYTES", b"\x00\xff"),
        ("no base64", "BYTES", "no base64"),
        ("seven", "I16", "seven"),
        ("1_000", "I32", "1_000"),
        (" 7", "I16", " 7"),
        ("1_0.5", "DOUBLE", "1_0.5"),
        ("-1e3", "DOUBLE", -1000.0),
        ("nan", "DOUBLE", "nan"),
        ("1", {"a": 1}, "1"),
        (None, "", None),
    ],
)
async def test_binary_annotations_keep_their_types(
    zipkin: ZipkinPort, value: Any, kind: str, stored: Any
) -> None:
    span = await store_one(zipkin, facts=[fact("key", value, None, kind)], **LASTING)
    found = attributes(span)
    assert found == {"key": stored}
    assert type(found["key"]) is type(stored)


async def test_a_key_that_comes_again_keeps_all_its_values(zipkin: ZipkinPort) -> None:
    facts = [fact("retry", "1"), fact("retry", "2"), fact("retry", "2"), fact("retry", "3")]
    assert attributes(await store_one(zipkin, facts=facts, **LASTING)) == {"retry": ["1", "2", "3"]}


async def test_errors_and_debug_are_as_in_v2(zipkin: ZipkinPort) -> None:
    span = await store_one(zipkin, facts=[fact("error", "timeout")], debug=True, **LASTING)
    assert span.status.message == "timeout"
    assert attributes(span) == {"zipkin.debug": True}


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (v1_span(id="x"), "id: expected 1 to 16 hexadecimal digits"),
        (v1_span("cs"), "annotations: expected an object"),
        (v1_span(at(0, "cs", {"port": "x"})), "annotations.endpoint.port: expected an integer"),
        (v1_span(facts=[{"key": 1}]), "binaryAnnotations.key: expected a string"),
        (
            v1_span(facts=[fact("a", {})]),
            "binaryAnnotations.value: expected a string, a number, true or false",
        ),
        (v1_span(localEndpoint=SHOP), "localEndpoint: only v2 spans have it, send those to /api/v2/spans"),
    ],
)
async def test_a_bad_span_is_left_out_and_the_others_are_taken(
    zipkin: ZipkinPort, bad: Any, reason: str
) -> None:
    response = await zipkin.post([bad, v1_span(**LASTING)], V1)
    assert (response.status_code, response.headers[NOTE]) == (202, f"rejected: {reason} (1)")
    assert len(zipkin.stored_spans) == 1


async def test_a_span_of_very_many_hosts_becomes_a_few_that_hold_all_they_recorded(
    zipkin: ZipkinPort,
) -> None:
    many = [at(0, "x", {"serviceName": f"host {number}"}) for number in range(5_000)]
    await store(zipkin, *many, **LASTING)
    assert len(zipkin.stored_spans) == 16
    assert sum(len(span.events) for span in zipkin.stored_spans) == 5_000
