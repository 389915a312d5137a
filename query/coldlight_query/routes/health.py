"""`/healthz`, `/readyz` and `/metrics`: for whoever runs the service."""

import asyncio
from typing import Any

from fastapi import APIRouter, Request, Response
from prometheus_client.exposition import choose_encoder

from coldlight_query.problems import ProblemError, described
from coldlight_query.readiness import look
from coldlight_storage.conditions import readiness
from coldlight_storage.state.tokens import DEFAULT_TENANT

router = APIRouter(tags=["health"])


@router.get("/healthz")
async def healthz() -> dict[str, str]:
    """The process answers."""
    return {"status": "ok"}


@router.get("/readyz", responses=described(503))
async def readyz(request: Request) -> dict[str, Any]:
    """`ready`, or `degraded` with what is `wrong` and the fix of each; 503 if queries cannot be answered.

    Everything acknowledged that was received up to `watermark_unix_nano` is visible; null when nobody knows.
    """
    found = await asyncio.to_thread(look, request.app.state.stores.of(DEFAULT_TENANT))
    status, body = readiness(found.conditions)
    if status != 200:
        [refusing, *_] = (wrong for wrong in body["wrong"] if wrong["refuses"])
        detail = f"{refusing['detail']}: {refusing['fix']}"
        raise ProblemError(status, "Not ready", detail, retry_after_s=5, wrong=body["wrong"])
    return {**body, "watermark_unix_nano": found.watermark_ns}


@router.get("/metrics", response_class=Response, responses={200: {"content": {"text/plain": {}}}})
async def metrics(request: Request) -> Any:
    """Counters and gauges in Prometheus' text format, or as OpenMetrics if that is asked for."""
    await request.app.state.collectors.look()
    encode, content_type = choose_encoder(request.headers.get("accept", ""))
    return Response(encode(request.app.state.registry), media_type=content_type)
