"""HTTP: API Gateway (REST, HTTP and WebSocket APIs, and their authorizers), function URLs, Application Load Balancers.

Attributes as in the semantic conventions, "HTTP server spans". Headers are not recorded, secrets in a query are masked.
"""

from __future__ import annotations

from coldlight_lambda.contexts import upstream
from coldlight_lambda.spans import HTTP_METHODS
from coldlight_lambda.triggers import Trigger
from coldlight_lambda.triggers.reading import inside, items, last_part, lowered, text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Optional

    from coldlight_lambda.spans import Span, Value

REST, HTTP, HTTP_1, WEBSOCKET = (
    "apigateway-rest",
    "apigateway-http",
    "apigateway-http-1.0",
    "apigateway-websocket",
)
AUTHORIZER, URL, BALANCER = "apigateway-authorizer", "function-url", "alb"

_LONGEST_PATH, _MOST_PARAMETERS = 4096, 256


def read(event: dict[str, Any]) -> Optional[Trigger]:
    context = inside(event, "requestContext")
    kind = _kind(event, context)
    if not kind:
        return None
    headers = _headers(event)
    request_id = text(context, "requestId")
    return Trigger(
        {
            "faas.trigger": "http",
            "coldlight.trigger": kind,
            "coldlight.trigger.name": _name(event, context, kind),
            **_request(event, context),
            **_where(event, context, headers, kind),
            "url.query": _query(event, kind) or None,
            **_who(context, headers),
        },
        upstream(headers),
        None,
        _keys(kind, request_id),
    )


def _kind(event: dict[str, Any], context: dict[str, Any]) -> str:
    if event.get("type") in ("REQUEST", "TOKEN") and ("methodArn" in event or "routeArn" in event):
        return AUTHORIZER
    if "elb" in context:
        return BALANCER
    if "connectionId" in context:
        return WEBSOCKET
    if inside(context, "http"):
        return URL if ".lambda-url." in text(context, "domainName") else HTTP
    if text(event, "httpMethod") or text(context, "httpMethod"):
        return HTTP_1 if event.get("version") == "1.0" else REST
    return ""


def _keys(kind: str, request_id: str) -> list[str]:
    """A function URL's request id is the invocation's; a load balancer tells none."""
    if not request_id or kind == BALANCER:
        return []
    return [f"lambda:{request_id}" if kind == URL else f"apigateway:{request_id}"]


def _headers(event: dict[str, Any]) -> dict[str, str]:
    """Names in lower case; several values of one name joined, as they stand for one list (RFC 9110, 5.3)."""
    several = event.get("multiValueHeaders")
    if isinstance(several, dict) and several:
        return {name.lower(): _joined(values) for name, values in several.items() if isinstance(name, str)}
    return lowered(event.get("headers"))


def _joined(values: object) -> str:
    if not isinstance(values, list):
        return ""
    return ",".join([value for value in values if isinstance(value, str)])


def _name(event: dict[str, Any], context: dict[str, Any], kind: str) -> Optional[str]:
    """The API's id, or the target group's name."""
    if kind == BALANCER:
        parts = text(inside(context, "elb"), "targetGroupArn").split("/")
        return parts[1] if len(parts) > 2 else None
    return text(context, "apiId") or last_part(text(event, "methodArn").partition("/")[0]) or None


def _request(event: dict[str, Any], context: dict[str, Any]) -> dict[str, Value]:
    http = inside(context, "http")
    method = text(event, "httpMethod") or text(http, "method") or text(context, "httpMethod")
    known = method.upper() if method.upper() in HTTP_METHODS else "_OTHER" if method else None
    _, _, version = (text(context, "protocol") or text(http, "protocol")).partition("HTTP/")
    return {
        "http.request.method": known,
        "http.request.method_original": method if known == "_OTHER" else None,
        "http.route": _route(event, context),
        "network.protocol.version": version or None,
        "coldlight.websocket.route": text(context, "routeKey") if "connectionId" in context else None,
        "coldlight.websocket.event": text(context, "eventType") or None,
        "coldlight.websocket.connection_id": text(context, "connectionId") or None,
    }


def _route(event: dict[str, Any], context: dict[str, Any]) -> Optional[str]:
    """The path of a resource (REST), or of a route, such as `GET /pets/{id}` (HTTP); `$default` is no path."""
    resource = text(event, "resource") or text(context, "resourcePath")
    return resource or text(event, "routeKey").partition(" ")[2] or None


def _where(
    event: dict[str, Any], context: dict[str, Any], headers: dict[str, str], kind: str
) -> dict[str, Value]:
    host, port = _authority(headers.get("host", ""))
    forwarded = headers.get("x-forwarded-port", "") or port
    path = event.get("path") or event.get("rawPath") or inside(context, "http").get("path")
    scheme = headers.get("x-forwarded-proto", "").partition(",")[0].strip().lower()
    return {
        "url.path": path[:_LONGEST_PATH] if isinstance(path, str) else None,
        "url.scheme": scheme
        if scheme in ("http", "https", "ws", "wss")
        else "wss"
        if kind == WEBSOCKET
        else "https",
        "server.address": host[:256] or text(context, "domainName") or None,
        "server.port": int(forwarded)
        if forwarded.isascii() and forwarded.isdigit() and len(forwarded) < 6
        else None,
    }


def _authority(host: str) -> tuple[str, str]:
    """Host and port of `Host` (RFC 9110, 7.2); an IPv6 address stands there in brackets (RFC 3986, 3.2.2), and here without."""
    if host.startswith("["):
        address, _, rest = host[1:].partition("]")
        return address, rest.lstrip(":")
    address, _, port = host.partition(":")
    return address, port


def _who(context: dict[str, Any], headers: dict[str, str]) -> dict[str, Value]:
    http, identity = inside(context, "http"), inside(context, "identity")
    forwarded = headers.get("x-forwarded-for", "")[:256].partition(",")[0].strip()
    agent = headers.get("user-agent", "") or text(http, "userAgent") or text(identity, "userAgent")
    return {
        "client.address": text(http, "sourceIp") or text(identity, "sourceIp") or forwarded or None,
        "user_agent.original": agent[:1024] or None,
    }


def _query(event: dict[str, Any], kind: str) -> str:
    """As it was sent, where the event has that (a load balancer decodes nothing); else encoded again from its parameters."""
    raw = event.get("rawQueryString")
    if isinstance(raw, str):
        pairs = [part.partition("=") for part in raw[:_LONGEST_PATH].split("&")] if raw else []
        return "&".join([name + equals + _shown(name, value) for name, equals, value in pairs])
    return _written(_parameters(event), kind != BALANCER)


def _parameters(event: dict[str, Any]) -> list[tuple[str, str]]:
    several, single = inside(event, "multiValueQueryStringParameters"), inside(event, "queryStringParameters")
    names = list(several or single)[:_MOST_PARAMETERS]
    pairs = [(name, value) for name in names for value in items(several, name) or (single.get(name),)]
    return [(name, value) for name, value in pairs if isinstance(name, str) and isinstance(value, str)]


def _written(pairs: list[tuple[str, str]], is_decoded: bool) -> str:
    shown = [(name, _shown(name, value[:_LONGEST_PATH])) for name, value in pairs]
    if is_decoded and shown:
        from urllib.parse import urlencode

        return urlencode(shown, errors="replace")[:_LONGEST_PATH]
    return "&".join([f"{name}={value}" for name, value in shown])[:_LONGEST_PATH]


def _shown(name: str, value: str) -> str:
    """Semantic conventions, `url.query`: what is secret "SHOULD be redacted"."""
    from coldlight_lambda.masking import is_secret_in_url  # for those that have a query

    return "REDACTED" if value and is_secret_in_url(name) else value


def take_answer(span: Span, result: Any) -> None:
    """A proxy response's `statusCode`. Where there is none, what the gateway makes of that: function URLs and HTTP APIs answer
    200 with the result as body; REST APIs and load balancers 502 (API Gateway: "Output format of a Lambda function for
    proxy integration"), HTTP APIs with payload format 1.0 500."""
    kind = span.attributes.get("coldlight.trigger")
    if kind not in _WITHOUT_STATUS:
        return
    given = _status(result)
    status = given or _WITHOUT_STATUS[kind]
    if not status:
        return
    span.set({"http.response.status_code": status})
    if status >= 500:
        span.set({"error.type": str(status)})
        span.fail("" if given else "the function's result is no proxy response")


_WITHOUT_STATUS: dict[Value, int] = {REST: 502, BALANCER: 502, HTTP_1: 500, HTTP: 200, URL: 200, WEBSOCKET: 0}


def _status(result: Any) -> int:
    """Gateways take a number, or a string with one; 0 when there is neither."""
    status = result.get("statusCode") if isinstance(result, dict) else None
    if isinstance(status, str) and len(status) == 3 and status.isascii() and status.isdigit():
        status = int(status)
    is_status = isinstance(status, int) and not isinstance(status, bool) and 100 <= status <= 599
    return int(status) if is_status and status is not None else 0
