"""What the query service shows of itself and of the collectors: `/readyz` and `/metrics`."""

import itertools
from pathlib import Path
from typing import Any

from prometheus_client.parser import text_string_to_metric_families
from tests.query.api import TRACES, Api, open_api, problem_of

from coldlight_storage import EmbeddedStore, Store
from coldlight_storage.heartbeats import Heartbeat, report
from coldlight_storage.testing import Put, clock_ns, span, traces_request


async def ready(api: Api) -> dict[str, Any]:
    response = await api.client.get("/readyz")
    assert response.status_code == 200, response.text
    body: dict[str, Any] = response.json()
    assert all(wrong["detail"] and wrong["fix"] for wrong in body["wrong"])
    return body


async def samples(api: Api) -> dict[tuple[str, ...], float]:
    """The samples, by name and then the values of their labels, sorted by label."""
    text = (await api.client.get("/metrics")).text
    found = [sample for family in text_string_to_metric_families(text) for sample in family.samples]
    return {
        (sample.name, *[value for _, value in sorted(sample.labels.items())]): sample.value
        for sample in found
    }


async def test_it_is_ready_when_clickhouse_answers(api: Api) -> None:
    assert await ready(api) == {"status": "ready", "wrong": [], "watermark_unix_nano": None}


async def test_without_clickhouse_it_is_not(cut_off: Api) -> None:
    response = await cut_off.client.get("/readyz")
    assert (response.status_code, response.headers["retry-after"]) == (503, "5")
    [wrong] = problem_of(response)["wrong"]
    assert (wrong["what"], wrong["refuses"]) == ("clickhouse_unavailable", True)
    assert "Connection refused" in wrong["detail"]
    assert (await samples(cut_off))[("coldlight_clickhouse_up",)] == 0


async def test_tables_of_an_older_program_are_named(api: Api, store: Store) -> None:
    store.command("RENAME TABLE coldlight_migrations TO ledger_of_tests")
    try:
        response = await api.client.get("/readyz")
    finally:
        store.command("RENAME TABLE ledger_of_tests TO coldlight_migrations")
    [wrong] = problem_of(response)["wrong"]
    assert wrong["what"] == "tables_not_migrated"
    assert "coldlight migrate" in wrong["fix"]


async def test_collectors_that_need_somebody_are_named(embedded_store: EmbeddedStore) -> None:
    report(embedded_store, Heartbeat(1, clock_ns(1), 0, 0))
    report(embedded_store, Heartbeat(2, clock_ns(2), 500, 0, is_stopped=True))
    report(embedded_store, Heartbeat(3, clock_ns(3), 0, 4))
    embedded_store.command(
        "INSERT INTO coldlight_heartbeats (Collector, Watermark, JournalBytes, ReportedTime)"
        " VALUES (4, 0, 700, now64(3) - 61)"
    )
    async with open_api(embedded_store) as api:
        body, shown = await ready(api), await samples(api)
    assert (body["status"], body["watermark_unix_nano"]) == ("degraded", clock_ns(1))
    assert [wrong["what"] for wrong in body["wrong"]] == [
        "collector_stopped",
        "quarantine",
        "collector_silent",
    ]
    assert shown[("coldlight_collectors", "live")] == 2
    assert shown[("coldlight_collectors", "silent")] == 1
    assert shown[("coldlight_system_watermark_timestamp_seconds",)] == clock_ns(1) / 10**9


async def test_requests_are_counted_by_the_route_and_never_by_what_was_asked(
    embedded_store: EmbeddedStore, tmp_path: Path, number: int
) -> None:
    Put(embedded_store, tmp_path, itertools.count(number))(traces_request(span(1)))
    async with open_api(embedded_store) as api:
        await api.trace(1)
        await api.problem(404, f"{TRACES}/{9:032x}")
        await api.problem(404, "/s3cret")
        await api.client.request("S3CRET", TRACES)
        shown = await samples(api)
    requests = {key[1:]: value for key, value in shown.items() if key[0] == "coldlight_query_requests_total"}
    assert requests == {
        ("GET", "/api/v1/traces/{trace_id}", "200"): 1,
        ("GET", "/api/v1/traces/{trace_id}", "404"): 1,
        ("GET", "unmatched", "404"): 1,
        ("other", "/api/v1/traces", "405"): 1,
    }
    assert shown[("coldlight_query_duration_seconds_count", "/api/v1/traces/{trace_id}")] == 2
    assert shown[("coldlight_query_clickhouse_duration_seconds_count", "ok")] >= 2
    assert not any("s3cret" in "".join(key).lower() for key in shown)
