"""Issues: errors of one kind in one function are one, whatever differs between them by chance."""

from typing import Any

import pytest
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status
from tests.query.api import ISSUES, Api, open_api, problem_of

from coldlight_storage import Store
from coldlight_storage.state.tokens import Role
from coldlight_storage.testing import (
    Put,
    attributes,
    clock_ns,
    span,
    span_id,
    token,
    trace_id,
    traces_request,
)

DAY = {"start": "2026-11-23T00:00:00Z", "end": "2026-11-24T00:00:00Z"}
STACK = """Traceback (most recent call last):
  File "/var/runtime/bootstrap.py", line 60, in handle
    response = handler(event, context)
  File "/var/task/orders.py", line {line}, in place
    total = prices[item]
  File "/var/task/site-packages/pricing/table.py", line 9, in __getitem__
    raise KeyError(item)
"""


def raised(type_: str = "KeyError", message: str = "item", line: int = 12, stack: str = STACK) -> Span.Event:
    described = {
        "exception.type": type_,
        "exception.message": message,
        "exception.stacktrace": stack.format(line=line),
    }
    return Span.Event(name="exception", attributes=attributes(described))


def failed(number: int = 1, *events: Span.Event, message: str = "", **fields: Any) -> Span:
    status = Status(code=Status.STATUS_CODE_ERROR, message=message)
    return span(number, **{"trace": number, "status": status, "events": events, **fields})


async def only(api: Api, **parameters: Any) -> dict[str, Any]:
    [found] = await api.issues(**DAY, **parameters)
    return found


async def test_an_error_is_an_issue_with_its_place_in_the_code(api: Api, put: Put) -> None:
    put(traces_request(failed(1, raised()), resource_attributes={"faas.name": "orders", "faas.version": "7"}))
    found = await only(api)
    assert (found["function"], found["type"], found["message"]) == ("orders", "KeyError", "item")
    assert found["frame"] == "/var/task/orders.py:place"
    assert found["state"] == "open"
    assert found["first_seen_unix_nano"] == found["last_seen_unix_nano"] == clock_ns()
    assert (found["occurrences"], found["versions"]) == (1, ["7"])
    assert found["last"] == {"trace_id": trace_id(1).hex(), "span_id": span_id(1).hex()}


async def test_numbers_ids_and_lines_make_no_new_issue(api: Api, put: Put) -> None:
    ids = ("8476a536-e9f4-11e8-9739-2dfe598c3fcd", "0b2d73f6-1f64-4ab8-9d5f-7a6e3d1c9b10")
    put(
        traces_request(
            failed(1, raised(message=f"order {ids[0]} has 3 items", line=12)),
            failed(2, raised(message=f"order {ids[1]} has 14 items", line=19), at=1),
        )
    )
    found = await only(api)
    assert found["occurrences"] == 2
    assert found["message"].endswith("14 items")  # of the last one


@pytest.mark.parametrize(
    "other",
    [
        raised(type_="ValueError"),
        raised(message="currency"),
        raised(stack=STACK.replace("orders.py", "refunds.py")),
    ],
)
async def test_another_type_message_or_place_is_another_issue(api: Api, put: Put, other: Span.Event) -> None:
    put(traces_request(failed(1, raised()), failed(2, other)))
    assert len(await api.issues(**DAY)) == 2


async def test_each_function_has_its_own(api: Api, put: Put) -> None:
    put(traces_request(failed(1, raised()), service="orders"))
    put(traces_request(failed(2, raised()), service="refunds"))
    assert {found["function"] for found in await api.issues(**DAY)} == {"orders", "refunds"}
    assert (await only(api, function="refunds"))["last"]["trace_id"] == trace_id(2).hex()


async def test_an_error_that_passes_several_spans_is_one_occurrence(api: Api, put: Put) -> None:
    inner = failed(2, raised(), trace=1, parent=1, kind=Span.SPAN_KIND_INTERNAL)
    put(traces_request(failed(1, raised()), inner))
    assert (await only(api))["occurrences"] == 1


async def test_what_comes_again_changes_nothing(api: Api, put: Put) -> None:
    for _ in range(2):
        put(traces_request(failed(1, raised())))
    assert (await only(api))["occurrences"] == 1


async def test_a_failed_call_that_was_dealt_with_is_none(api: Api, put: Put) -> None:
    put(traces_request(span(1), failed(2, raised(), trace=1, parent=1, kind=Span.SPAN_KIND_CLIENT)))
    assert await api.issues(**DAY) == []


async def test_how_the_platform_ends_a_run_is_one_issue_whatever_it_says(api: Api, put: Put) -> None:
    timed_out = {"error.type": "Sandbox.Timedout"}
    put(
        traces_request(
            failed(1, message="timed out after 3.00 seconds", attributes=timed_out),
            failed(2, message="Task timed out", attributes=timed_out),
        )
    )
    found = await only(api)
    assert (found["type"], found["occurrences"], found["frame"]) == ("Sandbox.Timedout", 2, None)


async def test_an_issue_has_its_hours_and_samples(api: Api, put: Put) -> None:
    put(traces_request(failed(1, raised(), at=-7200), failed(2, raised()), failed(3, raised(), at=1)))
    found = await api.issue((await only(api))["id"])
    assert [(hour["start_time_unix_nano"], hour["occurrences"]) for hour in found["hours"]] == [
        (clock_ns(-7200), 1),
        (clock_ns(), 2),
    ]
    assert found["samples"][0]["trace_id"] == trace_id(3).hex()
    assert found["occurrences"] == 3


async def test_only_issues_seen_in_the_range_are_listed(api: Api, put: Put) -> None:
    put(traces_request(failed(1, raised(), at=-7200)))
    assert await api.issues() == []
    found = await only(api)
    assert (found["occurrences"], found["occurrences_in_range"]) == (1, 1)


async def test_a_resolved_issue_that_is_seen_again_has_regressed(api: Api, put: Put) -> None:
    put(traces_request(failed(1, raised(), at=-1)))
    found = await only(api)
    assert (await api.say(found["id"], "resolved"))["state"] == "resolved"
    assert (await only(api, state="resolved"))["id"] == found["id"]
    put(traces_request(failed(2, raised(), at=60)))
    assert (await only(api))["state"] == "regressed"
    assert (await api.say(found["id"], "open"))["state"] == "open"


async def test_a_muted_issue_comes_back_when_its_time_is_over(api: Api, put: Put) -> None:
    put(traces_request(failed(1, raised(), at=-1)))
    found = await only(api)
    said = await api.say(found["id"], "muted", muted_for="1h")
    assert (said["state"], said["muted_until_unix_nano"]) == ("muted", clock_ns(3600))
    assert (await api.say(found["id"], "muted", muted_for="0s"))["state"] == "open"


async def test_an_issue_that_is_not_there_has_no_state(api: Api) -> None:
    response = await api.client.put(f"{ISSUES}/{'0' * 32}/state", json={"state": "resolved"})
    assert problem_of(response)["status"] == 404


@pytest.mark.parametrize("said", [{"state": "gone"}, {"state": "resolved", "muted_for": "1h"}, {}])
async def test_a_mistake_is_named(api: Api, put: Put, said: dict[str, str]) -> None:
    put(traces_request(failed(1, raised())))
    response = await api.client.put(f"{ISSUES}/{(await only(api))['id']}/state", json=said)
    assert problem_of(response)["status"] == 400


async def test_who_may_only_read_changes_nothing(store: Store, put: Put) -> None:
    reader, readers_text = token(1, Role.READ)
    admin, admins_text = token(2, Role.ADMIN)
    put(traces_request(failed(1, raised())))
    async with open_api(store, None, reader, admin) as api:
        api.client.headers["Authorization"] = f"Bearer {admins_text}"
        found = await only(api)
        api.client.headers["Authorization"] = f"Bearer {readers_text}"
        response = await api.client.put(f"{ISSUES}/{found['id']}/state", json={"state": "resolved"})
        assert problem_of(response)["status"] == 403
        assert (await only(api))["state"] == "open"
