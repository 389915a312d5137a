"""What the API answers when it cannot answer: problem details that name the parameter and the fix."""

import json
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from tests.query.api import TRACES, Api, open_api, problem_of

from coldlight_query import cursors
from coldlight_storage import Reader, Row, Store
from coldlight_storage.testing import Put, log_record, logs_request, span, trace_id, traces_request

TRACE = f"{TRACES}/{trace_id(1).hex()}"


async def test_an_unknown_trace(api: Api) -> None:
    problem = await api.problem(404, TRACE)
    assert problem["title"] == "Unknown trace"
    assert trace_id(1).hex() in problem["detail"]


@pytest.mark.parametrize(
    "wrong", ["1", "g" * 32, "0" * 31, "0" * 33, "0" * 15, "0" * 24, "%00" * 16, "\u0660" * 16, "'" * 16]
)
@pytest.mark.parametrize("more", ["", "/logs"])
async def test_an_id_that_is_none(api: Api, wrong: str, more: str) -> None:
    problem = await api.problem(400, f"{TRACES}/{wrong}{more}")
    assert problem["errors"][0]["parameter"] == "trace_id"


@pytest.mark.parametrize("path", ["/", "/api/v1", "/api/v2/traces", f"{TRACE}/spans"])
async def test_an_unknown_path(api: Api, path: str) -> None:
    problem = await api.problem(404, path)
    assert problem["detail"] == "see /docs for what there is"


@pytest.mark.parametrize("path", [TRACES, TRACE, "/healthz", "/openapi.json"])
async def test_a_method_that_is_not_offered(api: Api, path: str) -> None:
    response = await api.client.post(path, json={})
    assert problem_of(response)["status"] == 405
    assert "GET" in response.headers["allow"]


WRONG: list[tuple[str, dict[str, Any]]] = [
    *[("limit", {"limit": limit}) for limit in (0, -1, 1001, 10**20, 1.5, "many", "", "\u0663", "NaN")],
    *[
        (name, {name: text})
        for name in ("start", "end")
        for text in (
            "",
            "now",
            "2026-11-23",
            "2026-11-23T12:00:00",
            "2026-11-23T25:00:00Z",
            "2026-02-30T12:00:00Z",
            "2026-11-23T12:00:00.0000000001Z",
            "0001-01-01T00:00:00+14:00",
            "1969-12-31T23:59:59.999999999Z",
            "2263-01-01T00:00:00Z",
            "9999-12-31T23:59:59-14:00",
            "-1",
            "1e18",
            "\u0663",
            str(2**63),
            "9" * 5000,
            "' OR 1=1",
        )
    ],
    *[
        (name, {name: text})
        for name in ("min_duration", "max_duration", "min_trace_duration", "max_trace_duration")
        for text in (
            "",
            "1",
            "1 s",
            "s",
            "-1s",
            "1d",
            "0.1ns",
            "1e400s",
            "585y",
            "18446744073709551616ns",
            "9" * 500 + "h",
        )
    ],
    *[("status", {"status": text}) for text in ("", "Error", "bad")],
    *[("kind", {"kind": text}) for text in ("", "SERVER", "both")],
    *[
        (name, {name: text})
        for name in ("attribute", "resource", "event", "link")
        for text in ("", "=", "=value")
    ],
    ("servce", {"servce": "orders"}),
    ("attributes", {"attributes": "otlp"}),
]


async def test_a_value_that_does_not_fit_its_parameter(api: Api, subtests: pytest.Subtests) -> None:
    """Is an error that names the parameter, and so is a parameter that does not exist."""
    for parameter, values in WRONG:
        with subtests.test(**values):
            assert parameter in named(await api.problem(400, **values))


def named(problem: Mapping[str, Any]) -> set[str]:
    """The parameters that a problem complains of."""
    return {problem.get("parameter"), *(error["parameter"] for error in problem.get("errors", []))} - {None}


@pytest.mark.parametrize("path", [TRACE, f"{TRACE}/logs"])
@pytest.mark.parametrize(
    ("parameter", "value"), [("limit", 0), ("limit", 100_001), ("attributes", "raw"), ("service", "orders")]
)
async def test_a_page_of_a_trace_has_parameters_of_its_own(
    api: Api, path: str, parameter: str, value: Any
) -> None:
    assert named(await api.problem(400, path, **{parameter: value})) == {parameter}


async def test_all_wrong_parameters_are_named_at_once(api: Api) -> None:
    problem = await api.problem(400, limit=0, status="bad", servce="orders")
    assert named(problem) == {"limit", "status", "servce"}


async def test_a_parameter_that_takes_one_value_comes_once(api: Api) -> None:
    assert named(await api.problem(400, service=["orders", "payments"])) == {"service"}
    assert named(await api.problem(400, TRACE, limit=[1, 2])) == {"limit"}


async def test_a_wrong_filter_shows_the_place(api: Api) -> None:
    problem = await api.problem(400, filter='service = "orders" and duratoin > 1s')
    assert problem["title"] == "Bad filter"
    assert (problem["parameter"], problem["position"]) == ("filter", 23)
    assert problem["detail"].splitlines()[-1].endswith("^")


async def test_a_pattern_that_only_clickhouse_refuses(api: Api, put: Put) -> None:
    put(traces_request(span(1)))
    problem = await api.problem(400, filter='name ~ "a{1001}"')
    assert problem["parameter"] == "filter"
    assert problem["detail"].endswith("does not compile: invalid repetition size: {1001}")


def forged(*content: object) -> str:
    return urlsafe_b64encode(json.dumps(content).encode()).decode().rstrip("=")


FORGED = [
    "",
    "x",
    "é",
    "=",
    "AAAA",
    "null",
    "a" * 10_000,
    urlsafe_b64encode(b"[" * 10_000).decode(),
    urlsafe_b64encode(b"1").decode(),
    urlsafe_b64encode(b"{}").decode(),
    urlsafe_b64encode(b"[]").decode(),
    urlsafe_b64encode(b'["traces", ' + b"9" * 5000 + b', "a"]').decode(),
    urlsafe_b64encode(b'["traces", NaN, "a"]').decode(),
    urlsafe_b64encode(b"\xff\xfe").decode(),
    forged("traces"),
    forged("traces", 1),
    forged("traces", "1", "a"),
    forged("traces", 1, 2),
    forged("traces", 1.5, "a"),
    forged("traces", True, "a"),
    forged("traces", None, "a"),
    forged("traces", [1], "a"),
    forged("traces", 1, "a", "b"),
    forged("traces", 2**63, "a"),
    forged("traces", -(2**63) - 1, "a"),
    forged("traces", 1, "\ud800"),
    forged(1, "a"),
    forged(["traces"], 1, "a"),
]


@pytest.mark.parametrize("path", [TRACES, TRACE, f"{TRACE}/logs"])
async def test_a_cursor_that_is_none(api: Api, put: Put, path: str) -> None:
    put(traces_request(span(1)))
    for cursor in FORGED:
        assert named(await api.problem(400, path, cursor=cursor)) == {"cursor"}


@pytest.mark.parametrize(
    "place", [(-(2**63), ""), (2**63 - 1, "~"), (0, "'; DROP TABLE otel_traces"), (1, "\x00\\N{x:String}")]
)
async def test_a_forged_cursor_that_might_be_one_does_no_harm(
    api: Api, put: Put, place: tuple[int, str]
) -> None:
    put(traces_request(span(1)))
    assert len((await api.traces(cursor=cursors.encode("traces", *place)))["traces"]) <= 1


async def test_a_cursor_of_another_route(api: Api, put: Put) -> None:
    put(traces_request(*[span(number, trace=trace) for number in (1, 2) for trace in (1, 2)]))
    put(logs_request(log_record(trace=1), log_record(trace=1)))
    given = {
        TRACES: (await api.traces(limit=1))["next_cursor"],
        TRACE: (await api.trace(limit=1))["next_cursor"],
        f"{TRACE}/logs": (await api.logs(limit=1))["next_cursor"],
        f"{TRACES}/{trace_id(2).hex()}": (await api.trace(2, limit=1))["next_cursor"],
    }
    assert all(given.values())
    for path in given:
        for cursor in [cursor for route, cursor in given.items() if route != path]:
            assert named(await api.problem(400, path, cursor=cursor)) == {"cursor"}


PARAMETERS = [
    "filter",
    "service",
    "name",
    "status",
    "kind",
    "attribute",
    "resource",
    "event",
    "link",
    "cursor",
]
PARAMETERS += [
    "min_duration",
    "max_duration",
    "min_trace_duration",
    "max_trace_duration",
    "start",
    "end",
    "limit",
]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60)
@given(st.dictionaries(st.sampled_from(PARAMETERS), st.text(st.characters(codec="utf-8")), max_size=3))
@example({"filter": 'name = "\x00"'})
async def test_whatever_is_asked_is_answered_or_a_problem(api: Api, parameters: dict[str, str]) -> None:
    response = await api.client.get(TRACES, params=parameters)
    assert response.status_code == 200 or named(problem_of(response)) & parameters.keys()


@pytest.mark.parametrize("path", [TRACES, TRACE, f"{TRACE}/logs"])
async def test_clickhouse_is_away(cut_off: Api, path: str) -> None:
    response = await cut_off.client.get(path)
    assert problem_of(response)["title"] == "Store unavailable"
    assert response.status_code == 503
    assert int(response.headers["retry-after"]) > 0


async def test_the_process_is_well_when_clickhouse_is_away(cut_off: Api) -> None:
    response = await cut_off.client.get("/healthz")
    assert (response.status_code, response.json()) == (200, {"status": "ok"})


@dataclass(frozen=True)
class Tight:
    """A store whose queries must do with a ClickHouse setting that none can do with."""

    store: Reader
    setting: str

    def select(self, sql: str, parameters: Mapping[str, Any] | None = None) -> list[Row]:
        return self.store.select(f"{sql}\nSETTINGS {self.setting}", parameters)


@pytest.mark.parametrize(
    ("setting", "status", "title"),
    [
        ("max_execution_time = 0.000001", 504, "Query took too long"),
        ("max_memory_usage = 1", 507, "Query needs too much memory"),
    ],
)
@pytest.mark.parametrize("path", [TRACES, TRACE, f"{TRACE}/logs"])
async def test_a_query_over_its_limits(
    store: Store, put: Put, path: str, setting: str, status: int, title: str
) -> None:
    put(traces_request(span(1)))
    put(logs_request(log_record(trace=1)))
    async with open_api(Tight(store, setting)) as api:
        problem = await api.problem(status, path)
    assert problem["title"] == title
    assert "narrow" in problem["detail"]


async def test_what_went_wrong_inside_is_not_shown_outside(store: Store) -> None:
    async with open_api(Tight(store, "no_such_setting = 1")) as api:
        problem = await api.problem(500)
    assert problem["title"] == "Query failed"
    assert "no_such_setting" not in str(problem)


async def test_without_the_token_nothing_is_shown(store: Store) -> None:
    async with open_api(store, token="secret") as api:
        for headers in ({}, {"Authorization": "Bearer wrong"}, {"Authorization": "secret"}):
            response = await api.client.get(TRACES, headers=headers)
            assert problem_of(response)["status"] == 401
            assert response.headers["www-authenticate"] == "Bearer"
        assert await api.problem(401, "/openapi.json")


async def test_with_the_token_everything_is_shown(store: Store, put: Put) -> None:
    put(traces_request(span(1)))
    async with open_api(store, token="secret") as api:
        response = await api.client.get(TRACES, headers={"Authorization": "Bearer secret"})
        assert len(response.json()["traces"]) == 1


async def test_health_needs_no_token(store: Store) -> None:
    async with open_api(store, token="secret") as api:
        for path in ("/healthz", "/readyz"):
            assert (await api.client.get(path)).status_code == 200
