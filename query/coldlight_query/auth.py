"""Bearer tokens (RFC 6750) for the query service."""

import hmac

from fastapi import FastAPI, Request, Response
from starlette.middleware.base import RequestResponseEndpoint

from coldlight_query.problems import problem

OPEN_PATHS = {"/healthz", "/readyz"}
"""What a load balancer may ask without a token."""


def require_token(app: FastAPI, token: str) -> None:
    """Closes the app to requests without `Authorization: Bearer <token>`."""
    expected = f"Bearer {token}".encode()

    @app.middleware("http")
    async def authenticate(request: Request, call_next: RequestResponseEndpoint) -> Response:
        sent = request.headers.get("authorization", "").encode()
        if request.scope["path"] in OPEN_PATHS or hmac.compare_digest(sent, expected):
            return await call_next(request)
        detail = "header Authorization: send Bearer and the token that Coldlight was started with"
        return problem(401, "Not authenticated", detail, headers={"WWW-Authenticate": "Bearer"})
