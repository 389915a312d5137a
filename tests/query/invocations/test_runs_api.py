"""`/invocations/{request_id}` and `/functions/{name}/invocations`: run by run, whoever told of them."""

from typing import Any

import pytest
from opentelemetry.proto.trace.v1.trace_pb2 import Span
from tests.query.api import Api
from tests.query.invocations.facts import ARN, FAILED, platform, report, run_span, sandbox

from coldlight_query.invocations import models
from coldlight_storage import EmbeddedStore
from coldlight_storage.testing import Put, clock_ns, span_id, trace_id, traces_request
from coldlight_storage.testing import span as any_span

ONE = "/api/v1/invocations/r1"
LIST = "/api/v1/functions/orders/invocations"


@pytest.fixture
def store(embedded_store: EmbeddedStore) -> EmbeddedStore:
    """One form will do: `test_functions_api.py` asks both."""
    return embedded_store


async def runs(api: Api) -> list[dict[str, Any]]:
    answer = await api.get(models.RunsOfRequest, ONE)
    assert answer["request_id"] == "r1"
    found: list[dict[str, Any]] = answer["invocations"]
    return found


async def run(api: Api) -> dict[str, Any]:
    [found] = await runs(api)
    return found


async def listed(api: Api, **parameters: Any) -> list[str]:
    answer = await api.get(models.Invocations, LIST, **parameters)
    return [found["request_id"] for found in answer["invocations"]]


async def test_a_run_that_its_span_told_of_is_completed_by_the_platform(api: Api, put: Put) -> None:
    put(run_span("r1", 0, 0.9, attributes={"faas.coldstart": True, "coldlight.trigger": "sqs"}))
    before = await run(api)
    assert (before["duration_ms"], before["billed_ms"], before["sources"]) == (900.0, None, ["span"])
    put(report("r1", 1, init_duration_ms=400.0))
    after = await run(api)
    assert (after["duration_ms"], after["billed_ms"], after["init_ms"]) == (1000.0, 1000, 400.0)
    assert (after["memory_mb"], after["max_memory_used_mb"]) == (512, 100)
    assert (after["trace_id"], after["span_id"]) == (trace_id(1).hex(), span_id(1).hex())
    assert (after["start_time_unix_nano"], after["trigger"]) == (clock_ns(), "sqs")
    assert (after["status"], after["error"], after["cold_start"]) == ("success", None, True)
    assert (after["arn"], after["version"]) == (ARN, "7")
    assert after["sources"] == ["span", "telemetry"]


async def test_a_run_that_only_the_log_told_of_is_shown(api: Api, put: Put) -> None:
    put(report("r1", 1, source="log"))
    found = await run(api)
    assert (found["sources"], found["trace_id"], found["cold_start"]) == (["log"], None, False)
    assert found["start_time_unix_nano"] == clock_ns(0)


async def test_a_run_that_has_begun_has_no_status_yet(api: Api, put: Put) -> None:
    put(platform("start", 0, "r1", tenant_id="blue"))
    found = await run(api)
    assert (found["status"], found["duration_ms"], found["tenant_id"]) == (None, None, "blue")


async def test_a_dead_runtime_with_all_memory_in_use_ran_out_of_it(api: Api, put: Put) -> None:
    put(report("r1", 1, max_memory_used_mb=512, status="error", error_type="Runtime.ExitError"))
    found = await run(api)
    assert (found["status"], found["error"]["type"]) == ("out_of_memory", "Runtime.ExitError")


async def test_a_dead_runtime_with_memory_to_spare_is_an_error(api: Api, put: Put) -> None:
    put(report("r1", 1, status="error", error_type="Runtime.ExitError"))
    assert (await run(api))["status"] == "error"


async def test_the_exception_says_more_than_the_platform(api: Api, put: Put) -> None:
    put(run_span("r1", status=FAILED, attributes={"error.type": "KeyError"}))
    put(report("r1", 1, status="error", error_type="Unhandled"))
    assert (await run(api))["error"] == {"type": "KeyError", "message": "no such order"}


async def test_opentelemetrys_older_name_of_a_request_id_counts_too(api: Api, put: Put) -> None:
    told = {"faas.execution": "r1", "faas.id": f"{ARN}:live"}
    put(traces_request(any_span(1, attributes=told, kind=Span.SPAN_KIND_CONSUMER), service="orders-service"))
    found = await run(api)
    assert (found["function"], found["alias"], found["arn"]) == ("orders", "live", ARN)


async def test_a_segment_of_lambda_itself_is_a_run(api: Api, put: Put) -> None:
    origin = {"aws.xray.origin": "AWS::Lambda", "cloud.resource_id": ARN}
    put(
        traces_request(
            any_span(1, attributes={"aws.request_id": "r1"}), service="orders", resource_attributes=origin
        )
    )
    assert (await run(api))["function"] == "orders"


async def test_a_call_of_another_service_is_no_run(api: Api, put: Put) -> None:
    put(traces_request(any_span(1, attributes={"aws.request_id": "r1"}, kind=Span.SPAN_KIND_CLIENT)))
    problem = await api.problem(404, ONE)
    assert problem["title"] == "Unknown invocation"


async def test_what_a_sandbox_told_when_it_started_is_known_of_its_runs(api: Api, put: Put) -> None:
    put(platform("init_start", -60, init_type="provisioned-concurrency", runtime_version="python:3.13.v9"))
    put(run_span("r1", attributes={"faas.coldstart": True}))
    found = await run(api)
    assert (found["init_type"], found["runtime_version"]) == ("provisioned-concurrency", "python:3.13.v9")
    assert found["cold_start"] is False  # nobody waited for it


async def test_a_snapshot_that_was_restored_is_a_cold_start(api: Api, put: Put) -> None:
    put(report("r1", 1, restore_duration_ms=120.5, billed_restore_duration_ms=26))
    found = await run(api)
    assert (found["cold_start"], found["restore_ms"], found["billed_restore_ms"]) == (True, 120.5, 26)


async def test_runs_at_once_in_two_sandboxes_are_two(api: Api, put: Put) -> None:
    """An asynchronous event may be delivered twice."""
    put(report("r1", 1), report("r1", 1.1, where=sandbox(2)))
    assert [found["attempt"] for found in await runs(api)] == [1, 2]


async def test_time_left_at_a_snapshot_tells_the_limit(api: Api, put: Put) -> None:
    event = Span.Event(name="coldlight.near_timeout", time_unix_nano=clock_ns(2.9))
    event.attributes.add(key="coldlight.near_timeout.remaining_ms").value.int_value = 100
    put(run_span("r1", 0, 2.95, events=[event]))
    assert (await run(api))["timeout_ms"] == 3000.0


async def three(put: Put) -> None:
    put(
        report("fast", 10, duration_ms=5.0),
        report("slow", 20, duration_ms=5000.0, init_duration_ms=1.0),
        report("failed", 30, status="error", where=sandbox(3, version="8")),
    )
    put(report("another's", 40, where=sandbox(9, "payments")))


async def test_runs_are_listed_newest_first(api: Api, put: Put) -> None:
    await three(put)
    assert await listed(api) == ["failed", "slow", "fast"]


@pytest.mark.parametrize(
    ("parameters", "found"),
    [
        ({"status": "error"}, ["failed"]),
        ({"cold": True}, ["slow"]),
        ({"version": "8"}, ["failed"]),
        ({"min_duration": "2s"}, ["slow"]),
        ({"start": str(clock_ns(20))}, ["failed"]),
        ({"end": str(clock_ns(16))}, ["slow", "fast"]),
    ],
)
async def test_each_parameter_narrows_the_list(
    api: Api, put: Put, parameters: dict[str, Any], found: list[str]
) -> None:
    await three(put)
    assert await listed(api, **parameters) == found


async def test_pages_follow_each_other_without_a_gap(api: Api, put: Put) -> None:
    put(*(report(f"r{number}", -number * 3000) for number in range(40)))
    seen, cursor = [], None
    while True:
        page = await api.get(models.Invocations, LIST, limit=7, **({"cursor": cursor} if cursor else {}))
        seen += [found["request_id"] for found in page["invocations"]]
        if not (cursor := page["next_cursor"]):
            break
    assert seen == [f"r{number}" for number in range(40)]


async def test_a_reporter_without_a_name_of_the_function_completes_its_run(api: Api, put: Put) -> None:
    put(report("r1", 1))
    put(run_span("r1", where={"x": "y"}, service="orders-service"))
    answer = await api.get(models.Invocations, LIST)
    [found] = answer["invocations"]
    assert (found["function"], found["sources"]) == ("orders", ["span", "telemetry"])


async def test_runs_of_a_name_that_several_functions_have_need_an_arn(api: Api, put: Put) -> None:
    elsewhere = {**sandbox(2), "cloud.region": "us-east-1"}
    put(report("here", -1), report("there", -1, where=elsewhere))
    arns = [ARN, ARN.replace("eu-central-1", "us-east-1")]
    problem = await api.problem(409, "/api/v1/functions/orders/invocations")
    assert problem["candidates"] == arns
    listed = [await api.get(models.Invocations, f"/api/v1/functions/{arn}/invocations") for arn in arns]
    assert [[run["request_id"] for run in page["invocations"]] for page in listed] == [["here"], ["there"]]


async def test_runs_of_which_nobody_told_the_account_are_nobody_elses(api: Api, put: Put) -> None:
    unknown = {"faas.name": "orders", "faas.instance": sandbox(2)["faas.instance"]}
    put(report("here", -1), report("somewhere", -2, where=unknown))
    page = await api.get(models.Invocations, "/api/v1/functions/orders/invocations")
    assert [run["request_id"] for run in page["invocations"]] == ["here", "somewhere"]
