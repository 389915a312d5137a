"""From a path and a method to the handler that was registered for them."""

from collections.abc import Awaitable, Mapping
from dataclasses import replace
from http import HTTPStatus

from coldlight_collector.http.messages import Handler, Refusal, Refuse, Request, Response, Routes, answered


def router(routes: Routes, refuse: Refuse) -> Handler:
    """A handler of many paths, each exact but for one trailing slash. GET answers HEAD, too.

    An unknown path is refused with 404, an unknown method with 405 and `Allow` (RFC 9110, 15.5.6).
    """

    def route(request: Request) -> Awaitable[Response]:
        methods = routes.get(request.path) or routes.get(request.path.removesuffix("/"))
        if methods is None:
            return answered(refuse(_unknown_path(request, routes)))
        handler = methods.get(request.method) or (methods.get("GET") if request.method == "HEAD" else None)
        if handler is None:
            return answered(_refuse_method(request, methods, refuse))
        return handler(request)

    return route


def _unknown_path(request: Request, routes: Routes) -> Refusal:
    reason = f"{request.path} is not served here; these are: {', '.join(sorted(routes))}"
    return Refusal(HTTPStatus.NOT_FOUND, reason, request.path, request.headers)


def _refuse_method(request: Request, methods: Mapping[str, Handler], refuse: Refuse) -> Response:
    served = sorted({*methods, "HEAD"} if "GET" in methods else methods)
    allow = ", ".join(served)
    reason = f"{request.method} is not served on {request.path}: use {allow}"
    refused = refuse(Refusal(HTTPStatus.METHOD_NOT_ALLOWED, reason, request.path, request.headers))
    return replace(refused, headers=(*refused.headers, ("Allow", allow)))
