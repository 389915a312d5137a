"""Cross-origin requests: which web pages may send to these routes (the Fetch standard's CORS protocol)."""

from collections.abc import Collection
from dataclasses import replace
from http import HTTPStatus

from coldlight_collector.http.messages import Handler, Request, Response, Routes

_PREFLIGHT_MAX_AGE_S = 7200


def cross_origin(routes: Routes, origins: Collection[str]) -> Routes:
    """The routes, open to pages from `origins` (such as "https://shop.example"), each named in full.

    Wrap it around authentication: a preflight request carries no credentials. Cookies are never invited, as
    `Access-Control-Allow-Credentials` is not sent. Without origins the routes stay as they are.
    Raises `ValueError` for "*".
    """
    if "*" in origins:
        raise ValueError('CORS origin "*": name each origin, such as https://shop.example')
    if not origins:
        return routes
    allowed = frozenset(origins)
    return {
        path: {method: _shared(handler, allowed) for method, handler in methods.items()}
        | {"OPTIONS": _preflight(", ".join(sorted(methods)), allowed)}
        for path, methods in routes.items()
    }


def _shared(handler: Handler, origins: frozenset[str]) -> Handler:
    async def answer(request: Request) -> Response:
        response = await handler(request)
        return replace(response, headers=(*response.headers, *_allowance(request, origins)))

    return answer


def _preflight(methods: str, origins: frozenset[str]) -> Handler:
    async def answer(request: Request) -> Response:
        headers = _allowance(request, origins)
        if request.headers.get("origin") in origins:
            wanted = request.headers.get("access-control-request-headers", "")
            headers += (
                ("Access-Control-Allow-Methods", methods),
                ("Access-Control-Allow-Headers", wanted),
                ("Access-Control-Max-Age", str(_PREFLIGHT_MAX_AGE_S)),
            )
        return Response(HTTPStatus.NO_CONTENT, headers=headers)

    return answer


def _allowance(request: Request, origins: frozenset[str]) -> tuple[tuple[str, str], ...]:
    vary = ("Vary", "Origin")
    origin = request.headers.get("origin")
    return (("Access-Control-Allow-Origin", origin), vary) if origin in origins and origin else (vary,)
