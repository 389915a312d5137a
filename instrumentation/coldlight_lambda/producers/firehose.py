"""Amazon Data Firehose."""

from __future__ import annotations

from coldlight_lambda.producers.messages import entries_of, messaging

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from coldlight_lambda.producers import Answer, Parameters
    from coldlight_lambda.spans import Attributes

_ONE, _BATCH = "PutRecord", "PutRecordBatch"
SENDS = frozenset((_ONE, _BATCH))


def described(operation: str, parameters: Parameters) -> Attributes:
    if operation not in SENDS:
        return {}
    count = len(entries_of(parameters, "Records")) if operation == _BATCH else None
    return messaging("aws.firehose", operation, parameters.get("DeliveryStreamName"), count)


def carrying(operation: str, parameters: Parameters, carrier: Mapping[str, str]) -> Parameters:
    return parameters  # what is in a record ends up in a file, as it is


def produced(operation: str, parameters: Parameters, answer: Answer) -> list[str]:
    accepted = {_ONE: [answer], _BATCH: answer.get("RequestResponses") or []}.get(operation, [])
    return [f"firehose:{record['RecordId']}" for record in accepted if record.get("RecordId")]
