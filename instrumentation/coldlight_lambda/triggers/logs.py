"""CloudWatch Logs: what a subscription filter lets through, compressed (CloudWatch Logs: "Log group-level subscription filters")."""

from __future__ import annotations

import json
from binascii import a2b_base64

from coldlight_lambda.triggers import Trigger
from coldlight_lambda.triggers.reading import inside, items, text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Optional

_COMPRESSED, _HEAD = 8192, 4096
"""The names stand before the log events: of both forms only the beginning is looked at. A multiple of four, for base64."""


def read(event: dict[str, Any]) -> Optional[Trigger]:
    data = inside(event, "awslogs").get("data")
    if not isinstance(data, str):
        return None
    head = _head(data)
    group, stream = text(head, "logGroup"), text(head, "logStream")
    filters = [name for name in items(head, "subscriptionFilters")[:2] if isinstance(name, str)]
    return Trigger(
        {
            "faas.trigger": "pubsub",
            "coldlight.trigger": "cloudwatch-logs",
            "coldlight.trigger.name": group or None,
            "aws.log.group.names": [group] if group else None,
            "aws.log.stream.names": [stream] if stream else None,
            "coldlight.cloudwatch_logs.subscription_filters": filters or None,
        }
    )


def _head(data: str) -> dict[str, Any]:
    """The message without its log events; empty where it has another order, or is none."""
    import zlib

    try:
        compressed = a2b_base64(data[:_COMPRESSED])
        beginning = (
            zlib.decompressobj(zlib.MAX_WBITS | 16).decompress(compressed, _HEAD).decode("utf-8", "replace")
        )
        head = json.loads(beginning.partition('"logEvents"')[0].rstrip(", \n") + "}")
    except (ValueError, RecursionError, zlib.error):
        return {}
    return head if isinstance(head, dict) else {}
