"""psycopg2: its connections and cursors are C types, so `connect` is asked for subclasses of them."""

from __future__ import annotations

from functools import lru_cache

from coldlight_lambda.contexts import current
from coldlight_lambda.patches import replace
from coldlight_lambda.patches.calls import argument, recorded
from coldlight_lambda.patches.psycopg import begin, fail
from coldlight_lambda.recorder import contained

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def patch(module: Any) -> None:
    extensions = module.extensions

    def connecting(original: Any) -> Any:
        def connect(dsn: Any = None, connection_factory: Any = None, *args: Any, **kwargs: Any) -> Any:
            factory = contained(
                _recorded_connection, connection_factory or extensions.connection, extensions.cursor
            )
            return original(dsn, factory or connection_factory, *args, **kwargs)

        return connect

    replace(module, "connect", connecting)


@lru_cache(maxsize=None)
def _recorded_connection(base: Any, plain_cursor: Any) -> Any:
    """A connection class whose cursors are recorded; what is no class is left as it is."""
    if not isinstance(base, type):
        return base

    class Connection(base):  # type: ignore[misc]
        def cursor(self, *args: Any, **kwargs: Any) -> Any:
            given = list(args)
            contained(_ask_for_recorded, self, given, kwargs, plain_cursor)
            return super().cursor(*given, **kwargs)

    return _disguised(Connection, base)


def _ask_for_recorded(connection: Any, args: list[Any], kwargs: dict[str, Any], plain_cursor: Any) -> None:
    asked_for = argument(args, kwargs, 1, "cursor_factory") or connection.cursor_factory or plain_cursor
    if not isinstance(asked_for, type):
        return
    factory = _recorded_cursor(asked_for)
    if len(args) > 1:
        args[1] = factory
    else:
        kwargs["cursor_factory"] = factory


@lru_cache(maxsize=None)
def _recorded_cursor(base: Any) -> Any:
    execute, executemany = _recorded_method(base.execute), _recorded_method(base.executemany)
    return _disguised(type("Cursor", (base,), {"execute": execute, "executemany": executemany}), base)


def _recorded_method(original: Any) -> Any:
    def method(*args: Any, **kwargs: Any) -> Any:
        return original(*args, **kwargs)

    recorded_method = recorded(method, begin, fail=fail)

    def call(*args: Any, **kwargs: Any) -> Any:
        return (original if current.get() is None else recorded_method)(*args, **kwargs)

    return call


def _disguised(kind: Any, base: Any) -> Any:
    """With the name of what it stands for: a subclass shows in nothing but its identity."""
    kind.__name__, kind.__qualname__, kind.__module__ = base.__name__, base.__qualname__, base.__module__
    return kind
