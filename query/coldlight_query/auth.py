"""Who may read, and who may change things: tokens as bearers (RFC 6750), each good for its tenant."""

from fastapi import FastAPI, Request, Response
from starlette.middleware.base import RequestResponseEndpoint

from coldlight_query.problems import problem
from coldlight_storage.access import Access, Denied, Forbidden, Identity, Undecided, bearer
from coldlight_storage.state.tokens import Role

OPEN_PATHS = {"/healthz", "/readyz"}
"""What a load balancer may ask without a token."""
_READING = {"GET", "HEAD", "OPTIONS"}
OPERATOR_PATHS = {"/metrics"}
"""What tells of all tenants together."""


def require_token(app: FastAPI, access: Access) -> None:
    """Closes the app to whom `access` does not let in; routes find the tenant in `request.state.tenant`."""

    @app.middleware("http")
    async def authenticate(request: Request, call_next: RequestResponseEndpoint) -> Response:
        if request.scope["path"] not in OPEN_PATHS:
            try:
                request.state.tenant = _identity(access, request).tenant
            except Denied as denied:
                return _denial(denied)
        return await call_next(request)


def _identity(access: Access, request: Request) -> Identity:
    """Raises `Denied` in one of its kinds."""
    token = bearer(request.headers.get("authorization", ""))
    if request.scope["path"] in OPERATOR_PATHS:
        return access.require_operator(token)
    return access.require(token, Role.READ if request.method in _READING else Role.ADMIN)


def _denial(denied: Denied) -> Response:
    match denied:
        case Forbidden():
            return problem(403, "Not allowed", str(denied))
        case Undecided():
            return problem(503, "Not now", str(denied), headers={"Retry-After": str(denied.retry_after_s)})
        case _:
            detail = f"{denied}; header Authorization: send Bearer and a token that may read"
            return problem(401, "Not authenticated", detail, headers={"WWW-Authenticate": "Bearer"})
