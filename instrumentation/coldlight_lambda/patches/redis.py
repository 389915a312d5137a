"""redis-py, sync and asyncio, one server or a cluster: a command is a span, and so is a pipeline."""

from __future__ import annotations

from coldlight_lambda.patches import database_spans, replace
from coldlight_lambda.patches.calls import recorded

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from coldlight_lambda.spans import Attributes, Span

_NO_KEY = frozenset(("ACL", "AUTH", "CONFIG", "EVAL", "HELLO", "MIGRATE", "SCRIPT"))
"""Commands whose first argument is no key, but may be a secret, or long."""
_LONGEST_KEY = 256


def patch(module: Any) -> None:
    for client in ("Redis", "RedisCluster"):
        if hasattr(module, client):
            replace(getattr(module, client), "execute_command", _recorded_command)
    for pipeline in ("Pipeline", "ClusterPipeline"):
        if hasattr(module, pipeline):
            replace(getattr(module, pipeline), "execute", _recorded_pipeline)


def _recorded_command(original: Any) -> Any:
    return recorded(original, _begin_command, fail=_fail)


def _recorded_pipeline(original: Any) -> Any:
    return recorded(original, _begin_pipeline, fail=_fail)


def _begin_command(args: list[Any], kwargs: dict[str, Any]) -> Span | None:
    if len(args) < 2:
        return None
    text = _text(args[1:])
    attributes = {"db.operation.name": text.partition(" ")[0], "db.query.text": text}
    return database_spans.start("redis", attributes, _connection(args[0]))


def _begin_pipeline(args: list[Any], kwargs: dict[str, Any]) -> Span | None:
    pipeline = args[0]
    commands = getattr(pipeline, "command_stack", None) or _queue(pipeline)
    if not commands:
        return None
    texts = [_text(getattr(command, "args", None) or command[0]) for command in commands[:100]]
    operations = {text.partition(" ")[0] for text in texts}
    group = "MULTI" if getattr(pipeline, "is_transaction", False) else "PIPELINE"
    attributes: Attributes = {
        "db.operation.name": f"{group} {operations.pop()}" if len(operations) == 1 else group,
        "db.operation.batch.size": len(commands) if len(commands) > 1 else None,
        "db.query.text": "\n".join(texts)[: database_spans.LONGEST_TEXT],
    }
    return database_spans.start("redis", attributes, _connection(pipeline))


def _queue(pipeline: Any) -> Any:
    """Where pipelines of clusters keep their commands."""
    return getattr(getattr(pipeline, "_execution_strategy", pipeline), "_command_queue", None)


def _text(args: Any) -> str:
    """A command with its key; of what else it says, there is a `?` each."""
    words = database_spans.text(args[0]).upper().split(" ")
    given = args[1:]
    if given and words[0] not in _NO_KEY:
        words.append(database_spans.text(given[0])[:_LONGEST_KEY])
        given = given[1:]
    return " ".join(words + ["?"] * min(len(given), 100))


def _connection(client: Any) -> Attributes:
    pool = getattr(client, "connection_pool", None)
    known = getattr(pool, "connection_kwargs", None) or {}
    return {
        "db.namespace": str(known["db"] or 0) if "db" in known else None,
        "server.address": known.get("host") or known.get("path"),
        "server.port": database_spans.number(known.get("port")),
    }


def _fail(span: Span, error: BaseException) -> None:
    """A server's error begins with its code, which redis-py cuts off of those that it knows better by their type."""
    first = str(error).partition(" ")[0]
    database_spans.fail(span, error, first if first.isupper() and first.isalpha() else None)
