"""The tail: what becomes visible from now on, as server-sent events."""

import json
from typing import Any

from tests.query.api import TAIL, Api

from coldlight_storage.testing import Put, log_record, logs_request, span, traces_request

Event = dict[str, Any]


async def follow(api: Api, last_event_id: str | None = None, **parameters: str) -> list[Event]:
    """The events of one look, each with its `event`, `id` and `data`."""
    headers = {} if last_event_id is None else {"Last-Event-ID": last_event_id}
    response = await api.client.get(TAIL, params={"follow": "0s", **parameters}, headers=headers)
    assert response.status_code == 200, response.text
    assert response.headers["content-type"].startswith("text/event-stream")
    blocks = (block for block in response.text.split("\n\n") if block.strip())
    return [_event(block) for block in blocks]


def _event(block: str) -> Event:
    fields = dict(line.split(": ", 1) for line in block.splitlines() if not line.startswith(":"))
    return {**fields, "data": json.loads(fields["data"])}


def bodies(events: list[Event]) -> list[Any]:
    return [event["data"]["body"] for event in events if event["event"] == "log"]


async def test_it_begins_with_what_is_new(api: Api, put: Put) -> None:
    put(logs_request(log_record("old")))
    [began] = await follow(api)
    assert began["event"] == "began"
    put(logs_request(log_record("new")))
    assert bodies(await follow(api, began["id"])) == ["new"]


async def test_records_come_in_order_of_time_whatever_time_that_is(api: Api, put: Put) -> None:
    [began] = await follow(api)
    put(logs_request(log_record("now"), log_record("an hour late", at=-3600)))
    assert bodies(await follow(api, began["id"])) == ["an hour late", "now"]


async def test_who_comes_back_goes_on_after_the_last_event(api: Api, put: Put) -> None:
    [began] = await follow(api)
    put(logs_request(log_record("first")))
    seen = await follow(api, began["id"])
    put(logs_request(log_record("second")))
    assert bodies(await follow(api, seen[-1]["id"])) == ["second"]


async def test_only_what_matches_is_told(api: Api, put: Put) -> None:
    [began] = await follow(api)
    put(logs_request(log_record("payment declined"), log_record("payment accepted")))
    put(logs_request(log_record("delivery declined"), service="delivery"))
    assert bodies(await follow(api, began["id"], query="declined", service="orders")) == ["payment declined"]


async def test_spans_are_followed_with_their_own_filters(api: Api, put: Put) -> None:
    [began] = await follow(api, signal="traces")
    put(traces_request(span(1, name="GET /orders"), span(2, parent=1, name="query")))
    told = await follow(api, began["id"], signal="traces", filter="not root")
    [found] = [event["data"] for event in told if event["event"] == "span"]
    assert (found["name"], found["parent_span_id"]) == ("query", "0000000000000001")


async def test_of_too_many_at_once_the_latest_are_told_and_the_others_counted(api: Api, put: Put) -> None:
    [began] = await follow(api)
    put(logs_request(*[log_record(f"record {number}", at=number / 1000) for number in range(502)]))
    events = await follow(api, began["id"])
    [skipped] = [event for event in events if event["event"] == "skipped"]
    assert skipped["data"] == {"count": 2}
    assert bodies(events) == [f"record {number}" for number in range(2, 502)]


async def test_bad_conditions_are_told_before_it_begins(api: Api) -> None:
    assert "servce" in (await api.problem(400, TAIL, filter='servce = "a"'))["detail"]
    assert (await api.problem(400, TAIL, signal="traces", query="x"))["parameter"] == "query"
    assert (await api.problem(400, TAIL, follow="2h"))["parameter"] == "follow"
    response = await api.client.get(TAIL, headers={"Last-Event-ID": "nonsense"})
    assert response.status_code == 400
