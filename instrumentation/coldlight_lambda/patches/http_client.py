"""`http.client`, below urllib.request and all that is not known better: a span from `putrequest` to `getresponse`.

Of the body is told what one `read()` gives the function."""

from __future__ import annotations

from coldlight_lambda import recorder
from coldlight_lambda.contexts import current
from coldlight_lambda.patches import replace
from coldlight_lambda.recorder import Call, contained

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from coldlight_lambda.spans import Span

_SPAN = "_coldlight_span"


def patch(module: Any) -> None:
    connection = module.HTTPConnection
    replace(connection, "putrequest", _putrequest)
    replace(connection, "endheaders", _endheaders)
    replace(connection, "getresponse", _getresponse)
    replace(connection, "close", _close)
    response = module.HTTPResponse
    replace(response, "read", _read)
    for name in ("read1", "readinto", "readline"):
        replace(response, name, _read_in_part)


def _putrequest(original: Any) -> Any:
    def putrequest(self: Any, method: Any, url: Any, *args: Any, **kwargs: Any) -> Any:
        outer = current.get()
        if outer is not None and not isinstance(outer, Call):
            contained(_begin, self, method, url)
        return original(self, method, url, *args, **kwargs)

    return putrequest


def _endheaders(original: Any) -> Any:
    def endheaders(self: Any, *args: Any, **kwargs: Any) -> Any:
        span = contained(_span, self)
        if span is None:
            return original(self, *args, **kwargs)
        contained(_inject, self, span, args[0] if args else kwargs.get("message_body"))
        try:
            return original(self, *args, **kwargs)
        except BaseException as error:
            contained(_end, self, span, error)
            raise

    return endheaders


def _getresponse(original: Any) -> Any:
    def getresponse(self: Any, *args: Any, **kwargs: Any) -> Any:
        span = contained(_span, self)
        if span is None:
            return original(self, *args, **kwargs)
        self.__dict__.pop(_SPAN, None)  # for http.client closes connections that are not kept alive
        try:
            response = original(self, *args, **kwargs)
        except BaseException as error:
            contained(_end, self, span, error)
            raise
        contained(_finish, span, response)
        return response

    return getresponse


def _close(original: Any) -> Any:
    def close(self: Any) -> Any:
        span = contained(_span, self)
        if span is not None:  # whoever asked did not want to know the answer
            contained(_end, self, span, None)
        return original(self)

    return close


def _read(original: Any) -> Any:
    def read(self: Any, amt: Any = None) -> Any:
        if _SPAN not in self.__dict__:
            return original(self, amt)
        if amt is not None:
            contained(_leave_unread, self)
            return original(self, amt)
        body = original(self)
        contained(_tell_body, self, body)
        return body

    return read


def _read_in_part(original: Any) -> Any:
    def read(self: Any, *args: Any) -> Any:
        if _SPAN in self.__dict__:
            contained(_leave_unread, self)
        return original(self, *args)

    return read


def _tell_body(response: Any, body: bytes) -> None:
    from coldlight_lambda.patches import http_spans

    http_spans.read_whole(response, body)


def _leave_unread(response: Any) -> None:
    from coldlight_lambda.patches import http_spans

    http_spans.read_in_part(response)


def _span(connection: Any) -> Span | None:
    found: Span | None = connection.__dict__.get(_SPAN)
    return found


def _begin(connection: Any, method: Any, path: Any) -> None:
    pending = _span(connection)
    if pending is not None:
        _end(connection, pending, None)
    if type(connection).__module__.startswith("botocore."):
        return
    from coldlight_lambda.patches import (
        http_spans,
    )  # when the first request is recorded: the runtime has http.client anyway

    span = http_spans.start(method, _url(connection, str(path)))
    if span is not None:
        connection.__dict__[_SPAN] = span


def _url(connection: Any, path: str) -> str:
    """The whole URL; a proxy is asked for one already, or tunnels to a host of its own."""
    if path.startswith(("http://", "https://")):
        return path
    scheme = "https" if connection.default_port == 443 else "http"
    tunnel = getattr(connection, "_tunnel_host", None)
    host, port = (tunnel, connection._tunnel_port) if tunnel else (connection.host, connection.port)
    host = f"[{host}]" if ":" in host else host
    shown = "" if port in (None, connection.default_port) else f":{port}"
    return f"{scheme}://{host}{shown}{path}"


def _inject(connection: Any, span: Span, body: Any) -> None:
    from coldlight_lambda.patches import http_spans

    url, headers = str(span.attributes.get("url.full", "")), _headers(connection)
    for name, value in http_spans.context_headers(span, url, headers).items():
        connection.putheader(name, value)
    http_spans.keep(span, headers, body)
    recorder.announce(span)


def _headers(connection: Any) -> dict[bytes, bytes]:
    """Those that were put so far; `http.client` holds them as lines, behind that of the request."""
    pairs = (line.partition(b":") for line in connection._buffer[1:])
    return {name: value.strip() for name, _, value in pairs}


def _finish(span: Span, response: Any) -> None:
    from coldlight_lambda.patches import http_spans

    http_spans.respond(span, response.status, http_spans.version_text(response.version), response.headers)
    http_spans.end_unread(span, response)


def _end(connection: Any, span: Span, error: BaseException | None) -> None:
    connection.__dict__.pop(_SPAN, None)
    if error is None:
        recorder.end(span)
        return
    from coldlight_lambda.patches import http_spans

    http_spans.fail(span, error)
