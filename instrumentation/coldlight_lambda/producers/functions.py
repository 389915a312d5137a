"""AWS Lambda: a function calls another one (semantic conventions, "FaaS spans", outgoing)."""

from __future__ import annotations

import base64
import json

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from coldlight_lambda.producers import Answer, Parameters
    from coldlight_lambda.spans import Attributes

_INVOKES = ("Invoke", "InvokeWithResponseStream", "InvokeAsync")
SENDS: frozenset[str] = frozenset()
_LARGEST_CLIENT_CONTEXT_BYTES = 3583
"""Of the Base64 text."""


def described(operation: str, parameters: Parameters) -> Attributes:
    if operation not in _INVOKES:
        return {}
    given = str(parameters.get("FunctionName") or "")
    parts = given.split(":")
    is_arn = given.startswith("arn:")
    return {
        "faas.invoked_provider": "aws",
        "faas.invoked_name": parts[parts.index("function") + 1]
        if "function" in parts[:-1]
        else parts[0] or None,
        "faas.invoked_region": parts[3] if is_arn else None,
        "aws.lambda.invoked_arn": given if is_arn else None,
    }


def carrying(operation: str, parameters: Parameters, carrier: Mapping[str, str]) -> Parameters:
    """Context in `custom` of the client context, which only a caller who waits can hand over: others have the X-Ray header."""
    is_waiting = parameters.get("InvocationType", "RequestResponse") == "RequestResponse"
    if operation not in _INVOKES[:2] or not is_waiting:
        return parameters
    given = parameters.get("ClientContext")
    try:
        client_context = json.loads(base64.b64decode(given)) if given else {}
    except ValueError:
        return parameters
    encoded = _with_context(client_context, carrier)
    return {**parameters, "ClientContext": encoded} if encoded else parameters


def _with_context(client_context: Any, carrier: Mapping[str, str]) -> str:
    """The client context with trace context in it; nothing if it has its own, is of another shape, or would be too large."""
    custom = client_context.get("custom") or {} if isinstance(client_context, dict) else None
    if not isinstance(custom, dict) or "traceparent" in custom:
        return ""
    extended = json.dumps({**client_context, "custom": {**custom, **carrier}}, separators=(",", ":"))
    encoded = base64.b64encode(extended.encode()).decode()
    return encoded if len(encoded) <= _LARGEST_CLIENT_CONTEXT_BYTES else ""


def produced(operation: str, parameters: Parameters, answer: Answer) -> list[str]:
    if operation not in _INVOKES or parameters.get("InvocationType") == "DryRun":
        return []
    request_id = answer["ResponseMetadata"].get("RequestId")  # which not everything that stands for AWS tells
    keys = [f"lambda:{request_id}"] if request_id else []
    if answer.get("DurableExecutionArn"):
        keys.append(f"durable:{answer['DurableExecutionArn']}")
    return keys
