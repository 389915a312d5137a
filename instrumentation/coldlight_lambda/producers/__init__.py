"""What a function sends on: for each family of AWS services, what its spans say, and how the next one finds back to them.

A module of a family knows nothing of botocore; it reads parameters and answers as the SDK has them, and changes neither.
"""

from __future__ import annotations

from importlib import import_module

from coldlight_lambda.contexts import to_traceparent

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any, Optional, Protocol

    from coldlight_lambda.spans import Attributes, Context

    Parameters = Mapping[str, Any]
    Answer = Mapping[str, Any]

    class Family(Protocol):
        """Any of the modules beside this one that `FAMILIES` names."""

        SENDS: frozenset[str]
        """Operations that send messages: their spans are of kind PRODUCER."""

        def described(self, operation: str, parameters: Parameters) -> Attributes:
            """What is known before the call, in OpenTelemetry's words."""

        def carrying(self, operation: str, parameters: Parameters, carrier: Mapping[str, str]) -> Parameters:
            """Parameters that carry trace context to whom it may concern; the given ones where there is no way."""

        def produced(self, operation: str, parameters: Parameters, answer: Answer) -> list[str]:
            """The link keys of what the call has sent or written (DESIGN.md, "Link keys")."""


MOST_KEYS = 10_000
"""Link keys on one span."""

FAMILIES = {
    "SQS": "sqs",
    "SNS": "sns",
    "EventBridge": "eventbridge",
    "CloudWatch Events": "eventbridge",
    "Kinesis": "kinesis",
    "Firehose": "firehose",
    "DynamoDB": "dynamodb",
    "S3": "s3",
    "SFN": "stepfunctions",
    "Lambda": "functions",
}
"""By AWS's service id. A module is loaded when the function first calls its service."""

_FAILED = ("FailedEntryCount", "FailedRecordCount", "FailedPutCount")


def family_of(service: str) -> Optional[Family]:
    """What is known of a service; None for one that sends nothing on."""
    name = FAMILIES.get(service)
    found: Optional[Family] = import_module(f"{__name__}.{name}") if name else None
    return found


def carrier(context: Context) -> dict[str, str]:
    """W3C trace context as headers. A state that some service might refuse is left behind."""
    carried = {"traceparent": to_traceparent(context)}
    state = context.trace_state
    if state and state.isascii() and state.isprintable():
        carried["tracestate"] = state
    return carried


def accepted(answer: Answer) -> Attributes:
    """What the answer to a send says besides the keys: the message's id, or how many entries of a batch were refused."""
    refused = len(answer.get("Failed") or ()) or max([answer.get(name) or 0 for name in _FAILED])
    return {"messaging.message.id": answer.get("MessageId"), "coldlight.failed_entries": refused or None}
