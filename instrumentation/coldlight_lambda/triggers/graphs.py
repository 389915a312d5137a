"""AppSync: resolvers, in batches too, channel handlers of its Event API, and authorizers (AppSync: "Resolver context reference")."""

from __future__ import annotations

from coldlight_lambda.contexts import upstream
from coldlight_lambda.triggers import Trigger
from coldlight_lambda.triggers.reading import inside, items, lowered, text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Optional, Union

    from coldlight_lambda.spans import Value


def read(event: Union[dict[str, Any], list[Any]]) -> Optional[Trigger]:
    """A batch is the fields of one request, which has one cause."""
    first = event[0] if isinstance(event, list) else event
    if "authorizationToken" in first:
        return _authorizer(first)
    headers = lowered(inside(first, "request").get("headers"))
    named = _resolver(first) or _channel(first)
    if named is None:
        return None
    if isinstance(event, list):
        named["coldlight.batch.record_count"] = len(event)
    request_id = text(headers, "x-amzn-requestid")
    return Trigger(
        {**_API, **named, "server.address": text(headers, "host") or None},
        upstream(headers),
        None,
        [f"appsync:{request_id}"] if request_id else None,
    )


_API: dict[str, Value] = {"faas.trigger": "http", "coldlight.trigger": "appsync"}


def _resolver(event: dict[str, Any]) -> Optional[dict[str, Value]]:
    """Of a direct resolver, or of Amplify's template. Names as in the semantic conventions, "GraphQL server"."""
    info = inside(event, "info")
    parent, field = (
        text(info, "parentTypeName") or text(event, "typeName"),
        text(info, "fieldName") or text(event, "fieldName"),
    )
    if not parent or not field or "arguments" not in event:
        return None
    kind = parent.lower() if parent in ("Query", "Mutation", "Subscription") else None
    return {"coldlight.trigger.name": f"{parent}.{field}", "graphql.operation.type": kind}


def _channel(event: dict[str, Any]) -> Optional[dict[str, Value]]:
    info = inside(event, "info")
    namespace, operation = text(inside(info, "channelNamespace"), "name"), text(info, "operation")
    if not namespace or not operation:
        return None
    return {
        "coldlight.trigger.name": f"{operation} {namespace}",
        "coldlight.batch.record_count": len(items(event, "events")) or None,
    }


def _authorizer(event: dict[str, Any]) -> Optional[Trigger]:
    """AppSync: "AWS_LAMBDA authorization". An API Gateway's has no `queryString`."""
    context = inside(event, "requestContext")
    request_id = text(context, "requestId")
    if not request_id or not text(context, "apiId"):
        return None
    named = {
        "coldlight.trigger.name": text(context, "apiId"),
        "graphql.operation.name": text(context, "operationName") or None,
    }
    headers = lowered(event.get("requestHeaders"))
    return Trigger({**_API, **named}, upstream(headers), None, [f"appsync:{request_id}"])
