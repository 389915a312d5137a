"""S3: notifications of what became of objects (S3: "Event message structure"). They carry nothing of who did it but a request id."""

from __future__ import annotations

from coldlight_lambda.triggers.batches import MOST_KEYS, Batch
from coldlight_lambda.triggers.envelopes import object_name, upload_record_keys
from coldlight_lambda.triggers.reading import inside, items, text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from coldlight_lambda.spans import Value
    from coldlight_lambda.triggers import Trigger

_OPERATIONS = (("ObjectCreated:", "insert"), ("ObjectRemoved:", "delete"), ("LifecycleExpiration:", "delete"))


def read(event: dict[str, Any]) -> Trigger:
    """Attributes as in the semantic conventions, "FaaS spans", "Datasource"."""
    batch = Batch()
    record: dict[str, Any] = {}
    for record in items(event, "Records")[:MOST_KEYS]:
        bucket = text(inside(inside(record, "s3"), "bucket"), "name")
        keys = upload_record_keys(record) if isinstance(record, dict) else []
        batch.add(bucket, keys, None, {})
    attributes: dict[str, Value] = {
        "faas.trigger": "datasource",
        "coldlight.trigger": "s3",
        "coldlight.trigger.name": batch.name(),
        "faas.document.collection": batch.name(),
        "aws.s3.bucket": batch.name(),
    }
    if batch.count == 1:
        attributes.update(_document(record))
    else:
        attributes["coldlight.batch.record_count"] = batch.count
    return batch.trigger(attributes)


def _document(record: dict[str, Any]) -> dict[str, Value]:
    name = object_name(inside(inside(record, "s3"), "object")) or None
    event_name = text(record, "eventName").replace("s3:", "", 1)
    operation = next((word for beginning, word in _OPERATIONS if event_name.startswith(beginning)), "edit")
    return {
        "faas.document.operation": operation,
        "faas.document.name": name,
        "faas.document.time": text(record, "eventTime") or None,
        "aws.s3.key": name,
    }
