"""Kinesis data streams, and the records that Firehose has a function transform. Neither carries attributes beside its data:
there is context in a record only where its producer wrote it into a JSON object (`COLDLIGHT_PROPAGATE_IN_BODIES`)."""

from __future__ import annotations

import json
from binascii import a2b_base64

from coldlight_lambda.contexts import upstream
from coldlight_lambda.triggers.batches import MOST_KEYS, Batch, messages
from coldlight_lambda.triggers.reading import carried_text, inside, items, text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Optional

    from coldlight_lambda.spans import Context, Value
    from coldlight_lambda.triggers import Trigger

_END = 1024
"""Characters at the end of a record's data that may hold its context; whole groups of base64."""


def read(event: dict[str, Any]) -> Optional[Trigger]:
    if "deliveryStreamArn" not in event:
        return _stream(event)
    return _delivery(event) if text(event, "deliveryStreamArn") else None


def _stream(event: dict[str, Any]) -> Trigger:
    """Lambda: "Process Amazon Kinesis Data Streams records". A record's `eventID` is its shard's id and its sequence number."""
    batch = Batch()
    for record in items(event, "Records")[:MOST_KEYS]:
        name, event_id = _stream_name(text(record, "eventSourceARN")), text(record, "eventID")
        kinesis = inside(record, "kinesis")
        sequence_number = text(kinesis, "sequenceNumber")
        is_known = name and event_id.partition(":")[2] == sequence_number != ""
        identity: dict[str, Value] = {"messaging.message.id": sequence_number} if sequence_number else {}
        batch.add(
            name, [f"kinesis:{name}:{event_id}"] if is_known else [], _sender(kinesis.get("data")), identity
        )
    attributes = messages(batch, "kinesis", "aws.kinesis")
    attributes["aws.kinesis.stream_name"] = batch.name()
    return batch.trigger(attributes)


def _sender(data: object) -> Optional[Context]:
    """By the last members of a JSON object, `"traceparent": "..."` and perhaps `"tracestate": "..."`, in base64."""
    try:
        end = a2b_base64(data[-_END:]) if isinstance(data, str) else b""
        at = end.rfind(b'"traceparent"')
        return upstream(carried_text(json.loads(b"{" + end[at:]))) if at >= 0 else None
    except (ValueError, RecursionError):
        return None  # data of another kind


def _delivery(event: dict[str, Any]) -> Trigger:
    """Firehose: "Transform source data". Where a data stream is its source, a record is one of that stream, too."""
    source = _stream_name(text(event, "sourceKinesisStreamArn"))
    name = text(event, "deliveryStreamArn").partition("/")[2]
    batch = Batch()
    for record in items(event, "records")[:MOST_KEYS]:
        record_id, origin = text(record, "recordId"), inside(record, "kinesisRecordMetadata")
        keys = [f"firehose:{record_id}"] if record_id else []
        if source and text(origin, "shardId") and text(origin, "sequenceNumber"):
            keys.append(f"kinesis:{source}:{text(origin, 'shardId')}:{text(origin, 'sequenceNumber')}")
        identity: dict[str, Value] = {"messaging.message.id": record_id} if record_id else {}
        batch.add(name, keys, _sender(record.get("data")) if isinstance(record, dict) else None, identity)
    attributes = messages(batch, "firehose", "aws.firehose")
    attributes["aws.kinesis.stream_name"] = source or None
    return batch.trigger(attributes)


def _stream_name(arn: str) -> str:
    """Of `arn:aws:kinesis:<region>:<account>:stream/<name>`, or of one of its consumers, `.../consumer/<name>:<time>`."""
    return arn.partition(":stream/")[2].partition("/")[0]
