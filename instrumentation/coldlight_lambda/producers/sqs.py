"""Amazon SQS (semantic conventions, "AWS SQS")."""

from __future__ import annotations

from coldlight_lambda.producers.messages import entries_of, messaging, with_context, with_entries

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from coldlight_lambda.producers import Answer, Parameters
    from coldlight_lambda.spans import Attributes

_ONE, _BATCH = "SendMessage", "SendMessageBatch"
SENDS = frozenset((_ONE, _BATCH))


def described(operation: str, parameters: Parameters) -> Attributes:
    url = parameters.get("QueueUrl")
    if operation not in SENDS or not isinstance(url, str):
        return {"aws.sqs.queue.url": url}
    count = len(entries_of(parameters, "Entries")) if operation == _BATCH else None
    return {"aws.sqs.queue.url": url, **messaging("aws_sqs", operation, url.rpartition("/")[2], count)}


def carrying(operation: str, parameters: Parameters, carrier: Mapping[str, str]) -> Parameters:
    if operation == _ONE:
        return with_context([parameters], "MessageBody", carrier)[0]  # type: ignore[no-any-return]
    if operation == _BATCH:
        return with_entries(
            parameters, "Entries", with_context(entries_of(parameters, "Entries"), "MessageBody", carrier)
        )
    return parameters


def produced(operation: str, parameters: Parameters, answer: Answer) -> list[str]:
    accepted = {_ONE: [answer], _BATCH: answer.get("Successful") or []}.get(operation, [])
    return [f"sqs:{message['MessageId']}" for message in accepted]
