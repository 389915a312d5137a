"""Amazon SNS (semantic conventions, "AWS SNS")."""

from __future__ import annotations

from coldlight_lambda.producers.messages import entries_of, messaging, with_context, with_entries

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Optional

    from coldlight_lambda.producers import Answer, Parameters
    from coldlight_lambda.spans import Attributes

_ONE, _BATCH = "Publish", "PublishBatch"
_ENTRIES = "PublishBatchRequestEntries"
SENDS = frozenset((_ONE, _BATCH))


def described(operation: str, parameters: Parameters) -> Attributes:
    topic = _topic(parameters)
    if operation not in SENDS:
        return {"aws.sns.topic.arn": topic}
    count = len(entries_of(parameters, _ENTRIES)) if operation == _BATCH else None
    name = topic.rpartition(":")[2] if topic else None
    return {"aws.sns.topic.arn": topic, **messaging("aws.sns", operation, name, count)}


def _topic(parameters: Parameters) -> Optional[str]:
    """A topic's ARN. Who is sent a text message or a notification on a phone is nobody's business."""
    arn = parameters.get("TopicArn") or parameters.get("TargetArn")
    return arn if isinstance(arn, str) and ":endpoint/" not in arn else None


def carrying(operation: str, parameters: Parameters, carrier: Mapping[str, str]) -> Parameters:
    """Only to topics: for a phone, attributes are instructions to the carrier."""
    if _topic(parameters) is None:
        return parameters
    if operation == _ONE:
        return with_context([parameters], "Message", carrier)[0]  # type: ignore[no-any-return]
    if operation == _BATCH:
        return with_entries(
            parameters, _ENTRIES, with_context(entries_of(parameters, _ENTRIES), "Message", carrier)
        )
    return parameters


def produced(operation: str, parameters: Parameters, answer: Answer) -> list[str]:
    accepted = {_ONE: [answer], _BATCH: answer.get("Successful") or []}.get(operation, [])
    return [f"sns:{message['MessageId']}" for message in accepted]
