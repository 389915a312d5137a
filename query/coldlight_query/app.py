"""The query service: a FastAPI app over a store."""

from fastapi import FastAPI
from prometheus_client import CollectorRegistry

from coldlight_query import problems
from coldlight_query.auth import require_token
from coldlight_query.routes import health, traces
from coldlight_storage import Store

_DESCRIPTION = """
What Coldlight has received, for people and programs.

Times are RFC 3339 or epoch nanoseconds, durations nanoseconds; ids are lower-case hex. Pages have keyset
cursors: pass `next_cursor` back as `cursor`. Errors are problem details (RFC 9457).
"""


def create_app(store: Store, registry: CollectorRegistry, version: str, token: str | None = None) -> FastAPI:
    """The app; it uses `store` from threads and never closes it. `registry` holds what `/metrics`
    shows. With `token`, every request but health checks must carry it."""
    app = FastAPI(title="Coldlight", version=version, description=_DESCRIPTION)
    app.state.store = store
    app.state.registry = registry
    problems.install(app)
    app.include_router(health.router)
    app.include_router(traces.router)
    if token is not None:
        require_token(app, token)
    return app
