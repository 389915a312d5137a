"""The query service: a FastAPI app over a store."""

import asyncio
import time
from collections.abc import Callable, Mapping

from fastapi import FastAPI
from fastapi_offline import FastAPIOffline
from prometheus_client import CollectorRegistry

from coldlight_query import problems
from coldlight_query.auth import require_token
from coldlight_query.cost.overlays import tables_in_force
from coldlight_query.cost.price_tables import PriceTable
from coldlight_query.metrics import CollectorsWatch, Counted, QueryMetrics
from coldlight_query.routes import (
    cost,
    functions,
    health,
    issues,
    logs,
    otlp_metrics,
    red,
    service_map,
    tail,
    traces,
    transactions,
)
from coldlight_query.routes.tables import FileLimits
from coldlight_storage import Stores
from coldlight_storage.access import Access
from coldlight_storage.state import State
from coldlight_storage.state.tokens import DEFAULT_TENANT

_DESCRIPTION = """
What Coldlight has received, for people and programs.

Times are RFC 3339 or epoch nanoseconds, durations nanoseconds; ids are lower-case hex. Pages have keyset
cursors: pass `next_cursor` back as `cursor`. Errors are problem details (RFC 9457).
"""


def create_app(
    stores: Stores,
    state: State,
    access: Access,
    registry: CollectorRegistry,
    version: str,
    clock_ns: Callable[[], int] = time.time_ns,
    prices: Mapping[str, PriceTable] | None = None,
) -> FastAPI:
    """The app; it uses `stores` and `state` from threads and never closes them. `registry` holds what `/metrics` shows. All but
    health checks are for whom `access` lets in, who see their own tenant's rows. `clock_ns` tells the Unix time;
    `prices` are the price tables by partition, else the shipped ones."""
    # whose /docs needs no CDN: who hosts their traces themselves may have no way out
    app = FastAPIOffline(title="Coldlight", version=version, description=_DESCRIPTION, redoc_url=None)
    app.state.stores = stores
    app.state.state = state
    app.state.metrics = QueryMetrics()
    app.state.metrics.register(registry)
    app.state.collectors = CollectorsWatch(stores.of(DEFAULT_TENANT))
    app.state.registry = registry
    registry.register(app.state.collectors)
    app.state.clock_ns = clock_ns
    app.state.file_limits = FileLimits()
    app.state.files = asyncio.Semaphore(app.state.file_limits.at_once)
    app.state.stopping = asyncio.Event()  # ends answers that have no end of their own
    app.state.prices = prices or tables_in_force()
    problems.install(app)
    app.include_router(health.router)
    app.include_router(traces.router)
    app.include_router(logs.router)
    app.include_router(issues.router)
    app.include_router(tail.router)
    app.include_router(red.router)
    app.include_router(otlp_metrics.router)
    app.include_router(functions.router)
    app.include_router(service_map.router)
    app.include_router(transactions.router)
    app.include_router(cost.router)
    problems.describe(app)
    require_token(app, access)
    app.add_middleware(Counted, metrics=app.state.metrics)  # the last one added is the first to see a request
    return app
