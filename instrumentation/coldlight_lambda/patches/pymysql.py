"""PyMySQL: `execute` and `executemany` of its cursors."""

from __future__ import annotations

from coldlight_lambda.patches import database_spans, replace
from coldlight_lambda.patches.calls import argument, recorded

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from coldlight_lambda.spans import Span


def patch(module: Any) -> None:
    for method in ("execute", "executemany"):
        replace(module.Cursor, method, lambda original: recorded(original, _begin, fail=_fail))


def _begin(args: list[Any], kwargs: dict[str, Any]) -> Span | None:
    connection = args[0].connection
    if connection is None:  # the cursor is closed, and will say so itself
        return None
    query = argument(args, kwargs, 1, "query")
    own = {
        "db.namespace": database_spans.text(connection.db or "") or None,
        "server.address": connection.host,
        "server.port": database_spans.number(connection.port),
    }
    return database_spans.start("mysql", database_spans.statement(database_spans.text(query), "mysql"), own)


def _fail(span: Span, error: BaseException) -> None:
    code = error.args[0] if error.args and isinstance(error.args[0], int) else None
    database_spans.fail(span, error, code)
