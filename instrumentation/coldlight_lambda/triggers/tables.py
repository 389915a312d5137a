"""DynamoDB streams: changes of items (Lambda: "Process DynamoDB records with Lambda"). They carry nothing of who made them."""

from __future__ import annotations

import json

from coldlight_lambda.triggers.batches import MOST_KEYS, Batch
from coldlight_lambda.triggers.reading import inside, items, text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from coldlight_lambda.triggers import Trigger

_OPERATIONS = {"INSERT": "insert", "MODIFY": "edit", "REMOVE": "delete"}
_MOST_KEY_ATTRIBUTES = 2


def read(event: dict[str, Any]) -> Trigger:
    """Attributes as in the semantic conventions, "FaaS spans", "Datasource"."""
    batch, operations = Batch(), set()
    for record in items(event, "Records")[:MOST_KEYS]:
        table = text(record, "eventSourceARN").partition(":table/")[2].partition("/")[0]
        operations.add(_OPERATIONS.get(text(record, "eventName"), ""))
        batch.add(table, _keys(table, inside(inside(record, "dynamodb"), "Keys")), None, {})
    return batch.trigger(
        {
            "faas.trigger": "datasource",
            "coldlight.trigger": "dynamodb",
            "coldlight.trigger.name": batch.name(),
            "faas.document.collection": batch.name(),
            "faas.document.operation": (operations.pop() or None) if len(operations) == 1 else None,
            "aws.dynamodb.table_names": sorted(batch.names) or None,
            "coldlight.batch.record_count": batch.count,
        }
    )


def _keys(table: str, key: dict[str, Any]) -> list[str]:
    is_key = 0 < len(key) <= _MOST_KEY_ATTRIBUTES and all(_is_typed(value) for value in key.values())
    return [link_key(table, key)] if table and is_key else []


def _is_typed(value: object) -> bool:
    """A string, number or binary, in DynamoDB JSON: `{"S": "a"}`."""
    return (
        isinstance(value, dict) and len(value) == 1 and all(isinstance(held, str) for held in value.values())
    )


def link_key(table: str, key: dict[str, Any]) -> str:
    """`dynamodb:<table>#<hash>` of an item's key attributes in DynamoDB JSON (DESIGN.md, "Link keys")."""
    from hashlib import sha256  # a millisecond that only functions on tables pay

    written = json.dumps(key, ensure_ascii=False, separators=(",", ":"), sort_keys=True)
    return f"dynamodb:{table}#{sha256(written.encode('utf-8', 'replace')).hexdigest()[:32]}"
