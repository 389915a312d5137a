"""requests: what a session sends, with its redirects and its body, is one span; urllib3's is inside of it."""

from __future__ import annotations

from coldlight_lambda import payloads, recorder
from coldlight_lambda.patches import http_spans, replace
from coldlight_lambda.patches.calls import argument, recorded
from coldlight_lambda.recorder import contained
from coldlight_lambda.spans import ERROR

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from coldlight_lambda.spans import Span


def patch(module: Any) -> None:
    replace(module.Session, "send", lambda original: recorded(original, _begin, _finish, _fail))


def _begin(args: list[Any], kwargs: dict[str, Any]) -> Span | None:
    request = argument(args, kwargs, 1, "request")
    span = http_spans.start(request.method, request.url)
    if span is None:
        return None
    # The request is the caller's, who may send it again: what it is sent with is ours.
    changed = request.copy()
    http_spans.inject(span, request.url, changed.headers)
    if len(args) > 1:
        args[1] = changed
    else:
        kwargs["request"] = changed
    recorder.announce(span)
    return span


def _finish(span: Span, response: Any) -> None:
    first = response.history[0] if response.history else response
    version = http_spans.version_text(getattr(first.raw, "version", 0))
    http_spans.respond(span, response.status_code, version, response.headers)
    contained(_tell, span, response.request, response, False)
    recorder.end(span)


def _fail(span: Span, error: BaseException) -> None:
    contained(_tell, span, getattr(error, "request", None), getattr(error, "response", None), True)
    recorder.end(span, error)


def _tell(span: Span, request: Any, response: Any, failed: bool) -> None:
    """The payloads; a body that the function has yet to read, as it comes, is left to it."""
    if not payloads.is_wanted(failed or span.status == ERROR):
        return
    sent = None if request is None else {"headers": dict(request.headers), "body": request.body}
    body = None if response is None else response.__dict__.get("_content")
    came = None if response is None else {"headers": dict(response.headers), "body": body or None}
    payloads.of_call(span, sent, came, failed)
