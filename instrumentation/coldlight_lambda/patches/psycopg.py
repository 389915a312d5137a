"""psycopg 3: `execute` and `executemany` of its cursors, for threads and for asyncio."""

from __future__ import annotations

from coldlight_lambda.patches import database_spans, replace
from coldlight_lambda.patches.calls import argument, recorded

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from coldlight_lambda.spans import Attributes, Span

_CURSORS = ("Cursor", "AsyncCursor", "ServerCursor", "AsyncServerCursor")


def patch(module: Any) -> None:
    for name in _CURSORS:
        cursor = getattr(module, name)
        for method in ("execute", "executemany"):
            replace(cursor, method, lambda original: recorded(original, begin, fail=fail))


def begin(args: list[Any], kwargs: dict[str, Any]) -> Span | None:
    """For psycopg2, too: the two have these names in common."""
    connection = args[0].connection
    query = argument(args, kwargs, 1, "query")
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
