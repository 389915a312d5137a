"""What the span of an HTTP request says (OpenTelemetry semantic conventions, "HTTP spans", "HTTP client span")."""

from __future__ import annotations

from coldlight_lambda import recorder
from coldlight_lambda.contexts import to_traceparent
from coldlight_lambda.producers.gateways import produced
from coldlight_lambda.recorder import contained
from coldlight_lambda.spans import CLIENT, ERROR, HTTP_METHODS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any
    from urllib.parse import SplitResult

    from coldlight_lambda.spans import Span

_PORTS = {"http": 80, "https": 443}
_REDACTED = "REDACTED"
_LONGEST_URL = 4096
_HELD = "_coldlight_span"
_SIGNED_QUERY = ("X-Amz-Signature=", "X-Amz-Credential=")


def start(method: str, url: str) -> Span | None:
    """The span of a request; None where it is not recorded. `announce` has yet to tell of it."""
    span = recorder.start("HTTP", CLIENT)
    if span is None:
        return None
    method = str(method)
    known = method.upper()
    span.name = known if known in HTTP_METHODS else "HTTP"
    span.set(
        {
            "http.request.method": known if known in HTTP_METHODS else "_OTHER",
            "http.request.method_original": None if method in HTTP_METHODS else method,
        }
    )
    contained(locate, span, url)
    return span


def locate(span: Span, url: str) -> None:
    """Where the request goes, as far as its URL says."""
    from urllib.parse import urlsplit  # every HTTP library has imported it

    parts = urlsplit(str(url))
    span.set(
        {
            "url.full": _redacted(parts)[:_LONGEST_URL],
            "server.address": parts.hostname,
            "server.port": parts.port or _PORTS.get(parts.scheme),
        }
    )


def _redacted(parts: SplitResult) -> str:
    """A URL without credentials, and without the values that look like secrets by their names."""
    credentials, at, host = parts.netloc.rpartition("@")
    if at:
        colon = f":{_REDACTED}" if ":" in credentials else ""
        parts = parts._replace(netloc=f"{_REDACTED}{colon}@{host}")
    if parts.query:
        parts = parts._replace(query="&".join([_redacted_pair(pair) for pair in parts.query.split("&")]))
    return parts.geturl()


def _redacted_pair(pair: str) -> str:
    from coldlight_lambda.masking import is_secret_in_url

    name, equals, _ = pair.partition("=")
    return f"{name}={_REDACTED}" if equals and is_secret_in_url(name) else pair


def inject(span: Span, url: str, headers: Any) -> None:
    """Adds our context to headers (W3C Trace Context), but for those that have one already, and for signed requests.

    `headers` is any mapping to which a header can be added. A request that is signed for AWS (SigV4, in its headers or in its
    URL) is left as it was signed.
    """
    for name, value in context_headers(span, url, headers).items():
        headers[name] = value


def context_headers(span: Span, url: str, headers: Any) -> dict[str, str]:
    """The headers that `inject` would add."""
    names = {_text(name).lower(): name for name in headers}
    if "traceparent" in names or _is_signed(str(url), headers, names.get("authorization")):
        return {}
    added = {"traceparent": to_traceparent(span.context)}
    if span.context.trace_state:
        added["tracestate"] = span.context.trace_state
    return added


def _is_signed(url: str, headers: Any, authorization: Any) -> bool:
    if any(part in url for part in _SIGNED_QUERY):
        return True
    return authorization is not None and _text(headers[authorization]).startswith("AWS4-")


def _text(value: Any) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else str(value)


def keep(span: Span, headers: Any, body: Any) -> None:
    """What is sent, should the payload be wanted when the call is over; a body that is a stream is nobody's to read."""
    if isinstance(span, recorder.Call):
        span.sent = headers, body


def _exchanged(span: Span, headers: Any, body: Any, failed: bool) -> None:
    from coldlight_lambda import payloads

    if payloads.is_wanted(failed):
        sent = getattr(span, "sent", None)
        answer = None if headers is None else _payload(headers, body)
        payloads.of_call(span, _payload(*sent) if sent else None, answer, failed)


def _payload(headers: Any, body: Any) -> dict[str, Any]:
    told: dict[str, Any] = {"headers": {_text(name): _text(value) for name, value in (headers or {}).items()}}
    if isinstance(body, (str, bytes, dict, list)):
        told["body"] = body
    return told


def fail(span: Span, error: BaseException) -> None:
    """Ends the span of a request that raised."""
    contained(_exchanged, span, None, None, True)
    recorder.end(span, error)


def respond(span: Span, status: int, version: str, headers: Any, body: Any = None) -> None:
    """What came back. `version` is that of the protocol: `1.1` or `2`; `headers` has `get`, whatever their case; `body` is there
    if the library has read it anyway."""
    keys = produced(str(span.attributes.get("server.address", "")), headers)
    span.set(
        {
            "http.response.status_code": status,
            "network.protocol.version": version or None,
            "coldlight.link.produced": keys or None,
        }
    )
    if status >= 400:
        span.set({"error.type": str(status)})
        span.fail("")
    contained(_exchanged, span, headers, body, span.status == ERROR)


def end_unread(span: Span, response: Any) -> None:
    """Ends the span of a request whose answer has yet to be read. Where payloads are wanted, it is held until the function has
    done so: `read_whole` or `read_in_part`. Nothing is ever read for it."""
    from coldlight_lambda import payloads

    if payloads.is_wanted(span.status == ERROR) and recorder.hold(span):
        response.__dict__[_HELD] = span
    else:
        recorder.end(span)


def read_whole(response: Any, body: bytes) -> None:
    """The function has read the body of an answer at once."""
    span = response.__dict__.pop(_HELD, None)
    if span is not None:
        contained(_exchanged, span, response.headers, body, span.status == ERROR)
        recorder.release(span)


def read_in_part(response: Any) -> None:
    """The function reads the body piece by piece, which is a stream, and its own affair."""
    span = response.__dict__.pop(_HELD, None)
    if span is not None:
        recorder.release(span)


def version_text(number: Any) -> str:
    """The version as http.client has it (10, 11, 20), as the conventions do."""
    return {10: "1.0", 11: "1.1", 20: "2"}.get(number, "")
