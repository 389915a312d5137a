"""Who may send: how a request shows its token, and what is answered when that does not do."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus

from coldlight_collector.gate import Gate, Throttled
from coldlight_collector.http.messages import Handler, Refusal, Refuse, Request, Response, Routes, answered
from coldlight_storage import access
from coldlight_storage.access import Denied, Forbidden, Unauthenticated, Undecided

_STATUS: dict[type[Denied], HTTPStatus] = {
    Unauthenticated: HTTPStatus.UNAUTHORIZED,
    Forbidden: HTTPStatus.FORBIDDEN,
    Throttled: HTTPStatus.TOO_MANY_REQUESTS,
    Undecided: HTTPStatus.SERVICE_UNAVAILABLE,
}


@dataclass(frozen=True)
class Proof:
    """How the senders of a receiver show their token: where it is found in the headers, and how to tell them."""

    find: Callable[[Mapping[str, str]], str | None]
    hint: str


def bearer(headers: Mapping[str, str]) -> str | None:
    """The bearer token in the headers, or None."""
    return access.bearer(headers.get("authorization", ""))


BEARER = Proof(bearer, "header Authorization: send Bearer and a token")


def authenticated(routes: Routes, gate: Gate, refuse: Refuse, proof: Proof = BEARER) -> Routes:
    """The routes, open to whom `gate` lets in; handlers find the sender in the request."""

    def admitted(request: Request) -> Request:
        method, path, query, headers, body, _ = request
        return Request(method, path, query, headers, body, gate.admit(proof.find(headers), len(body)))

    return _guarded(routes, admitted, refuse, proof)


def for_operators(routes: Routes, gate: Gate, refuse: Refuse) -> Routes:
    """The routes, open to who may see what concerns all tenants."""

    def admitted(request: Request) -> Request:
        gate.access.require_operator(bearer(request.headers))
        return request

    return _guarded(routes, admitted, refuse, BEARER)


def _guarded(routes: Routes, admitted: Callable[[Request], Request], refuse: Refuse, proof: Proof) -> Routes:
    """The same paths, whose handlers are given what `admitted` makes of a request, unless that raises `Denied`."""

    def guard(handler: Handler) -> Handler:
        def answer(request: Request) -> Awaitable[Response]:
            try:
                known = admitted(request)
            except Denied as denied:
                return answered(refuse(_refusal(denied, request, proof.hint)))
            return handler(known)

        return answer

    return {
        path: {method: guard(handler) for method, handler in methods.items()}
        for path, methods in routes.items()
    }


def _refusal(denied: Denied, request: Request, hint: str) -> Refusal:
    """How HTTP says it; who showed no good token is told how to."""
    reason = f"{denied}; {hint}" if isinstance(denied, Unauthenticated) else str(denied)
    status = _STATUS[type(denied)]
    return Refusal(status, reason, request.path, request.headers, denied.retry_after_s)
