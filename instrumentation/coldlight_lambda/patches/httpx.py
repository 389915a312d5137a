"""httpx: what a client sends, with its redirects and its authentication, is one span; that of a stream lasts until it is read
or closed."""

from __future__ import annotations

from coldlight_lambda import recorder
from coldlight_lambda.contexts import to_traceparent
from coldlight_lambda.patches import http_spans, replace
from coldlight_lambda.patches.calls import argument, recorded
from coldlight_lambda.recorder import contained

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from typing import Any

    from coldlight_lambda.spans import Span

_INJECTED = "_coldlight_traceparent"


def patch(module: Any) -> None:
    sync, asynchronous = _streams(module)
    replace(
        module.Client, "send", lambda original: recorded(original, _begin, _finish(sync), http_spans.fail)
    )
    replace(
        module.AsyncClient,
        "send",
        lambda original: recorded(original, _begin, _finish(asynchronous), http_spans.fail),
    )


def _begin(args: list[Any], kwargs: dict[str, Any]) -> Span | None:
    request = argument(args, kwargs, 1, "request")
    url = str(request.url)
    span = http_spans.start(request.method, url)
    if span is None:
        return None
    ours = request.__dict__.pop(_INJECTED, None)
    if ours is not None and request.headers.get("traceparent") == ours:
        del request.headers["traceparent"]  # of the call before, for a request may be sent again
    http_spans.inject(span, url, request.headers)
    http_spans.keep(span, request.headers, getattr(request, "_content", None))
    request.__dict__[_INJECTED] = to_traceparent(span.context)
    recorder.announce(span)
    return span


def _finish(stream: Any) -> Any:
    def finish(span: Span, response: Any) -> None:
        version = response.http_version.rpartition("/")[2]
        body = getattr(response, "_content", None)  # as much as has been read
        http_spans.respond(span, response.status_code, version, response.headers, body)
        if response.is_closed:
            recorder.end(span)
        else:
            response.stream = stream(response.stream, span)

    return finish


def _streams(module: Any) -> tuple[Any, Any]:
    """A body that ends a span, read or closed: the one for threads, the other for asyncio."""

    class Stream(module.SyncByteStream):  # type: ignore[misc]
        def __init__(self, stream: Any, span: Span) -> None:
            self._stream, self._span = stream, span

        def __iter__(self) -> Iterator[bytes]:
            try:
                yield from self._stream
            except Exception as error:
                contained(recorder.end, self._span, error)
                raise

        def close(self) -> None:
            contained(recorder.end, self._span)
            self._stream.close()

    class AsyncStream(module.AsyncByteStream):  # type: ignore[misc]
        def __init__(self, stream: Any, span: Span) -> None:
            self._stream, self._span = stream, span

        async def __aiter__(self) -> AsyncIterator[bytes]:
            try:
                async for chunk in self._stream:
                    yield chunk
            except Exception as error:
                contained(recorder.end, self._span, error)
                raise

        async def aclose(self) -> None:
            contained(recorder.end, self._span)
            await self._stream.aclose()

    return Stream, AsyncStream
