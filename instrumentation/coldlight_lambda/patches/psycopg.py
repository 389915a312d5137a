"""psycopg 3: `execute`, `executemany`, `stream` and `copy` of its cursors, for threads and for asyncio."""

from __future__ import annotations

from contextlib import asynccontextmanager, contextmanager

from coldlight_lambda import recorder
from coldlight_lambda.contexts import current
from coldlight_lambda.patches import database_spans, replace
from coldlight_lambda.patches.calls import argument, recorded
from coldlight_lambda.recorder import contained

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from typing import Any

    from coldlight_lambda.spans import Attributes, Span

_CURSORS = ("Cursor", "AsyncCursor", "ServerCursor", "AsyncServerCursor")


def patch(module: Any) -> None:
    for name in _CURSORS:
        cursor = getattr(module, name)
        for method in ("execute", "executemany"):
            replace(cursor, method, lambda original: recorded(original, begin, fail=fail))
    replace(module.Cursor, "stream", _streamed)
    replace(module.Cursor, "copy", _copied)
    replace(module.AsyncCursor, "stream", _async_streamed)
    replace(module.AsyncCursor, "copy", _async_copied)


def begin(args: list[Any], kwargs: dict[str, Any], parameter: str = "query") -> Span | None:
    """For psycopg2, too: the two have these names in common."""
    connection = args[0].connection
    query = argument(args, kwargs, 1, parameter)
    text = query.as_string(connection) if hasattr(query, "as_string") else query
    attributes = database_spans.statement(database_spans.text(text), "postgresql")
    return database_spans.start("postgresql", attributes, _server(connection))


def _server(connection: Any) -> Attributes:
    if connection.closed:
        return {}
    info = connection.info
    return {"db.namespace": info.dbname, "server.address": info.host or None, "server.port": info.port}


def fail(span: Span, error: BaseException) -> None:
    database_spans.fail(span, error, getattr(error, "sqlstate", None) or getattr(error, "pgcode", None))


# Of what goes on while the function does other things, the span is never the current one.


def _begun(args: Any, kwargs: dict[str, Any], parameter: str) -> Span | None:
    return None if current.get() is None else begin(list(args), kwargs, parameter)


def _over(span: Span | None, error: BaseException | None) -> None:
    if span is None:
        return
    # GeneratorExit is how rows are left that nobody wants any more
    if error is None or isinstance(error, GeneratorExit):
        recorder.end(span)
    else:
        fail(span, error)


def _streamed(original: Any) -> Any:
    def stream(*args: Any, **kwargs: Any) -> Iterator[Any]:
        span = contained(_begun, args, kwargs, "query")
        try:
            yield from original(*args, **kwargs)
        except BaseException as error:
            contained(_over, span, error)
            raise
        contained(_over, span, None)

    return stream


def _async_streamed(original: Any) -> Any:
    async def stream(*args: Any, **kwargs: Any) -> AsyncIterator[Any]:
        span, rows = contained(_begun, args, kwargs, "query"), original(*args, **kwargs)
        try:
            async for row in rows:
                yield row
        except BaseException as error:
            contained(_over, span, error)
            raise
        finally:
            await rows.aclose()
            contained(_over, span, None)

    return stream


def _copied(original: Any) -> Any:
    def copy(*args: Any, **kwargs: Any) -> Iterator[Any]:
        span = contained(_begun, args, kwargs, "statement")
        try:
            with original(*args, **kwargs) as copying:
                yield copying
        except BaseException as error:
            contained(_over, span, error)
            raise
        contained(_over, span, None)

    return contextmanager(copy)


def _async_copied(original: Any) -> Any:
    async def copy(*args: Any, **kwargs: Any) -> AsyncIterator[Any]:
        span = contained(_begun, args, kwargs, "statement")
        try:
            async with original(*args, **kwargs) as copying:
                yield copying
        except BaseException as error:
            contained(_over, span, error)
            raise
        contained(_over, span, None)

    return asynccontextmanager(copy)
