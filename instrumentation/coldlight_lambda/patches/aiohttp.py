"""The client of aiohttp: a request of a session, with its redirects, is one span until its headers have come.

Of the body is told what `read`, `text` and `json` give the function."""

from __future__ import annotations

from coldlight_lambda import recorder
from coldlight_lambda.patches import http_spans, replace
from coldlight_lambda.patches.calls import argument, recorded
from coldlight_lambda.recorder import contained

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from coldlight_lambda.spans import Span


def patch(module: Any) -> None:
    replace(
        module.ClientSession,
        "_request",
        lambda original: recorded(original, _begin, _finish, http_spans.fail),
    )
    replace(module.ClientResponse, "read", _read)


def _read(original: Any) -> Any:
    async def read(self: Any) -> Any:
        body = await original(self)
        contained(_answered, self, body)
        return body

    return read


def _answered(response: Any, body: bytes) -> None:
    if len(body) == response.content.total_bytes:
        http_spans.read_whole(response, body)
    else:  # the rest of a stream
        http_spans.read_in_part(response)


def _begin(args: list[Any], kwargs: dict[str, Any]) -> Span | None:
    session = args[0]
    given = argument(args, kwargs, 2, "str_or_url")
    build = getattr(session, "_build_url", None)  # what it does with the session's base URL
    url = str(build(given) if build is not None else given)
    span = http_spans.start(argument(args, kwargs, 1, "method"), url)
    if span is None:
        return None
    from multidict import CIMultiDict  # of aiohttp's own

    headers = CIMultiDict(kwargs.get("headers") or ())
    every = CIMultiDict([*getattr(session, "headers", {}).items(), *headers.items()])
    headers.extend(http_spans.context_headers(span, url, every))
    kwargs["headers"] = headers
    body = kwargs.get("json")  # which aiohttp has yet to write
    http_spans.keep(span, every, kwargs.get("data") if body is None else body)
    recorder.announce(span)
    return span


def _finish(span: Span, response: Any) -> None:
    first = response.history[0] if response.history else response
    http_spans.locate(span, str(first.request_info.real_url))  # with the parameters of its query
    version = response.version
    number = f"{version.major}.{version.minor}" if version else ""
    http_spans.respond(span, response.status, number, response.headers)
    http_spans.end_unread(span, response)
