"""The description of the API: complete, true, and readable without a way to the internet."""

import re
from typing import Any

import pytest
from fastapi.openapi.models import OpenAPI
from tests.query.api import Api

from coldlight_query.problems import MEDIA_TYPE


@pytest.fixture
async def openapi(api: Api) -> dict[str, Any]:
    response = await api.client.get("/openapi.json")
    assert response.status_code == 200
    described: dict[str, Any] = response.json()
    return described


async def test_it_is_openapi(openapi: dict[str, Any]) -> None:
    assert OpenAPI.model_validate(openapi).openapi.startswith("3.1")
    assert openapi["info"]["title"] == "Coldlight"
    assert openapi["info"]["version"] == "1.2.3"


async def test_it_holds_every_route(openapi: dict[str, Any]) -> None:
    assert set(openapi["paths"]) == {
        "/healthz",
        "/readyz",
        "/metrics",
        "/api/v1/traces",
        "/api/v1/traces/{trace_id}",
        "/api/v1/traces/{trace_id}/logs",
        "/api/v1/logs",
        "/api/v1/logs/{log_id}/context",
        "/api/v1/tail",
        "/api/v1/metrics",
        "/api/v1/metrics/query",
        "/api/v1/issues",
        "/api/v1/issues/{issue_id}",
        "/api/v1/issues/{issue_id}/state",
        "/api/v1/functions",
        "/api/v1/functions/{name}",
        "/api/v1/functions/{name}/invocations",
        "/api/v1/invocations/{request_id}",
        "/api/v1/deployments",
        "/api/v1/transactions",
        "/api/v1/service-map",
        "/api/v1/transactions/{known_id}",
        "/api/v1/transactions/{known_id}/stack",
        "/api/v1/cost",
        "/api/v1/cost/months/{month}",
        "/api/v1/cost/prices",
        "/api/v1/cost/waste",
    }


async def test_every_error_is_a_problem(openapi: dict[str, Any]) -> None:
    for path, route in openapi["paths"].items():
        for operation in route.values():
            answers = dict(operation["responses"])
            del answers["200"]
            assert "default" in answers or path in ("/healthz", "/metrics")
            assert "422" not in answers  # which FastAPI promises, and this app never gives
            for answer in answers.values():
                assert answer["content"] == {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}


async def test_every_parameter_is_described_and_none_is_required(openapi: dict[str, Any]) -> None:
    for path, route in openapi["paths"].items():
        for each in (each for operation in route.values() for each in operation.get("parameters", [])):
            assert each.get("description"), (path, each["name"])
            assert each["required"] == (each["in"] == "path"), (path, each["name"])


async def test_the_docs_page_needs_nothing_from_elsewhere(api: Api) -> None:
    page = await api.client.get("/docs")
    assert page.status_code == 200
    loaded = re.findall(r'(?:src|href)="([^"]+)"', page.text)
    assert len(loaded) >= 2
    for address in [*loaded, "/openapi.json"]:
        assert address.startswith("/")
        assert (await api.client.get(address)).status_code == 200
    assert "://" not in page.text


async def test_metrics_are_prometheus_text(api: Api) -> None:
    response = await api.client.get("/metrics")
    assert response.status_code == 200
    assert response.headers["content-type"].startswith("text/plain; version=")
