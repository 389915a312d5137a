"""requests: what a session sends, with its redirects and its body, is one span; urllib3's is inside of it."""

from __future__ import annotations

from coldlight_lambda import recorder
from coldlight_lambda.patches import http_spans, replace
from coldlight_lambda.patches.calls import argument, recorded

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from coldlight_lambda.spans import Span


def patch(module: Any) -> None:
    replace(module.Session, "send", lambda original: recorded(original, _begin, _finish, http_spans.fail))


def _begin(args: list[Any], kwargs: dict[str, Any]) -> Span | None:
    request = argument(args, kwargs, 1, "request")
    span = http_spans.start(request.method, request.url)
    if span is None:
        return None
    # The request is the caller's, who may send it again: what it is sent with is ours.
    changed = request.copy()
    http_spans.inject(span, request.url, changed.headers)
    http_spans.keep(span, changed.headers, changed.body)
    if len(args) > 1:
        args[1] = changed
    else:
        kwargs["request"] = changed
    recorder.announce(span)
    return span


def _finish(span: Span, response: Any) -> None:
    first = response.history[0] if response.history else response
    version = http_spans.version_text(getattr(first.raw, "version", 0))
    body = response.content if response._content_consumed else None
    http_spans.respond(span, response.status_code, version, response.headers, body)
    recorder.end(span)
