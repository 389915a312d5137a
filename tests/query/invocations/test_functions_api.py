"""`/functions`: how each function did, counted and measured over its runs."""

from typing import Any

import numpy as np
from tests.query.api import Api
from tests.query.invocations.facts import ACCOUNT, ARN, FAILED, metric, platform, report, run_span, sandbox

from coldlight_query.invocations import models
from coldlight_storage.testing import Put, clock_ns

ALL, ONE = "/api/v1/functions", "/api/v1/functions/orders"


async def functions(api: Api, **parameters: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (await api.get(models.Functions, ALL, **parameters))["functions"]
    return found


async def function(api: Api, path: str = ONE, **parameters: Any) -> dict[str, Any]:
    found: dict[str, Any] = (await api.get(models.FunctionOfStretch, path, **parameters))["function"]
    return found


def rules(found: dict[str, Any]) -> set[str]:
    return {warning["rule"] for warning in found["warnings"]}


async def test_quantiles_are_of_the_runs_cold_and_warm_apart(api: Api, put: Put) -> None:
    warm, cold = [float(ms) for ms in range(1, 38)], [500.0, 700.0, 1100.0]
    put(*(report(f"w{ms}", -ms * 60, duration_ms=ms) for ms in warm))
    put(*(report(f"c{ms}", -ms * 60, duration_ms=ms, init_duration_ms=ms / 2) for ms in cold))
    found = await function(api)

    def exactly(values: list[float]) -> dict[str, float]:
        return {f"p{level}": float(np.percentile(values, level)) for level in (50, 95, 99)}

    assert found["warm_duration_ms"] == exactly(warm)
    assert found["cold_duration_ms"] == exactly(cold)
    assert found["duration_ms"] == exactly(warm + cold)
    assert found["init_ms"] == exactly([ms / 2 for ms in cold])
    assert (found["invocations"], found["cold_starts"], found["cold_start_share"]) == (40, 3, 3 / 40)


async def test_a_fact_that_two_reporters_tell_counts_once(api: Api, put: Put) -> None:
    put(run_span("r1"))
    put(report("r1", 1), report("r1", 1, source="log"), report("r1", 1))
    found = await function(api)
    assert (found["invocations"], found["billed_ms"]) == (1, 1000)


async def test_each_attempt_of_a_request_counts(api: Api, put: Put) -> None:
    put(report("r1", -200, status="error"), report("r1", -130, status="error"), report("r1", -5))
    found = await function(api)
    assert (found["invocations"], found["errors"], found["billed_ms"]) == (3, 2, 3000)


async def test_a_quiet_function_is_healthy(api: Api, put: Put) -> None:
    put(report("r1", -1))
    found = await function(api)
    assert (found["health"], found["warnings"], found["arn"]) == ("healthy", [], ARN)
    assert (found["memory_mb"], found["max_memory_used_mb"], found["memory_headroom_mb"]) == (512, 100, 412)
    assert (found["throttles"], found["iterator_age_ms"]) == (None, None)
    assert found["cost_basis"]["why_estimated"] == ["architecture unknown: priced as x86"]
    assert found["cold_duration_ms"] is None


async def test_what_is_wrong_is_said_with_its_figures(api: Api, put: Put) -> None:
    put(*(report(f"r{number}", -number) for number in range(1, 49)))
    put(report("late", -60, duration_ms=3000.0, status="timeout"))
    put(report("full", -61, max_memory_used_mb=500, status="error", error_type="Runtime.OutOfMemory"))
    found = await function(api)
    assert rules(found) == {"errors", "timeouts", "timeout_near", "out_of_memory", "memory"}
    assert found["health"] == "critical"
    [errors] = [warning for warning in found["warnings"] if warning["rule"] == "errors"]
    assert errors["message"] == "2 of 50 invocations failed (4.0%)"
    assert (errors["value"], errors["threshold"]) == (0.04, 0.01)
    assert (found["errors"], found["timeouts"], found["out_of_memory"]) == (2, 1, 1)
    assert found["timeout_ms"] == 3000.0


async def test_cloudwatchs_metrics_tell_of_throttles_and_streams(api: Api, put: Put) -> None:
    put(report("r1", -1))
    throttles = metric("Throttles", -60, 3, 1)
    put(throttles, metric("Throttles", -120, 1, 1), metric("IteratorAge", -60, 9, 3 * 3_600_000))
    put(throttles, metric("ConcurrentExecutions", -60, 5, 4), metric("Throttles", -60, 99, 1, "payments"))
    found = await function(api)
    assert (found["throttles"], found["iterator_age_ms"]) == (4, 3 * 3_600_000)
    assert found["concurrency"]["reported_peak"] == 4
    assert rules(found) == {"throttles", "iterator_age"}


async def test_runs_at_once_are_counted(api: Api, put: Put) -> None:
    put(*(report(f"r{number}", -10 + number / 10, where=sandbox(number)) for number in range(1, 4)))
    put(report("later", -1))
    concurrency = (await function(api))["concurrency"]
    assert (concurrency["peak"], concurrency["sandboxes"]) == (3, 3)
    assert concurrency["average"] == 4 / 86_400


async def test_versions_are_told_apart(api: Api, put: Put) -> None:
    put(report("r1", -600), report("r2", -300, where=sandbox(version="8"), status="error"))
    seven, eight = (await function(api))["versions"]
    assert (seven["version"], seven["invocations"], seven["errors"]) == ("7", 1, 0)
    assert (eight["version"], eight["invocations"], eight["errors"]) == ("8", 1, 1)
    assert (await function(api, version="8"))["invocations"] == 1


async def test_only_the_time_that_was_asked_about_counts(api: Api, put: Put) -> None:
    put(report("now", -1), report("yesterday", -90_000))
    assert (await function(api))["invocations"] == 1
    whole = await function(api, start=str(clock_ns(-100_000)))
    assert whole["invocations"] == 2


async def test_functions_are_listed_by_name_page_by_page(api: Api, put: Put) -> None:
    put(*(report(name, -1, where=sandbox(1, name)) for name in ("c", "a", "b")))
    first = await api.get(models.Functions, ALL, limit=2)
    assert [found["name"] for found in first["functions"]] == ["a", "b"]
    rest = await functions(api, limit=2, cursor=first["next_cursor"])
    assert [found["name"] for found in rest] == ["c"]


async def test_a_name_that_several_functions_have_needs_an_arn(api: Api, put: Put) -> None:
    elsewhere = {**sandbox(2), "cloud.region": "us-east-1"}
    put(report("here", -1), report("there", -1, where=elsewhere, status="error"))
    problem = await api.problem(409, ONE)
    arns = [f"arn:aws:lambda:{region}:{ACCOUNT}:function:orders" for region in ("eu-central-1", "us-east-1")]
    assert problem["candidates"] == arns
    assert (await function(api, f"{ALL}/{arns[1]}"))["errors"] == 1
    answer = await api.get(models.Invocations, f"{ALL}/{arns[0]}/invocations")
    assert [found["request_id"] for found in answer["invocations"]] == ["here"]


async def test_who_does_not_tell_the_account_means_the_only_one(api: Api, put: Put) -> None:
    put(report("r1", -1))
    put(run_span("r2", -5, where={"faas.name": "orders"}, status=FAILED))
    [found] = await functions(api)
    assert (found["arn"], found["invocations"], found["errors"]) == (ARN, 2, 1)


async def test_names_that_are_none(api: Api, put: Put) -> None:
    put(platform("init_start", -1))  # a sandbox that never ran anything
    assert (await api.problem(404, ONE))["title"] == "Unknown function"
    assert "leave ':7' out" in (await api.problem(400, f"{ALL}/{ARN}:7"))["detail"]
    assert "no ARN of a function" in (await api.problem(400, f"{ALL}/arn:aws:s3:::bucket"))["detail"]
