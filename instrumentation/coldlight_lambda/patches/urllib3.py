"""urllib3, 1.26 and 2: a request of a pool manager or of a pool, with its retries and redirects, is one span."""

from __future__ import annotations

from coldlight_lambda import recorder
from coldlight_lambda.patches import http_spans, replace
from coldlight_lambda.patches.calls import argument, recorded

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from coldlight_lambda.spans import Span


def patch(module: Any) -> None:
    owner = module.PoolManager if hasattr(module, "PoolManager") else module.HTTPConnectionPool
    replace(owner, "urlopen", lambda original: recorded(original, _begin, _finish, http_spans.fail))


def _begin(args: list[Any], kwargs: dict[str, Any]) -> Span | None:
    pool = args[0]
    if type(pool).__module__.startswith("botocore."):
        return None
    method, url = str(argument(args, kwargs, 1, "method")), _url(pool, str(argument(args, kwargs, 2, "url")))
    span = http_spans.start(method, url)
    if span is None:
        return None
    # Headers in the fifth place of a pool's urlopen, where nobody puts them, are left alone.
    if len(args) <= 4:
        headers = kwargs.get("headers")
        headers = (pool.headers or {}) if headers is None else headers
        copy = headers.copy() if hasattr(headers, "copy") else dict(headers)
        http_spans.inject(span, url, copy)
        kwargs["headers"] = copy
        http_spans.keep(span, copy, kwargs.get("body"))
    recorder.announce(span)
    return span


def _url(pool: Any, url: str) -> str:
    """A pool is of one host, and is asked for paths."""
    if url.startswith(("http://", "https://")) or not hasattr(pool, "scheme"):
        return url
    default = {"http": 80, "https": 443}.get(pool.scheme)
    host = f"[{pool.host}]" if ":" in pool.host else pool.host
    shown = "" if pool.port in (None, default) else f":{pool.port}"
    return f"{pool.scheme}://{host}{shown}{url}"


def _finish(span: Span, response: Any) -> None:
    version = http_spans.version_text(getattr(response, "version", 0))
    http_spans.respond(span, response.status, version, response.headers, getattr(response, "_body", None))
    recorder.end(span)
