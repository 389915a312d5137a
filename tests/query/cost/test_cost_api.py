"""`GET /cost`: what was spent, as the platform reported it and spans tell it.

Each story takes place in an hour of its own, so that all of them are stored at once.
"""

import itertools
from collections.abc import AsyncIterator
from typing import Any

import pytest
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord
from opentelemetry.proto.trace.v1.trace_pb2 import Span
from tests.conftest import empty_tables
from tests.query.api import COST, Api, open_api

from coldlight_storage import Store
from coldlight_storage.testing import Put, clock_ns, log_record, logs_request, span, traces_request

PER_SECOND = 0.0000166667
"""Of 1 GB on x86."""
REQUEST = 0.0000002

REPORTED, UNREPORTED, REPEATED, ROUTED, OF_TENANTS, CALLING, UNKNOWN, WASTING, DEPLOYED = range(9)
EMPTY = 20
"""Stories, by their hour after noon."""
LAST_MONTH = -30 * 24


def request_id(hour: int, number: int = 1) -> str:
    return f"00000000-0000-0000-{hour % 9999:04}-{number:012}"


def invocation(hour: int, number: int = 1, *, at: float = 1, **attributes: Any) -> Span:
    """The layer's span of an invocation, `at` seconds into the hour."""
    own = {"faas.invocation_id": request_id(hour, number), "faas.coldstart": False, **attributes}
    return span(
        number,
        trace=1000 * (hour % 9999) + number,
        at=3600 * hour + at,
        lasts=0.1,
        kind=Span.SPAN_KIND_SERVER,
        attributes=own,
    )


def call(hour: int, service: str, method: str) -> Span:
    own = {"rpc.system": "aws-api", "rpc.service": service, "rpc.method": method, "cloud.region": "us-east-1"}
    return span(900, trace=1000 * hour + 1, at=3600 * hour + 1, kind=Span.SPAN_KIND_CLIENT, attributes=own)


def report(
    hour: int, billed_ms: int, number: int = 1, *, at: float = 5, event: str = "report", **facts: Any
) -> LogRecord:
    """What the platform tells of an invocation."""
    told = {
        "billed_duration_ms": billed_ms,
        "memory_size_mb": 1024,
        "max_memory_used_mb": 900,
        "duration_ms": float(billed_ms),
    }
    named = {
        "event.name": f"aws.lambda.{event}",
        "faas.invocation_id": request_id(hour, number),
        "faas.name": function(hour),
        "cloud.account.id": "123456789012",
        "cloud.region": "us-east-1",
        "aws.lambda.source": "telemetry",
    }
    own = {f"aws.lambda.{name}": value for name, value in {**told, **facts}.items()}
    return log_record("", at=3600 * hour + at, event_name=f"aws.lambda.{event}", attributes={**named, **own})


def function(hour: int) -> str:
    return f"function-{hour % 9999}"


def spans(hour: int, *made: Span, **resource: Any) -> Any:
    """As our layer sends them."""
    whose = {
        "faas.name": function(hour),
        "cloud.resource_id": f"arn:aws:lambda:us-east-1:123456789012:function:{function(hour)}",
        "cloud.region": "us-east-1",
        "host.arch": "amd64",
        "faas.max_memory": 1024 << 20,
    }
    return traces_request(*made, service=function(hour), resource_attributes={**whose, **resource})


ORDER: dict[str, Any] = {
    "http.request.method": "GET",
    "http.route": "/orders/{id}",
    "coldlight.trigger": "apigateway-rest",
}
HUNDRED = range(1, 101)
"""Invocations that waste."""

SPANS = [
    spans(REPORTED, invocation(REPORTED), call(REPORTED, "S3", "GetObject")),
    spans(UNREPORTED, invocation(UNREPORTED)),
    spans(REPEATED, invocation(REPEATED), call(REPEATED, "S3", "GetObject")),
    spans(ROUTED, invocation(ROUTED, **ORDER), invocation(ROUTED, 2, at=2)),
    spans(CALLING, invocation(CALLING), call(CALLING, "SQS", "SendMessage")),
    spans(UNKNOWN, call(UNKNOWN, "Bedrock Runtime", "Converse")),
    spans(WASTING, *(invocation(WASTING, number, at=number) for number in HUNDRED)),
    spans(DEPLOYED, invocation(DEPLOYED), **{"faas.version": "1"}),
    spans(DEPLOYED, invocation(DEPLOYED, 2, at=60), **{"faas.version": "2"}),
    spans(LAST_MONTH, invocation(LAST_MONTH)),
]
RECORDS = [
    report(REPORTED, 1000),
    report(REPEATED, 1000),
    *(report(ROUTED, 1000), report(ROUTED, 3000, 2)),
    *(report(OF_TENANTS, 1000, tenant_id="blue"), report(OF_TENANTS, 2000, 2, tenant_id="red")),
    report(CALLING, 1000),
    *(
        report(WASTING, 90, number, at=number + 0.2, event="runtime_done", max_memory_used_mb=200)
        for number in HUNDRED
    ),
    *(report(WASTING, 100, number, at=number + 0.3, max_memory_used_mb=200) for number in HUNDRED[:-1]),
    report(WASTING, 100, 100, at=100.3, max_memory_used_mb=200, status="timeout"),
    *(report(DEPLOYED, 1000), report(DEPLOYED, 3000, 2, at=64)),
    report(LAST_MONTH, 1000),
]


@pytest.fixture(scope="module", params=["embedded", "server"])
def told(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Store:
    """Each form of the store in turn, with all stories; no test changes them."""
    store: Store = request.getfixturevalue(request.param)
    empty_tables(store)
    put = Put(store, tmp_path_factory.mktemp("cost"), itertools.count(910_000_000))
    put(*SPANS)
    put(logs_request(*RECORDS))
    put(SPANS[REPEATED])
    put(logs_request(report(REPEATED, 1000)))
    return store


@pytest.fixture
async def api(told: Store) -> AsyncIterator[Api]:
    async with open_api(told) as api:
        yield api


def during(hour: int) -> dict[str, str]:
    return {"start": str(clock_ns(3600 * hour)), "end": str(clock_ns(3600 * hour + 3599))}


async def only(api: Api, hour: int, **parameters: Any) -> dict[str, Any]:
    [cost] = (await api.costs(**during(hour), **parameters))["costs"]
    found: dict[str, Any] = cost
    return found


async def test_a_reported_invocation_is_exact_to_the_last_digit(api: Api) -> None:
    answer = await api.client.get(f"/api/v1/invocations/{request_id(REPORTED)}")
    [run] = answer.json()["invocations"]
    assert run["cost_usd"] == pytest.approx(REQUEST + PER_SECOND, abs=1e-15)
    assert run["cost_basis"] == {
        "kind": "exact",
        "prices": "2026-11-23",
        "currency": "USD",
        "amount": run["cost_usd"],
        "why_estimated": [],
    }


async def test_a_span_alone_is_estimated(api: Api) -> None:
    cost = await only(api, UNREPORTED)
    assert (cost["function"], cost["account"], cost["region"]) == (
        function(UNREPORTED),
        "123456789012",
        "us-east-1",
    )
    assert cost["cost_usd"] == pytest.approx(REQUEST + PER_SECOND / 10, abs=1e-12)
    assert cost["cost_basis"]["why_estimated"] == [
        "the platform's report is missing: billed time from the duration"
    ]


async def test_what_comes_twice_costs_once(api: Api) -> None:
    found = await api.costs(**during(REPEATED), by="service,day")
    lambda_cost, s3 = found["costs"]
    assert (lambda_cost["service"], lambda_cost["invocations"]) == ("lambda", 1)
    assert (s3["service"], s3["cost_usd"], s3["day"]) == ("s3", 0.0000004, "2026-11-23")
    [total] = found["totals"]
    assert total["cost_usd"] == pytest.approx(REQUEST + PER_SECOND + 0.0000004, abs=1e-12)


async def test_costs_by_route(api: Api) -> None:
    found = (await api.costs(**during(ROUTED), by="route"))["costs"]
    assert [(cost["route"], cost["invocations"]) for cost in found] == [("", 1), ("GET /orders/{id}", 1)]
    assert found[1]["cost_usd"] == pytest.approx(REQUEST + PER_SECOND + 0.0000035, abs=1e-15)


async def test_costs_by_tenant(api: Api) -> None:
    found = (await api.costs(**during(OF_TENANTS), by="tenant_id"))["costs"]
    assert [cost["tenant_id"] for cost in found] == ["red", "blue"]


async def test_calls_belong_to_the_function_that_made_them(api: Api) -> None:
    cost = await only(api, CALLING)
    assert cost["cost_usd"] == pytest.approx(REQUEST + PER_SECOND + 0.0000004, abs=1e-15)
    assert cost["cost_basis"]["why_estimated"] == ["size unknown: as of 64 KB at most"]


async def test_a_service_without_prices_is_named(api: Api) -> None:
    cost = await only(api, UNKNOWN, by="service")
    assert cost["cost_usd"] is None
    assert cost["cost_basis"]["why_estimated"] == ["the table has no price for Bedrock Runtime calls"]


async def test_a_month_has_its_free_tier(api: Api) -> None:
    [bill] = (await api.month("2026-10"))["bills"]
    assert (bill["total"], bill["kind"]) == (0, "exact")
    [bill] = (await api.month("2026-10", free_tier=False))["bills"]
    quantities = {line["dimension"]: line["quantity"] for line in bill["lines"]}
    assert quantities == {"gb_seconds_x86": "1", "requests": "1"}
    assert bill["total"] == pytest.approx(REQUEST + PER_SECOND, abs=1e-15)


async def test_waste_names_failures_retries_memory_and_the_layer(api: Api) -> None:
    [found] = (await api.waste(**during(WASTING)))["functions"]
    assert (found["invocations"], found["failed_invocations"], found["retries"]) == (100, 1, 0)
    assert found["failed_usd"] == pytest.approx(REQUEST + PER_SECOND / 10, abs=1e-12)
    assert (found["layer_ms"], found["layer_usd"]) == (1000, pytest.approx(PER_SECOND, abs=1e-12))
    assert found["right_size"]["memory_mb"] == 256
    assert found["right_size"]["saved_usd"] == pytest.approx(10 * 0.75 * PER_SECOND, abs=1e-12)
    assert not found["right_size"]["is_measured"]


async def test_what_nobody_tells_of_the_layer_is_not_known(api: Api) -> None:
    [found] = (await api.waste(**during(REPORTED)))["functions"]
    assert (found["layer_ms"], found["layer_usd"]) == (None, None)


async def test_functions_and_their_versions_have_a_cost(api: Api) -> None:
    window = during(DEPLOYED)
    [found] = (await api.client.get("/api/v1/functions", params=window)).json()["functions"]
    assert found["cost_usd"] == pytest.approx(2 * REQUEST + 4 * PER_SECOND, abs=1e-12)
    second = await api.client.get(
        f"/api/v1/functions/{function(DEPLOYED)}", params={**window, "version": "2"}
    )
    assert second.json()["function"]["cost_usd"] == pytest.approx(REQUEST + 3 * PER_SECOND, abs=1e-12)
    newest = (await api.client.get("/api/v1/deployments", params=window)).json()["deployments"][0]
    assert newest["before"]["cost_usd"] == pytest.approx(REQUEST + PER_SECOND, abs=1e-12)
    assert newest["after"]["cost_usd"] == pytest.approx(REQUEST + 3 * PER_SECOND, abs=1e-12)


async def test_nothing_costs_nothing(api: Api) -> None:
    found = await api.costs(**during(EMPTY))
    assert (found["costs"], found["totals"]) == ([], [])


@pytest.mark.parametrize(
    ("parameters", "said"),
    [
        ({"by": "weather"}, "'weather': one or more of function, route, tenant_id, day, service"),
        ({"start": "2026-11-24T00:00:00Z", "end": "2026-11-23T00:00:00Z"}, "must be before end"),
        ({"start": "yesterday"}, "start"),
    ],
)
async def test_a_wrong_question_is_answered_with_the_fix(
    api: Api, parameters: dict[str, str], said: str
) -> None:
    assert said in (await api.problem(400, COST, **parameters))["detail"]
