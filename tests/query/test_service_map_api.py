"""The service map: who calls what, through what, and how that goes."""

from typing import Any

from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status
from tests.query.api import SERVICE_MAP, Api

from coldlight_storage.testing import Put, span, traces_request

CLIENT, SERVER = Span.SPAN_KIND_CLIENT, Span.SPAN_KIND_SERVER
PRODUCER, CONSUMER, INTERNAL = Span.SPAN_KIND_PRODUCER, Span.SPAN_KIND_CONSUMER, Span.SPAN_KIND_INTERNAL
FAILED = Status(code=Status.STATUS_CODE_ERROR)
TO_QUEUE = {"messaging.system": "aws_sqs", "messaging.destination.name": "orders"}
MINUTE = {"start": "2026-11-23T12:00:00Z", "end": "2026-11-23T12:01:00Z"}


def of_function(name: str) -> dict[str, str]:
    return {"faas.name": name}


async def edges(api: Api) -> dict[tuple[str, str], dict[str, Any]]:
    found = (await api.service_map(**MINUTE))["edges"]
    assert len({(edge["source"], edge["target"]) for edge in found}) == len(found)
    return {(edge["source"], edge["target"]): edge for edge in found}


async def nodes(api: Api) -> dict[str, dict[str, Any]]:
    return {node["id"]: node for node in (await api.service_map(**MINUTE))["nodes"]}


async def test_a_call_leads_to_the_service_that_answers_it(api: Api, put: Put) -> None:
    """Whichever of the two comes first, and in whatever batch."""
    answered = traces_request(span(2, parent=1, kind=SERVER, lasts=0.5, status=FAILED), service="payments")
    calling = traces_request(
        span(1, kind=CLIENT, lasts=1, attributes={"server.address": "payments.internal"})
    )
    put(answered)
    put(calling)
    found = await edges(api)
    assert list(found) == [("service:orders", "service:payments")]
    edge = found["service:orders", "service:payments"]
    assert (edge["calls"], edge["errors"], edge["duration_ms"]["p50"]) == (1, 0, 1000)
    assert edge["queue_wait_ms"] is None


async def test_a_call_that_nobody_answers_leads_to_its_host(api: Api, put: Put) -> None:
    put(
        traces_request(span(1, kind=CLIENT, attributes={"server.address": "api.bank.example"}, status=FAILED))
    )
    assert (await edges(api))["service:orders", "host:api.bank.example"]["errors"] == 1


async def test_both_sides_of_a_call_may_have_one_id(api: Api, put: Put) -> None:
    put(traces_request(span(1, kind=CLIENT)))
    put(traces_request(span(1, kind=SERVER), service="payments"))
    assert list(await edges(api)) == [("service:orders", "service:payments")]


async def test_a_queue_stands_between_who_sends_and_who_receives(api: Api, put: Put) -> None:
    sent = {**TO_QUEUE, "coldlight.link.produced": ["sqs:1"]}
    put(
        traces_request(
            span(1, at=1, lasts=0.5, kind=PRODUCER, attributes=sent), resource_attributes=of_function("api")
        )
    )
    received = {"faas.invocation_id": "r1", "coldlight.link.consumed": ["sqs:1"]}
    put(
        traces_request(
            span(2, trace=2, at=4, kind=SERVER, attributes=received),
            resource_attributes=of_function("worker"),
        )
    )
    found = await edges(api)
    assert list(found) == [("function:api", "queue:orders"), ("queue:orders", "function:worker")]
    assert found["queue:orders", "function:worker"]["queue_wait_ms"] == {
        "p50": 2500,
        "p95": 2500,
        "p99": 2500,
    }


async def test_what_set_a_function_off_is_shown_without_its_producer(api: Api, put: Put) -> None:
    attributes = {"coldlight.trigger": "schedule", "coldlight.trigger.name": "nightly"}
    put(
        traces_request(span(1, kind=SERVER, attributes=attributes), resource_attributes=of_function("report"))
    )
    found = await edges(api)
    assert list(found) == [("schedule:nightly", "function:report")]
    assert found["schedule:nightly", "function:report"]["queue_wait_ms"] is None


async def test_messages_that_an_invocation_works_on_are_one_arrival(api: Api, put: Put) -> None:
    invoked = span(
        1, kind=SERVER, attributes={"coldlight.trigger": "sqs", "coldlight.trigger.name": "orders"}
    )
    messages = [span(number, parent=1, kind=CONSUMER, attributes=TO_QUEUE) for number in (2, 3)]
    put(traces_request(invoked, *messages, resource_attributes=of_function("worker")))
    assert (await edges(api))["queue:orders", "function:worker"]["calls"] == 1
    assert (await nodes(api))["function:worker"]["calls"] == 1


async def test_an_api_stands_between_a_client_and_its_function(api: Api, put: Put) -> None:
    put(traces_request(span(1, kind=CLIENT, attributes={"server.address": "abc.execute-api.example"})))
    attributes = {"coldlight.trigger": "apigateway-http", "coldlight.trigger.name": "shop"}
    put(
        traces_request(
            span(2, parent=1, kind=SERVER, attributes=attributes), resource_attributes=of_function("cart")
        )
    )
    assert list(await edges(api)) == [("api:shop", "function:cart"), ("service:orders", "api:shop")]


async def test_tables_buckets_and_databases_are_nodes(api: Api, put: Put) -> None:
    put(
        traces_request(
            span(
                1,
                kind=CLIENT,
                attributes={"aws.dynamodb.table_names": ["orders"], "db.system.name": "aws.dynamodb"},
            ),
            span(2, kind=CLIENT, attributes={"aws.s3.bucket": "invoices", "rpc.system": "aws-api"}),
            span(3, kind=CLIENT, attributes={"db.system.name": "postgresql", "db.namespace": "shop"}),
            span(4, kind=CLIENT, attributes={"rpc.system": "aws-api", "rpc.service": "SecretsManager"}),
        )
    )
    assert {target for _, target in await edges(api)} == {
        "table:orders",
        "bucket:invoices",
        "database:postgresql/shop",
        "aws service:SecretsManager",
    }


async def test_a_service_that_speaks_to_nobody_is_shown(api: Api, put: Put) -> None:
    put(traces_request(span(1, kind=INTERNAL), service="hermit"))
    found = (await nodes(api))["service:hermit"]
    assert (found["calls"], found["duration_ms"]) == (0, None)


async def test_nodes_tell_how_what_they_were_asked_to_do_went(api: Api, put: Put) -> None:
    put(traces_request(span(1, lasts=1), span(2, trace=2, lasts=3, status=FAILED)))
    found = (await nodes(api))["service:orders"]
    assert (found["calls"], found["errors"]) == (2, 1)
    assert found["duration_ms"]["p99"] <= 3000


async def test_a_span_that_was_stored_twice_counts_once(api: Api, put: Put) -> None:
    for _ in range(2):
        put(traces_request(span(1, kind=CLIENT, attributes={"server.address": "api.bank.example"})))
    assert (await edges(api))["service:orders", "host:api.bank.example"]["calls"] == 1


async def test_only_the_range_counts(api: Api, put: Put) -> None:
    put(traces_request(span(1, at=-1), service="before"))
    put(traces_request(span(2, at=60), service="after"))
    assert await nodes(api) == {}
    assert (
        "start"
        in (await api.problem(400, SERVICE_MAP, start="2026-11-23T13:00:00Z", end="2026-11-23T12:00:00Z"))[
            "detail"
        ]
    )


CALL = {
    "rpc.system": "aws-api",
    "rpc.service": "SQS",
    "rpc.method": "SendMessage",
    "cloud.region": "us-east-1",
}


def sends(number: int, *, size: int | None = None) -> Span:
    carried = {} if size is None else {"messaging.message.body.size": size}
    return span(number, kind=PRODUCER, attributes={**TO_QUEUE, **CALL, **carried})


async def test_an_edge_tells_how_much_was_sent(api: Api, put: Put) -> None:
    put(
        traces_request(
            sends(1, size=100), sends(2, size=50), sends(3), resource_attributes=of_function("api")
        )
    )
    assert (await edges(api))["function:api", "queue:orders"]["bytes"] == 150


async def test_what_nobody_tells_of_is_not_zero_bytes(api: Api, put: Put) -> None:
    put(traces_request(sends(1), resource_attributes=of_function("api")))
    assert (await edges(api))["function:api", "queue:orders"]["bytes"] is None


async def test_costs_are_told_to_who_asks(api: Api, put: Put) -> None:
    run = span(9, kind=SERVER, attributes={"faas.invocation_id": "r1", "cloud.region": "us-east-1"})
    put(traces_request(run, sends(1, size=100), sends(2, size=100), resource_attributes=of_function("api")))
    found = await api.service_map(**MINUTE, cost="true")
    [edge] = found["edges"]
    assert edge["cost_usd"] == 2 * 0.0000004
    assert edge["cost_basis"]["kind"] == "exact"
    [node] = [node for node in found["nodes"] if node["id"] == "function:api"]
    assert node["cost_basis"]["why_estimated"]
    assert node["cost_usd"] > 0


async def test_costs_are_not_read_for_who_does_not_ask(api: Api, put: Put) -> None:
    put(traces_request(sends(1, size=100), resource_attributes=of_function("api")))
    assert (await edges(api))["function:api", "queue:orders"]["cost_basis"] is None
