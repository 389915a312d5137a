"""PyMongo, by its own command monitoring: every command of clients that are made from now on is a span."""

from __future__ import annotations

import json

from coldlight_lambda import recorder
from coldlight_lambda.patches import database_spans
from coldlight_lambda.recorder import contained

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from coldlight_lambda.spans import Attributes, Span

_QUERY = ("filter", "query", "pipeline", "q", "u", "updates", "deletes", "update", "sort", "projection")
"""Of a command, what says the query. Documents that are stored are no part of it."""
_DEEPEST, _MOST = 8, 32
_open: dict[tuple[Any, Any], Span] = {}


def patch(module: Any) -> None:
    module.register(_listener(module))


def _listener(module: Any) -> Any:
    class Listener(module.CommandListener):  # type: ignore[misc]
        def started(self, event: Any) -> None:
            contained(_begin, event)

        def succeeded(self, event: Any) -> None:
            contained(_end, event, None)

        def failed(self, event: Any) -> None:
            contained(_end, event, event.failure)

    return Listener()


def _begin(event: Any) -> None:
    span = database_spans.start("mongodb", _command(event), _server(event))
    if span is not None:
        _open[event.connection_id, event.request_id] = span


def _command(event: Any) -> Attributes:
    name, command = event.command_name, event.command
    collection = command.get("collection") if name == "getMore" else command.get(name)
    query = {key: _shape(command[key], 0) for key in _QUERY if key in command and key != name}
    return {
        "db.namespace": event.database_name,
        "db.operation.name": name,
        "db.collection.name": collection if isinstance(collection, str) else None,
        "db.query.text": json.dumps(query)[: database_spans.LONGEST_TEXT] if query else None,
    }


def _server(event: Any) -> Attributes:
    host, port = event.connection_id[0], event.connection_id[1]
    return {"server.address": host, "server.port": port}


def _shape(value: Any, depth: int) -> Any:
    """A query without its values: names and operators, and a `?` for each thing that is looked for."""
    if isinstance(value, dict) or hasattr(value, "items"):
        if depth > _DEEPEST:
            return "?"
        return {str(key): _shape(inner, depth + 1) for key, inner in list(value.items())[:_MOST]}
    if isinstance(value, (list, tuple)) and any(hasattr(inner, "items") for inner in value):
        return [_shape(inner, depth + 1) for inner in value[:_MOST]]
    return "?"


def _end(event: Any, failure: Mapping[str, Any] | None) -> None:
    span = _open.pop((event.connection_id, event.request_id), None)
    if span is None:
        return
    if failure is not None:
        code = failure.get("code")
        kind = failure.get("codeName") or failure.get("errtype") or code
        span.set(
            {
                "error.type": str(kind or "_OTHER"),
                "db.response.status_code": None if code is None else str(code),
            }
        )
        span.fail(str(failure.get("errmsg", "")))
    recorder.end(span)
