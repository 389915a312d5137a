"""SQS: a batch of up to 10,000 messages, whose bodies may be events of others (Lambda: "Using Lambda with Amazon SQS")."""

from __future__ import annotations

from coldlight_lambda.contexts import upstream
from coldlight_lambda.triggers.batches import MOST_KEYS, Batch, messages
from coldlight_lambda.triggers.envelopes import Opened, dead_letter_keys
from coldlight_lambda.triggers.reading import carried_attributes, inside, items, last_part, text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from coldlight_lambda.spans import Value
    from coldlight_lambda.triggers import Trigger


def read(event: dict[str, Any]) -> Trigger:
    batch, opened = Batch(), Opened()
    for record in items(event, "Records")[:MOST_KEYS]:
        if isinstance(record, dict):
            _add(batch, opened, record)
    attributes = messages(batch, "sqs", "aws_sqs")
    attributes["coldlight.unopened_bodies"] = opened.skipped or None
    return batch.trigger(attributes)


def _add(batch: Batch, opened: Opened, record: dict[str, Any]) -> None:
    attributes = inside(record, "messageAttributes")
    opened.next_record(carried_attributes(attributes) if attributes else None)
    opened.take(record.get("body"))
    message_id = text(record, "messageId")
    keys = [f"sqs:{message_id}", *opened.keys] if message_id else opened.keys
    if attributes:
        keys += dead_letter_keys(attributes)
    sender = upstream(opened.carried, text(inside(record, "attributes"), "AWSTraceHeader"))
    identity: dict[str, Value] = {"messaging.message.id": message_id} if message_id else {}
    batch.add(last_part(text(record, "eventSourceARN")), keys, sender, identity)
