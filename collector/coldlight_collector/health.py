"""`/healthz`, `/readyz` and `/metrics` of the collector."""

from http import HTTPStatus

import orjson
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest

from coldlight_collector.http.messages import Request, Response, Routes
from coldlight_collector.inserter import Inserter
from coldlight_collector.journal import Journal


def routes(journal: Journal, inserter: Inserter) -> Routes:
    """`/healthz` and `/readyz`. Ready means: what is sent now will be taken, even while ClickHouse is away."""

    async def healthz(_: Request) -> Response:
        return _json(HTTPStatus.OK, {"status": "ok"})

    async def readyz(_: Request) -> Response:
        waiting_for = inserter.counts.waiting_for
        if journal.is_full:
            return _json(
                HTTPStatus.SERVICE_UNAVAILABLE, {"status": "journal full", "waiting_for": waiting_for}
            )
        return _json(HTTPStatus.OK, {"status": "ready", "waiting_for": waiting_for})

    return {"/healthz": {"GET": healthz}, "/readyz": {"GET": readyz}}


def metrics_route(registry: CollectorRegistry) -> Routes:
    """`/metrics`, in Prometheus' text format."""

    async def metrics(_: Request) -> Response:
        return Response(HTTPStatus.OK, generate_latest(registry), CONTENT_TYPE_LATEST)

    return {"/metrics": {"GET": metrics}}


def _json(status: int, body: dict[str, str]) -> Response:
    return Response(status, orjson.dumps(body), "application/json")
