"""The API as its users see it; whatever it answers must be what its description promises."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, cast
from urllib.parse import quote

import httpx
from fastapi import FastAPI
from prometheus_client import CollectorRegistry
from pydantic import BaseModel

from coldlight_query import models
from coldlight_query.app import create_app
from coldlight_query.cost import models as cost_models
from coldlight_query.issues import models as issues
from coldlight_query.problems import MEDIA_TYPE, Problem
from coldlight_query.service_map import models as service_map
from coldlight_query.transactions import models as transactions
from coldlight_storage import Reader, Stores, TenantStore
from coldlight_storage.migrations import migrate
from coldlight_storage.state import open_state
from coldlight_storage.state.tokens import Token
from coldlight_storage.testing import clock_ns, tokens_known, trace_id

TRACES = "/api/v1/traces"
LOGS = "/api/v1/logs"
TAIL = "/api/v1/tail"
METRICS = "/api/v1/metrics/query"
ISSUES = "/api/v1/issues"
SERVICE_MAP = "/api/v1/service-map"
TRANSACTIONS = "/api/v1/transactions"
COST = "/api/v1/cost"


@dataclass(frozen=True)
class Api:
    """Asks the query service. Ids are the small numbers of the testing kit, or text."""

    client: httpx.AsyncClient
    app: FastAPI

    async def trace(self, of: int | str = 1, **parameters: Any) -> dict[str, Any]:
        return await self._get(models.Trace, _path(of), parameters)

    async def span(self, **parameters: Any) -> dict[str, Any]:
        """The only span of trace 1."""
        [span] = (await self.trace(**parameters))["spans"]
        found: dict[str, Any] = span
        return found

    async def logs(self, of: int | str = 1, **parameters: Any) -> dict[str, Any]:
        return await self._get(models.Logs, f"{_path(of)}/logs", parameters)

    async def traces(self, **parameters: Any) -> dict[str, Any]:
        return await self._get(models.Traces, TRACES, parameters)

    async def found_logs(self, **parameters: Any) -> dict[str, Any]:
        return await self._get(models.FoundLogs, LOGS, parameters)

    async def log_context(self, log_id: str, **parameters: Any) -> dict[str, Any]:
        return await self._get(models.LogContext, f"{LOGS}/{log_id}/context", parameters)

    async def metrics(self, **parameters: Any) -> dict[str, Any]:
        return await self._get(models.MetricSeries, METRICS, parameters)

    async def issues(self, **parameters: Any) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = (await self._get(issues.Issues, ISSUES, parameters))["issues"]
        return found

    async def issue(self, issue_id: str) -> dict[str, Any]:
        return await self._get(issues.Issue, f"{ISSUES}/{issue_id}", {})

    async def say(self, issue_id: str, state: str, **more: str) -> dict[str, Any]:
        """Gives an issue a state."""
        response = await self.client.put(f"{ISSUES}/{issue_id}/state", json={"state": state, **more})
        assert response.status_code == 200, response.text
        said: dict[str, Any] = response.json()
        return said

    async def transactions(self, known_id: str, **parameters: Any) -> dict[str, Any]:
        path = f"{TRANSACTIONS}/{quote(known_id, safe='')}"
        return await self._get(transactions.Transactions, path, parameters)

    async def transaction(self, known_id: str) -> dict[str, Any]:
        """The only transaction around an id."""
        [found] = (await self.transactions(known_id))["transactions"]
        transaction: dict[str, Any] = found
        return transaction

    async def search_transactions(self, **parameters: Any) -> dict[str, Any]:
        return await self._get(transactions.TransactionList, TRANSACTIONS, parameters)

    async def stack(self, known_id: str) -> dict[str, Any]:
        """The only virtual stack trace of an id."""
        path = f"{TRANSACTIONS}/{quote(known_id, safe='')}/stack"
        [found] = (await self._get(transactions.Stacks, path, {}))["stacks"]
        stack: dict[str, Any] = found
        return stack

    async def service_map(self, **parameters: Any) -> dict[str, Any]:
        return await self._get(service_map.ServiceMap, SERVICE_MAP, parameters)

    async def found(self, **parameters: Any) -> list[int]:
        """The numbers of the traces that a search finds, in its order."""
        return [int(trace["trace_id"], 16) for trace in (await self.traces(**parameters))["traces"]]

    async def get(self, model: type[BaseModel], path: str, **parameters: Any) -> dict[str, Any]:
        """What a route answers, which must be as `model` describes it."""
        return await self._get(model, path, parameters)

    async def costs(self, **parameters: Any) -> dict[str, Any]:
        return await self._get(cost_models.Spendings, COST, parameters)

    async def month(self, month: str, **parameters: Any) -> dict[str, Any]:
        return await self._get(cost_models.Month, f"{COST}/months/{month}", parameters)

    async def waste(self, **parameters: Any) -> dict[str, Any]:
        return await self._get(cost_models.Waste, f"{COST}/waste", parameters)

    async def prices(self, **parameters: Any) -> dict[str, Any]:
        return await self._get(cost_models.Prices, f"{COST}/prices", parameters)

    async def problem(self, status: int, path: str = TRACES, /, **parameters: Any) -> dict[str, Any]:
        """The problem that must be the answer."""
        response = await self.client.get(path, params=parameters)
        assert response.status_code == status, response.text
        return problem_of(response)

    async def _get(self, model: type[BaseModel], path: str, parameters: dict[str, Any]) -> dict[str, Any]:
        response = await self.client.get(path, params=parameters)
        assert response.status_code == 200, response.text
        model.model_validate_json(response.content, strict=True, extra="forbid")
        body: dict[str, Any] = response.json()
        return body


def problem_of(response: httpx.Response) -> dict[str, Any]:
    """The problem details in an answer (RFC 9457, section 3)."""
    assert response.headers["content-type"] == MEDIA_TYPE
    problem = Problem.model_validate_json(response.content, strict=True)
    assert problem.status == response.status_code
    return problem.model_dump()


def _path(of: int | str) -> str:
    return f"{TRACES}/{of if isinstance(of, str) else trace_id(of).hex()}"


def migrate_beside(store: TenantStore) -> None:
    """What a service does for a tenant that it meets."""
    store.create_database()
    migrate(store)


def stores_of(store: Reader) -> Stores:
    return Stores(cast(TenantStore, store), migrate_beside)


@asynccontextmanager
async def open_api(store: Reader, token: str | None = None, *tokens: Token) -> AsyncIterator[Api]:
    """The API over a store, at noon, with a state of its own."""
    access = tokens_known(*tokens, shared=token)
    with TemporaryDirectory() as folder, closing(open_state(None, Path(folder))) as state:
        app = create_app(stores_of(store), state, access, CollectorRegistry(), "1.2.3", clock_ns)
        # as a server does, answers what the app did not expect; a test sees the 500
        transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://coldlight") as client:
            yield Api(client, app)
