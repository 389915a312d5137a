"""The search for log records: newest first, by words, fields and attributes, and what stands around one."""

from typing import Any

import pytest
from opentelemetry.proto.logs.v1.logs_pb2 import (
    SEVERITY_NUMBER_ERROR,
    SEVERITY_NUMBER_INFO,
    SEVERITY_NUMBER_WARN,
)
from tests.query.api import LOGS, Api

from coldlight_query.cursors import encode
from coldlight_storage.testing import Put, log_record, logs_request, trace_id

REQUEST_ID = "8476a536-e9f4-11e8-9739-2dfe598c3fcd"


async def bodies(api: Api, **parameters: Any) -> list[Any]:
    return [record["body"] for record in (await api.found_logs(**parameters))["logs"]]


async def test_the_newest_record_comes_first(api: Api, put: Put) -> None:
    put(logs_request(log_record("first", at=-3600), log_record("third", at=-1), log_record("second", at=-61)))
    assert await bodies(api) == ["third", "second", "first"]


async def test_all_words_must_be_there_in_any_order_and_case(api: Api, put: Put) -> None:
    put(logs_request(log_record("Payment declined: card 4711 expired"), log_record("payment accepted")))
    assert await bodies(api, query="DECLINED payment") == ["Payment declined: card 4711 expired"]
    assert await bodies(api, query="payment refused") == []


async def test_a_word_is_found_whole(api: Api, put: Put) -> None:
    put(logs_request(log_record("order A-1042 shipped")))
    assert await bodies(api, query="A-1042") == ["order A-1042 shipped"]
    assert await bodies(api, query="104") == []


async def test_a_phrase_stands_as_it_is(api: Api, put: Put) -> None:
    put(logs_request(log_record("connection refused by peer"), log_record("refused: no connection", at=1)))
    assert await bodies(api, query='"connection refused"') == ["connection refused by peer"]


async def test_letters_beyond_ascii_are_parts_of_words(api: Api, put: Put) -> None:
    put(logs_request(log_record("Größe überschritten")))
    assert await bodies(api, query="größe") == ["Größe überschritten"]


async def test_an_open_quote_is_an_error_that_names_the_fix(api: Api) -> None:
    problem = await api.problem(400, LOGS, query='"connection')
    assert problem["parameter"] == "query"
    assert "close it" in problem["detail"]


async def test_severity_is_this_one_or_a_graver_one(api: Api, put: Put) -> None:
    put(
        logs_request(
            log_record("info", at=1, severity_number=SEVERITY_NUMBER_INFO),
            log_record("warn", at=2, severity_number=SEVERITY_NUMBER_WARN),
            log_record("error", at=3, severity_number=SEVERITY_NUMBER_ERROR),
            log_record("unspecified", at=4),
        )
    )
    assert await bodies(api, severity="warn") == ["error", "warn"]
    assert await bodies(api, filter="severity < warn and severity != unspecified") == ["info"]


async def test_the_filter_language_speaks_of_records(api: Api, put: Put) -> None:
    put(
        logs_request(
            log_record("slow", attributes={"retries": 3}, event_name="payment.slow"),
            log_record("fast", attributes={"retries": 0}),
        )
    )
    assert await bodies(api, filter='attributes["retries"] > 2 and event_name = "payment.slow"') == ["slow"]
    assert await bodies(api, filter='body ~ "^fa"') == ["fast"]
    assert await bodies(api, filter='exists any["retries"]', attribute="retries=0") == ["fast"]


async def test_fields_of_spans_are_no_fields_of_records(api: Api) -> None:
    problem = await api.problem(400, LOGS, filter="duration > 1s")
    assert "there is no field duration" in problem["detail"]
    assert "there is no field root" in (await api.problem(400, LOGS, filter="root"))["detail"]


async def test_an_invocation_has_records_without_a_trace(api: Api, put: Put) -> None:
    """By what the record says of itself, or by the text of a line in Lambda's own format."""
    put(
        logs_request(
            log_record("structured", at=1, attributes={"faas.invocation_id": REQUEST_ID}),
            log_record(f"[INFO]\t2026-11-23T12:00:02.000Z\t{REQUEST_ID}\ttext", at=2),
            log_record("of another", at=3, attributes={"faas.invocation_id": REQUEST_ID.replace("8", "9")}),
        )
    )
    found = await bodies(api, request_id=REQUEST_ID)
    assert found == [f"[INFO]\t2026-11-23T12:00:02.000Z\t{REQUEST_ID}\ttext", "structured"]


async def test_conditions_narrow_each_other(api: Api, put: Put) -> None:
    put(logs_request(log_record("mine", trace=1, span=2), log_record("mine", trace=2)))
    put(logs_request(log_record("mine", trace=1, span=2), service="payments"))
    found = (await api.found_logs(query="mine", trace_id=trace_id(1).hex(), service="payments"))["logs"]
    assert [(record["service"], record["span_id"]) for record in found] == [("payments", "0000000000000002")]


async def test_a_range_of_time_has_both_its_ends(api: Api, put: Put) -> None:
    put(logs_request(*[log_record(f"at {at}", at=at) for at in (-3, -2, -1)]))
    found = await bodies(api, start="2026-11-23T11:59:58Z", end="2026-11-23T11:59:59Z")
    assert found == ["at -1", "at -2"]


@pytest.mark.parametrize("limit", [1, 2, 3, 10])
async def test_pages_hold_every_record_once(api: Api, put: Put, limit: int) -> None:
    """Also where many have the same time, across slices of the search, and where a sender's clock is ahead."""
    ats = (3600, 0, 0, 0, -30, -61, -61, -700, -4000, -90_000, -10_000_000)
    put(logs_request(*[log_record(f"record {number}", at=at) for number, at in enumerate(ats)]))
    whole = (await api.found_logs())["logs"]
    assert len(whole) == len(ats)
    page = await api.found_logs(limit=limit)
    shown = page["logs"]
    while page["next_cursor"] is not None:
        page = await api.found_logs(limit=limit, cursor=page["next_cursor"])
        shown += page["logs"]
    assert shown == whole


async def test_around_a_record_stands_what_its_sandbox_wrote(api: Api, put: Put) -> None:
    ours, others = {"faas.instance": "one"}, {"faas.instance": "two"}
    put(logs_request(*[log_record(f"line {at}", at=at) for at in range(5)], resource_attributes=ours))
    put(logs_request(log_record("of another sandbox", at=1.5), resource_attributes=others))
    [found] = (await api.found_logs(query='"line 2"'))["logs"]
    context = await api.log_context(found["id"], before=1, after=5)
    assert context["record"] == found
    assert [record["body"] for record in context["before"]] == ["line 1"]
    assert [record["body"] for record in context["after"]] == ["line 3", "line 4"]


async def test_what_is_no_id_of_a_record_has_no_context(api: Api) -> None:
    problem = await api.problem(400, f"{LOGS}/nonsense/context")
    assert problem["parameter"] == "log_id"


async def test_a_record_that_is_gone_has_no_context(api: Api, put: Put) -> None:
    problem = await api.problem(404, f"{LOGS}/{encode('log', 1, 'ab')}/context")
    assert problem["title"] == "Unknown log record"
