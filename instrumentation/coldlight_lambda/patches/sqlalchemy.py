"""SQLAlchemy, 1.4 and 2: a statement that is executed is one span, and what the driver does for it is inside.

The span begins when SQLAlchemy tells of the statement (its event `before_cursor_execute`), and ends when the method around
that is left: so nothing that a listener or a driver raises leaves it behind as the current one.
"""

from __future__ import annotations

from coldlight_lambda import recorder
from coldlight_lambda.contexts import current
from coldlight_lambda.patches import database_spans, replace
from coldlight_lambda.recorder import Call, contained

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from coldlight_lambda.spans import Attributes, Span

_SYSTEMS = {"mssql": "microsoft.sql_server", "oracle": "oracle.db"}
"""What the conventions call otherwise than SQLAlchemy does."""


def patch(module: Any) -> None:
    from sqlalchemy import event

    replace(module.Connection, "_execute_context", _executing)
    if not event.contains(module.Engine, "before_cursor_execute", _before):
        event.listen(module.Engine, "before_cursor_execute", _before)


def _executing(original: Any) -> Any:
    def execute(*args: Any, **kwargs: Any) -> Any:
        outer = current.get()
        if outer is None or isinstance(outer, Call):
            return original(*args, **kwargs)
        try:
            result = original(*args, **kwargs)
        except BaseException as error:
            contained(_leave, outer, error)
            raise
        contained(_leave, outer, None)
        return result

    return execute


def _before(
    connection: Any, cursor: Any, statement: Any, parameters: Any, context: Any, executemany: Any
) -> None:
    if current.get() is not None:
        contained(_begin, connection, statement)


def _begin(connection: Any, statement: Any) -> None:
    name = connection.dialect.name
    system = _SYSTEMS.get(name, name)
    attributes = database_spans.statement(str(statement), system)
    span = database_spans.start(system, attributes, _server(connection.engine.url))
    if span is not None:
        recorder.enter(span)


def _server(url: Any) -> Attributes:
    return {"db.namespace": url.database, "server.address": url.host, "server.port": url.port}


def _leave(outer: Span, error: BaseException | None) -> None:
    span = current.get()
    if span is outer or not isinstance(span, Call):
        return
    recorder.back_to(outer)
    if error is None:
        recorder.end(span)
    else:
        original = getattr(error, "orig", None)
        code = getattr(original, "sqlstate", None) or getattr(original, "pgcode", None)
        database_spans.fail(span, error, code)
