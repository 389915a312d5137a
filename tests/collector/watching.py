"""A whole collector in this process, and what it shows of itself."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import httpx
from prometheus_client import CollectorRegistry
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from coldlight_collector import collector
from coldlight_collector.collector import Collector
from coldlight_collector.inserter import Inserter
from coldlight_collector.journal import Journal, JournalLimits
from coldlight_collector.settings import CollectorSettings
from coldlight_storage import Store, Stores, TenantStore
from coldlight_storage.testing import span, tokens_known, traces_request

PROTOBUF = {"Content-Type": "application/x-protobuf"}


@dataclass
class Watched:
    """A collector, and a client of its HTTP port."""

    collector: Collector
    client: httpx.AsyncClient

    @property
    def journal(self) -> Journal:
        return self.collector.tenants.default.journal

    @property
    def inserter(self) -> Inserter:
        return self.collector.tenants.default.inserter

    async def send(self, number: int = 1) -> int:
        body = traces_request(span(number)).SerializeToString()
        return (await self.client.post("/v1/traces", content=body, headers=PROTOBUF)).status_code

    async def metrics(self) -> dict[str, float]:
        """Every sample, by its name and labels."""
        answer = await self.client.get("/metrics", headers={"Accept": "application/openmetrics-text"})
        families = text_string_to_metric_families(answer.text)  # type: ignore[no-untyped-call]
        return {_spelled(s.name, s.labels): s.value for family in families for s in family.samples}

    async def ready(self) -> tuple[int, str, list[str]]:
        """The status of `/readyz`, its word for it, and what is wrong."""
        answer = await self.client.get("/readyz")
        body: dict[str, Any] = answer.json()
        assert all(wrong["detail"] and wrong["fix"] for wrong in body["wrong"])
        return answer.status_code, body["status"], [wrong["what"] for wrong in body["wrong"]]


def _spelled(name: str, labels: dict[str, str]) -> str:
    return name + ("{" + ",".join(f"{k}={v}" for k, v in sorted(labels.items())) + "}" if labels else "")


@asynccontextmanager
async def watched(
    folder: Path, store: Store, self_trace: float = 0, **journal: Any
) -> AsyncIterator[Watched]:
    """A collector on free ports, over tables that are there; `journal` are limits of its journal."""
    settings = CollectorSettings(
        folder,
        http_port=0,
        grpc_port=0,
        xray_port=0,
        zipkin_port=0,
        journal=JournalLimits(**journal),
        self_trace=self_trace,
    )
    stores = Stores(cast(TenantStore, store), lambda _: None)
    started = await collector.start(stores, tokens_known(), settings, CollectorRegistry())
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{started.ports.http.port}") as client:
        yield Watched(started, client)
    await started.stop(5)
