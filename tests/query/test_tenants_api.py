"""A reader sees the rows of its own tenant and of nobody else, whatever it asks."""

import asyncio
import itertools
from collections.abc import AsyncIterator, Iterator

import httpx
import pytest
from tests.conftest import empty_tables
from tests.query.api import TRACES, Api, migrate_beside, open_api, problem_of

from coldlight_storage import Stores, TenantStore
from coldlight_storage.state.tokens import Role
from coldlight_storage.testing import Put, log_record, logs_request, span, token, trace_id, traces_request

READER_A, TEXT_A = token(1, Role.READ, tenant="a")
READER_B, TEXT_B = token(2, Role.READ, tenant="b")
READER, TEXT = token(3, Role.READ)
SENDER_A, SENDERS_TEXT_A = token(4, Role.INGEST, tenant="a")
ADMIN_A, ADMINS_TEXT_A = token(5, Role.ADMIN, tenant="a")
NEW, NEWS_TEXT = token(6, Role.READ, tenant="new")
OF = {"default": TEXT, "a": TEXT_A, "b": TEXT_B}
EVERYTHING = {"start": "0", "limit": "1000"}


@pytest.fixture(scope="module", params=["embedded", "server"])
def stores(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stores]:
    """Over each form of the store in turn: trace 1 in every tenant, with the same ids; trace 2 in `b` alone.

    What is whose, the names tell. They are made once, as no test changes them.
    """
    base: TenantStore = request.getfixturevalue(request.param)
    folder, numbers = tmp_path_factory.mktemp("tenants"), itertools.count(900_000_000)
    stores = Stores(base, migrate_beside)
    for tenant in OF:
        stores.prepare(tenant)
        empty_tables(stores.of(tenant))
        put = Put(stores.of(tenant), folder, numbers)
        put(traces_request(span(1, trace=1, name=f"owned-by-{tenant}"), service=f"shop-owned-by-{tenant}"))
        put(logs_request(log_record(f"log owned-by-{tenant}", trace=1)))
    put(traces_request(span(2, trace=2, name="owned-by-b"), service="shop-owned-by-b"))
    yield stores
    [name] = base.select("SELECT currentDatabase() AS name")
    for tenant in ("a", "b", "new"):
        stores.of(tenant).close()
        base.command(f"DROP DATABASE IF EXISTS {name['name']}_{tenant} SYNC")


@pytest.fixture
async def api(stores: Stores) -> AsyncIterator[Api]:
    async with open_api(
        stores.of("default"), None, READER_A, READER_B, READER, SENDER_A, ADMIN_A, NEW
    ) as api:
        yield api


async def ask(api: Api, text: str | None, path: str, **parameters: str) -> httpx.Response:
    headers = {"Authorization": f"Bearer {text}"} if text else {}
    return await api.client.get(path, params=parameters or None, headers=headers)


async def paths(api: Api) -> list[str]:
    """Every path of the API that is there, for trace 1 and for trace 2."""
    description = (await ask(api, TEXT, "/openapi.json")).json()
    named = {
        path.replace("{trace_id}", trace_id(number).hex()).replace("/tail", "/tail?follow=0s")
        for path in description["paths"]
        for number in (1, 2)
    }
    return sorted(named)


async def test_no_path_shows_what_is_another_tenants(api: Api) -> None:
    for path in await paths(api):
        for tenant, text in OF.items():
            shown = (await ask(api, text, path)).text
            for other in OF.keys() - {tenant}:
                assert f"owned-by-{other}" not in shown, path


async def test_each_tenant_sees_its_own(api: Api) -> None:
    trace = f"{TRACES}/{trace_id(1).hex()}"
    for tenant, text in OF.items():
        [shown] = (await ask(api, text, trace)).json()["spans"]
        assert (shown["name"], shown["service"]) == (
            f"owned-by-{tenant}",
            f"shop-owned-by-{tenant}",
        )
        assert f"log owned-by-{tenant}" in (await ask(api, text, f"{trace}/logs")).text
        found = (await ask(api, text, TRACES)).json()["traces"]
        assert len(found) == (2 if tenant == "b" else 1)
    assert (await ask(api, TEXT_A, f"{TRACES}/{trace_id(2).hex()}")).status_code == 404


async def test_readers_of_all_tenants_may_ask_at_the_same_time(api: Api) -> None:
    trace = f"{TRACES}/{trace_id(1).hex()}"
    asked = [(tenant, ask(api, text, trace)) for _ in range(10) for tenant, text in OF.items()]
    answers = await asyncio.gather(*(answer for _, answer in asked))
    for (tenant, _), answer in zip(asked, answers, strict=True):
        assert [span["name"] for span in answer.json()["spans"]] == [f"owned-by-{tenant}"]


async def test_no_filter_reaches_another_tenant(api: Api) -> None:
    filters = (
        'name = "owned-by-b"',
        'service = "shop-owned-by-b"',
        'name ~ ".*"',
        "",
        'not name = "x"',
        'any["tenant"] != "a" or name != "x"',
    )
    for text in filters:
        answer = await ask(api, TEXT_A, TRACES, filter=text)
        assert answer.status_code == 200, answer.text
        assert "owned-by-b" not in answer.text
        assert trace_id(2).hex() not in answer.text


async def test_a_cursor_of_another_tenant_reaches_nothing_of_it(api: Api) -> None:
    first = (await ask(api, TEXT_B, TRACES, limit="1")).json()
    assert first["next_cursor"]
    answer = await ask(api, TEXT_A, TRACES, cursor=first["next_cursor"])
    assert "owned-by-b" not in answer.text


async def test_a_tenant_cannot_be_chosen(api: Api) -> None:
    tricks: tuple[dict[str, str], ...] = (
        {"X-Tenant": "b"},
        {"X-Scope-OrgID": "b"},
        {"X-ClickHouse-Database": "default_b"},
        {"Authorization": f"Bearer {TEXT_A}, Bearer {TEXT_B}"},
        {"Authorization": f"Bearer {TEXT_A}\tb"},
    )
    for headers in tricks:
        for parameters in ({}, {"tenant": "b"}, {"database": "default_b"}):
            known = {"Authorization": f"Bearer {TEXT_A}"}
            answer = await api.client.get(TRACES, params=parameters, headers=known | headers)
            assert answer.status_code in (200, 400, 401)
            assert "owned-by-b" not in answer.text


async def test_a_tenant_that_has_sent_nothing_yet_finds_nothing(api: Api) -> None:
    assert (await ask(api, NEWS_TEXT, TRACES)).json()["traces"] == []


async def test_a_token_that_may_only_send_reads_nothing(api: Api) -> None:
    for path in {*await paths(api), "/docs", "/openapi.json", "/metrics"} - {"/healthz", "/readyz"}:
        answer = await ask(api, SENDERS_TEXT_A, path)
        assert answer.status_code == 403, path
        assert "here the role read is needed" in problem_of(answer)["detail"]
    assert (await ask(api, ADMINS_TEXT_A, TRACES)).status_code == 200


async def test_who_shows_no_token_reads_nothing(api: Api) -> None:
    for path in {*await paths(api), "/docs", "/openapi.json", "/metrics", "/nowhere"} - {
        "/healthz",
        "/readyz",
    }:
        for text in (None, "guess", token(9)[1]):
            answer = await ask(api, text, path)
            assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer"), path


async def test_metrics_are_for_those_who_run_it(api: Api) -> None:
    assert (await ask(api, TEXT, "/metrics")).status_code == 200
    for text in (TEXT_A, ADMINS_TEXT_A):
        answer = await ask(api, text, "/metrics")
        assert answer.status_code == 403
        assert "a token of the tenant default is needed" in problem_of(answer)["detail"]
