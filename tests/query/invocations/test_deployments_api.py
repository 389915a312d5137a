"""`/deployments`: when a version was first seen, and what it changed."""

from typing import Any

import pytest
from tests.query.api import Api
from tests.query.invocations.facts import ARN, report, run_span, sandbox

from coldlight_query.invocations import models
from coldlight_storage import EmbeddedStore
from coldlight_storage.testing import Put, clock_ns


@pytest.fixture
def store(embedded_store: EmbeddedStore) -> EmbeddedStore:
    """One form will do: `test_functions_api.py` asks both."""
    return embedded_store


async def deployments(api: Api, **parameters: Any) -> list[dict[str, Any]]:
    answer = await api.get(models.Deployments, "/api/v1/deployments", **parameters)
    found: list[dict[str, Any]] = answer["deployments"]
    return found


async def test_a_version_is_compared_with_those_before_it(api: Api, put: Put) -> None:
    new = sandbox(2, version="8")
    put(*(report(f"old{at}", at, duration_ms=10.0) for at in range(-60, -10, 10)))
    put(report("first", 1, where=new, duration_ms=900.0, init_duration_ms=300.0))
    put(report("second", 5, where=new, duration_ms=30.0, status="error"))
    put(report("still old", 6, duration_ms=99.0))
    eight, seven = await deployments(api)
    assert (eight["function"], eight["arn"], eight["version"]) == ("orders", ARN, "8")
    assert eight["first_seen_unix_nano"] == clock_ns(0.1)
    assert (eight["before"]["invocations"], eight["before"]["errors"]) == (5, 0)
    assert (eight["after"]["invocations"], eight["after"]["error_share"]) == (2, 0.5)
    assert eight["before"]["warm_duration_ms"]["p95"] == 10.0
    assert eight["after"]["warm_duration_ms"]["p95"] == 30.0
    assert eight["after"]["cold_duration_ms"]["p50"] == 900.0
    assert (seven["version"], seven["before"]) == ("7", None)


async def test_only_what_is_within_the_window_is_compared(api: Api, put: Put) -> None:
    put(report("long ago", -7200), report("new", 0, where=sandbox(2, version="8")))
    [eight, _] = await deployments(api, window="1h")
    assert eight["before"] is None
    [eight, _] = await deployments(api, window="3h")
    assert eight["before"]["invocations"] == 1


async def test_where_only_latest_runs_the_services_version_counts(api: Api, put: Put) -> None:
    latest = sandbox(version="$LATEST")
    put(run_span("r1", -60, where={**latest, "service.version": "a"}))
    put(run_span("r2", 0, where={**latest, "service.version": "b"}))
    put(report("r1", -59, where=latest), report("r2", 1, where=latest))
    b, a = await deployments(api)
    assert (b["version"], b["service_version"], a["service_version"]) == (None, "b", "a")
    assert (b["before"]["invocations"], b["after"]["invocations"]) == (1, 1)


async def test_deployments_are_paged_and_narrowed(api: Api, put: Put) -> None:
    put(*(report(f"r{number}", number, where=sandbox(1, f"f{number}")) for number in range(3)))
    page = await api.get(models.Deployments, "/api/v1/deployments", limit=2)
    assert [found["function"] for found in page["deployments"]] == ["f2", "f1"]
    rest = await deployments(api, limit=2, cursor=page["next_cursor"])
    assert [found["function"] for found in rest] == ["f0"]
    assert [found["function"] for found in await deployments(api, function="f1")] == ["f1"]
    early = await deployments(api, end=str(clock_ns(0.5)))
    assert [found["function"] for found in early] == ["f1", "f0"]
