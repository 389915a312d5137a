"""Events that come inside of others: an SNS notification, an EventBridge event, an upload or a function's result in the body
of a message. Each gives the link keys of both, and the context that the inner one carries.

A body is parsed only when its first characters promise one of these, and no more than `MOST_PARSED` characters of one event.
"""

from __future__ import annotations

import json

from coldlight_lambda.triggers.reading import (
    LONGEST,
    carried_attributes,
    carried_text,
    inside,
    items,
    text,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Optional

MOST_PARSED = 4 << 20
"""Characters of bodies that are parsed for one event, of which the runtime itself has parsed 6 MB."""
_BEGINNING = 512
_SHORTEST = 40
_DEEPEST = 3
"""SNS in SQS, EventBridge in SNS, and a result in that: no AWS service nests more."""
_MOST_UPLOADS = 1_000


class Opened:
    """What was found in bodies: `keys`, and what `carried` the sender's context."""

    __slots__ = ("carried", "keys", "left", "skipped")

    def __init__(self) -> None:
        self.keys: list[str] = []
        self.carried: dict[str, str] = {}
        self.left = MOST_PARSED
        self.skipped = 0
        """Bodies that promised something and were too long."""

    def next_record(self, carried: Optional[dict[str, str]] = None) -> None:
        """What a record itself carries counts before what its body does."""
        self.keys = []
        self.carried = carried or {}

    def take(self, body: object, depth: int = 0) -> None:
        """Looks into a body, if it promises to be an event."""
        if not isinstance(body, str) or depth > _DEEPEST or not _promises(body):
            return
        if len(body) > self.left:
            self.skipped += 1
            return
        self.left -= len(body)
        self.take_event(_parsed(body), depth)

    def take_event(self, event: dict[str, Any], depth: int = 0) -> None:
        """Looks into an event that is parsed already."""
        if "TopicArn" in event:
            self.take_notification(event, depth)
        elif "detail-type" in event:
            self.take_bus_event(event)
        elif "Records" in event:
            self.keys += upload_keys(items(event, "Records"))
        else:
            self.keys += result_keys(event)

    def take_notification(self, notification: dict[str, Any], depth: int = 0) -> None:
        """SNS: "Parsing message formats". It is in `Sns` of a record, and the body of an SQS message."""
        self.keys += [f"sns:{text(notification, 'MessageId')}"] if text(notification, "MessageId") else []
        attributes = inside(notification, "MessageAttributes")
        self.carried = self.carried or carried_attributes(attributes)
        self.keys += dead_letter_keys(attributes)
        self.take(notification.get("Message"), depth + 1)

    def take_bus_event(self, event: dict[str, Any]) -> None:
        """EventBridge: "Events"; of an upload, and of a function's result, also their own keys."""
        self.keys += [f"eventbridge:{text(event, 'id')}"] if text(event, "id") else []
        detail = inside(event, "detail")
        self.carried = self.carried or carried_text(detail)
        if text(event, "source") == "aws.s3":
            self.keys += bus_upload_keys(detail)
        elif "requestContext" in detail:
            self.keys += result_keys(detail)


def _promises(body: str) -> bool:
    """By a key or a value that stands near the front of each of them."""
    if len(body) < _SHORTEST or (body[0] != "{" and body[:LONGEST].lstrip()[:1] != "{"):
        return False
    beginning = body[:_BEGINNING]
    return (
        '"Notification"' in beginning
        or '"detail-type"' in beginning
        or '"aws:s3"' in beginning
        or '"functionArn"' in beginning
    )


def _parsed(body: str) -> dict[str, Any]:
    """An empty object for what is none: that somebody's message begins like an event does not make it one."""
    try:
        event = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return event if isinstance(event, dict) else {}


def result_keys(event: dict[str, Any]) -> list[str]:
    """Of a record that Lambda sends to a destination: it names the invocation that it tells of."""
    context = inside(event, "requestContext")
    request_id = text(context, "requestId")
    return [f"lambda:{request_id}"] if request_id and "functionArn" in context else []


def dead_letter_keys(attributes: dict[str, Any]) -> list[str]:
    """Of an event that Lambda has put into a dead-letter queue or topic: its attributes name the invocation that failed."""
    if "RequestID" not in attributes or "ErrorCode" not in attributes:
        return []
    attribute = attributes["RequestID"]
    request_id = text(attribute, "stringValue") or text(attribute, "Value")
    return [f"lambda:{request_id}"] if request_id else []


def upload_keys(records: list[Any]) -> list[str]:
    """Of S3's notifications (S3: "Event message structure")."""
    keys = []
    for record in records[:_MOST_UPLOADS]:
        if text(record, "eventSource") == "aws:s3":
            keys += upload_record_keys(record)
    return keys


def upload_record_keys(record: dict[str, Any]) -> list[str]:
    request_id = text(inside(record, "responseElements"), "x-amz-request-id")
    s3 = inside(record, "s3")
    stored = inside(s3, "object")
    return _object_keys(
        request_id, text(inside(s3, "bucket"), "name"), object_name(stored), text(stored, "eTag")
    )


def bus_upload_keys(detail: dict[str, Any]) -> list[str]:
    """Of S3's events on EventBridge, whose object keys are as they are (S3: "EventBridge event message structure")."""
    stored = inside(detail, "object")
    bucket = text(inside(detail, "bucket"), "name")
    return _object_keys(text(detail, "request-id"), bucket, text(stored, "key"), text(stored, "etag"))


def object_name(stored: dict[str, Any]) -> str:
    """The key of an object, which S3's notifications encode like a form."""
    name = text(stored, "key")
    if "%" not in name and "+" not in name:
        return name
    from urllib.parse import unquote_plus

    return unquote_plus(name)


def _object_keys(request_id: str, bucket: str, name: str, etag: str) -> list[str]:
    """An object that is gone has no tag, and its name alone says too little."""
    keys = [f"s3req:{request_id}"] if request_id else []
    tag = etag.strip('"')
    return [*keys, f"s3obj:{bucket}/{name}#{tag}"] if bucket and name and tag else keys
