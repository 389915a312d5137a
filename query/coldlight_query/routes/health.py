"""`/healthz`, `/readyz` and `/metrics`: for whoever runs the service."""

import asyncio
from typing import Any

from fastapi import APIRouter, Request, Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from coldlight_query.problems import described

router = APIRouter(tags=["health"])


@router.get("/healthz")
async def healthz() -> dict[str, str]:
    """The process answers."""
    return {"status": "ok"}


@router.get("/readyz", responses=described(503))
async def readyz(request: Request) -> dict[str, str]:
    """ClickHouse answers, too; else 503."""
    await asyncio.to_thread(request.app.state.store.select, "SELECT 1")
    return {"status": "ready"}


@router.get("/metrics", response_class=Response, responses={200: {"content": {"text/plain": {}}}})
async def metrics(request: Request) -> Any:
    """Counters and gauges in Prometheus' text format."""
    return Response(generate_latest(request.app.state.registry), media_type=CONTENT_TYPE_LATEST)
