"""The query service: a FastAPI app over a store."""

import time
from collections.abc import Callable

from fastapi import FastAPI
from fastapi_offline import FastAPIOffline
from prometheus_client import CollectorRegistry

from coldlight_query import problems
from coldlight_query.auth import require_token
from coldlight_query.metrics import CollectorsWatch, Counted, QueryMetrics, TimedStore
from coldlight_query.routes import health, traces
from coldlight_storage import Store

_DESCRIPTION = """
What Coldlight has received, for people and programs.

Times are RFC 3339 or epoch nanoseconds, durations nanoseconds; ids are lower-case hex. Pages have keyset
cursors: pass `next_cursor` back as `cursor`. Errors are problem details (RFC 9457).
"""


def create_app(
    store: Store,
    registry: CollectorRegistry,
    version: str,
    token: str | None = None,
    clock_ns: Callable[[], int] = time.time_ns,
) -> FastAPI:
    """The app; it uses `store` from threads and never closes it. `registry` holds what `/metrics`
    shows. With `token`, every request but health checks must carry it. `clock_ns` tells the Unix time."""
    # whose /docs needs no CDN: who hosts their traces themselves may have no way out
    app = FastAPIOffline(title="Coldlight", version=version, description=_DESCRIPTION, redoc_url=None)
    metrics = QueryMetrics()
    metrics.register(registry)
    app.state.store = TimedStore(store, metrics)
    app.state.collectors = CollectorsWatch(store)
    app.state.registry = registry
    registry.register(app.state.collectors)
    app.state.clock_ns = clock_ns
    problems.install(app)
    app.include_router(health.router)
    app.include_router(traces.router)
    problems.describe(app.openapi())
    if token is not None:
        require_token(app, token)
    app.add_middleware(Counted, metrics=metrics)  # the last one added is the first to see a request
    return app
