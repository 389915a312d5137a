"""Answers as files: the same rows, in types that spreadsheets and programs know."""

import csv
import io
import json
import subprocess
import sys
from typing import Any

import httpx
import pandas as pd
import pytest
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status
from tests.query.api import LOGS, METRICS, SERVICE_MAP, TRACES, Api

from coldlight_query.routes.tables import FileLimits
from coldlight_storage import EmbeddedStore
from coldlight_storage.testing import Put, clock_ns, log_record, logs_request, span, trace_id, traces_request

LISTS = [
    "traces",
    "logs",
    "functions",
    "functions/checkout/invocations",
    "deployments",
    "metrics",
    "metrics/query",
    "cost",
    "cost/waste",
    "issues",
    "service-map",
    "transactions",
]


@pytest.fixture
def store(embedded_store: EmbeddedStore) -> EmbeddedStore:
    """One form is enough: files are made of answers, whatever these are made of."""
    return embedded_store


async def file(api: Api, path: str, kind: str, **parameters: Any) -> httpx.Response:
    response = await api.client.get(path, params={"format": kind, **parameters})
    assert response.status_code == 200, response.text
    return response


async def csv_rows(api: Api, path: str, **parameters: Any) -> list[dict[str, str]]:
    response = await file(api, path, "csv", **parameters)
    return list(csv.DictReader(io.StringIO(response.text, newline="")))


async def parquet(api: Api, path: str, **parameters: Any) -> pd.DataFrame:
    return pd.read_parquet(io.BytesIO((await file(api, path, "parquet", **parameters)).content))


async def test_csv_has_a_row_for_each_trace_and_a_column_for_each_member(api: Api, put: Put) -> None:
    put(traces_request(span(1, name="GET /orders", lasts=2)))
    [row] = await csv_rows(api, TRACES)
    assert row == {
        "trace_id": trace_id(1).hex(),
        "start_time": "2026-11-23T12:00:00.000000000Z",
        "duration_ns": "2000000000",
        "span_count": "1",
        "error_count": "0",
        "root.span_id": "0000000000000001",
        "root.service": "orders",
        "root.name": "GET /orders",
        "root.status": "unset",
        "root.received": "True",
    }


async def test_a_time_of_a_file_can_be_asked_for(api: Api, put: Put) -> None:
    put(traces_request(span(1, at=1e-9), span(2, trace=2, at=-1)))
    newest, _ = await csv_rows(api, TRACES)
    assert await api.found(start=newest["start_time"]) == [1]


async def test_parquet_has_types_and_nanoseconds(api: Api, put: Put) -> None:
    put(logs_request(log_record("late", at=1e-9, attributes={"tags": ["a"], "retries": 2}), log_record(7)))
    frame = await parquet(api, LOGS)
    assert frame["time"].dtype == "datetime64[ns, UTC]"
    assert frame["time"].astype("int64").tolist() == [clock_ns() + 1, clock_ns()]
    assert pd.api.types.is_integer_dtype(frame["severity_number"])
    assert json.loads(frame["attributes"][0]) == {"tags": ["a"], "retries": 2}
    assert frame["body"].tolist() == ["late", "7"]


async def test_what_is_unknown_stays_null(api: Api, put: Put) -> None:
    put(logs_request(log_record(None)), logs_request(log_record("", span=1, trace=1)))
    frame = (await parquet(api, LOGS)).sort_values("trace_id")
    assert frame["body"].isna().tolist() == [True, False]
    assert frame["span_id"].isna().tolist() == [True, False]


async def test_text_that_begins_like_a_formula_is_harmless_in_csv(api: Api, put: Put) -> None:
    put(logs_request(*[log_record(f"{sign}1+1") for sign in "=+-@\t\r\n\uff1d"], log_record("1=1")))
    texts = {row["body"] for row in await csv_rows(api, LOGS)}
    assert texts == {f"'{sign}1+1" for sign in "=+-@\t\r\n\uff1d"} | {"1=1"}
    assert "=1+1" in set((await parquet(api, LOGS))["body"])


async def test_line_ends_quotes_and_separators_of_texts_survive_csv(api: Api, put: Put) -> None:
    put(logs_request(log_record('a\rb\nc\r\nd,"e"')))
    [row] = await csv_rows(api, LOGS)
    assert row["body"] == 'a\rb\nc\r\nd,"e"'


async def test_a_file_has_the_rows_of_all_pages(api: Api, put: Put) -> None:
    put(logs_request(*[log_record(f"line {number}", at=-number) for number in range(1100)]))
    response = await file(api, LOGS, "csv")
    assert "link" not in response.headers
    rows = list(csv.DictReader(io.StringIO(response.text)))
    assert [row["body"] for row in rows] == [f"line {number}" for number in range(1100)]


async def test_with_a_limit_it_is_one_page_that_leads_to_the_next(api: Api, put: Put) -> None:
    put(logs_request(*[log_record(f"line {number}", at=-number) for number in range(3)]))
    first = await file(api, LOGS, "csv", limit=2, service="orders")
    following = await api.client.get(first.url.join(first.links["next"]["url"]))
    assert [row["body"] for row in csv.DictReader(io.StringIO(first.text))] == ["line 0", "line 1"]
    assert [row["body"] for row in csv.DictReader(io.StringIO(following.text))] == ["line 2"]


async def test_a_file_that_had_to_end_leads_to_the_rest(api: Api, put: Put) -> None:
    put(logs_request(*[log_record(f"line {number}", at=-number) for number in range(1001)]))
    api.app.state.file_limits = FileLimits(rows=1000)
    first = await file(api, LOGS, "csv")
    assert json.loads(first.headers["coldlight-answer"])["next_cursor"] in first.headers["link"]
    rest = await api.client.get(first.url.join(first.links["next"]["url"]))
    assert [row["body"] for row in csv.DictReader(io.StringIO(rest.text))] == ["line 1000"]


async def test_a_metrics_file_has_a_row_for_each_point(api: Api, put: Put) -> None:
    put(traces_request(span(1, at=1), span(2, at=61, status=Status(code=Status.STATUS_CODE_ERROR))))
    frame = await parquet(
        api,
        METRICS,
        measure=["errors", "duration_ms_p95"],
        group_by="service",
        start="2026-11-23T12:00:00Z",
        end="2026-11-23T12:02:00Z",
        step="1m",
    )
    assert list(frame.columns)[:4] == ["measure", "labels.service", "time", "value"]
    assert frame["labels.service"].unique().tolist() == ["orders"]
    assert frame.pivot(index="time", columns="measure", values="value")["errors"].tolist() == [0, 1]


async def test_the_service_map_is_two_tables(api: Api, put: Put) -> None:
    put(
        traces_request(span(1, kind=Span.SPAN_KIND_CLIENT), service="web"),
        traces_request(span(2, parent=1), service="shop"),
    )
    around = {"start": clock_ns(-60), "end": clock_ns(60)}
    assert {row["name"] for row in await csv_rows(api, SERVICE_MAP, **around)} == {"web", "shop"}
    edges = await file(api, SERVICE_MAP, "csv", table="edges", **around)
    assert edges.headers["content-disposition"] == 'attachment; filename="coldlight-service-map-edges.csv"'
    [edge] = csv.DictReader(io.StringIO(edges.text))
    assert (edge["source"], edge["target"], edge["queue_wait_ms.p50"]) == ("service:web", "service:shop", "")


async def test_members_that_an_answer_leaves_out_have_no_column(api: Api, put: Put) -> None:
    put(
        traces_request(
            span(1, attributes={"faas.invocation_id": "1"}), resource_attributes={"faas.name": "f"}
        )
    )
    [row] = await csv_rows(api, "/api/v1/cost", by="day")
    assert "day" in row
    assert "function" not in row


async def test_every_list_is_also_given_as_files(api: Api) -> None:
    for path in (f"/api/v1/{route}" for route in LISTS):
        as_csv, as_parquet = await file(api, path, "csv"), await file(api, path, "parquet")
        assert as_csv.headers["content-type"] == "text/csv; charset=utf-8; header=present"
        assert as_parquet.headers["content-type"] == "application/vnd.apache.parquet"
        assert as_parquet.headers["content-disposition"].endswith('.parquet"')
        columns = next(csv.reader(io.StringIO(as_csv.text)))
        assert list(pd.read_parquet(io.BytesIO(as_parquet.content)).columns) == columns


async def test_the_description_tells_of_files(api: Api) -> None:
    described = (await api.client.get("/openapi.json")).json()["paths"]
    for route in LISTS:
        operation = described[f"/api/v1/{route.replace('checkout', '{name}')}"]["get"]
        assert {"text/csv", "application/vnd.apache.parquet"} < set(operation["responses"]["200"]["content"])
        [parameter] = (each for each in operation["parameters"] if each["name"] == "format")
        assert parameter["schema"]["enum"] == ["json", "csv", "parquet"]


async def test_a_mistake_is_a_problem_not_a_file(api: Api) -> None:
    assert "format" in (await api.problem(400, TRACES, format="xlsx"))["detail"]
    assert "format" in (await api.problem(400, f"{TRACES}/{1:032x}", format="csv"))["detail"]
    assert "cursor" in (await api.problem(400, TRACES, format="csv", cursor="x"))["detail"]
    assert "table" in (await api.problem(400, SERVICE_MAP, format="csv", table="edgse"))["detail"]


def test_starting_the_service_does_not_import_pandas() -> None:
    script = "import sys, coldlight_query.app; print('pandas' in sys.modules)"
    told = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert told.stdout.strip() == "False"
