"""SNS: one message, whose text may be an event of others (Lambda: "Invoking Lambda functions with Amazon SNS notifications")."""

from __future__ import annotations

from coldlight_lambda.contexts import upstream
from coldlight_lambda.triggers.batches import MOST_KEYS, Batch, messages
from coldlight_lambda.triggers.envelopes import Opened
from coldlight_lambda.triggers.reading import inside, items, last_part, text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from coldlight_lambda.spans import Value
    from coldlight_lambda.triggers import Trigger


def read(event: dict[str, Any]) -> Trigger:
    batch, opened = Batch(), Opened()
    arn = ""
    for record in items(event, "Records")[:MOST_KEYS]:
        notification = inside(record, "Sns")
        arn = text(notification, "TopicArn") or arn
        _add(batch, opened, notification)
    attributes = messages(batch, "sns", "aws.sns")
    attributes["aws.sns.topic.arn"] = arn if batch.name() and arn else None
    attributes["coldlight.unopened_bodies"] = opened.skipped or None
    if batch.count == 1:
        del attributes["messaging.batch.message_count"]  # SNS knows no batches
    return batch.trigger(attributes)


def _add(batch: Batch, opened: Opened, notification: dict[str, Any]) -> None:
    opened.next_record()
    opened.take_notification(notification)
    message_id = text(notification, "MessageId")
    identity: dict[str, Value] = {"messaging.message.id": message_id} if message_id else {}
    batch.add(last_part(text(notification, "TopicArn")), opened.keys, upstream(opened.carried), identity)
