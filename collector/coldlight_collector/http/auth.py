"""Bearer tokens (RFC 6750): who may send."""

import hmac
from collections.abc import Mapping
from http import HTTPStatus

from coldlight_collector.http.messages import Handler, Refusal, Refuse, Request, Response, Routes


def authenticated(routes: Routes, token: str | None, refuse: Refuse) -> Routes:
    """The routes, open only to requests with `Authorization: Bearer <token>`; without a token, to all."""
    if token is None:
        return routes
    expected = f"Bearer {token}".encode()
    return {path: _guard_all(methods, expected, refuse) for path, methods in routes.items()}


def _guard_all(methods: Mapping[str, Handler], expected: bytes, refuse: Refuse) -> Mapping[str, Handler]:
    return {method: _guard(handler, expected, refuse) for method, handler in methods.items()}


def _guard(handler: Handler, expected: bytes, refuse: Refuse) -> Handler:
    async def answer(request: Request) -> Response:
        sent = request.headers.get("authorization", "").encode()
        if hmac.compare_digest(sent, expected):
            return await handler(request)
        reason = "header Authorization: send Bearer and the token that the collector was started with"
        return refuse(Refusal(HTTPStatus.UNAUTHORIZED, reason, request.path, request.headers))

    return answer
