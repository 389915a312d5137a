"""A call of an AWS API as usage, from what its span says; and a trigger, by what delivers it.

A span rarely tells how large a message was, or how a table is billed. Then the least that such a call is billed for is
assumed, and the reason says so. Calls that are free are none; those of other services have no price here.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from math import ceil
from typing import Any

import orjson

from coldlight_query.cost.usage import Usage, chunks, gb_of_bytes, gb_seconds

_KB = 1024
_CHUNK = 64 * _KB

Attributes = Mapping[str, Any]


@dataclass(frozen=True)
class Call:
    """A span of an AWS SDK: `rpc.service`, `rpc.method`, `cloud.region`, its attributes, how long it took, and how many items
    it wrote (its link keys)."""

    service: str
    method: str
    region: str
    attributes: Attributes
    duration_ms: float = 0
    items: int = 1

    def count(self, name: str) -> int | None:
        """A number of 0 or more; None where it is not known."""
        try:
            number = int(self.attributes.get(name, ""))
        except (TypeError, ValueError):
            return None
        return number if number >= 0 else None

    @property
    def messages(self) -> int:
        """How many were sent at once."""
        return self.count("messaging.batch.message_count") or 1

    @property
    def size(self) -> int | None:
        """Bytes of the messages, where the span tells."""
        for name in ("messaging.message.envelope.size", "messaging.message.body.size"):
            if (size := self.count(name)) is not None:
                return size
        return None

    def usage(self, service: str, dimension: str, quantity: int | Decimal, *reasons: str) -> Usage:
        return Usage(service, self.region, dimension, Decimal(quantity), reasons)


def usage_of_call(call: Call) -> list[Usage]:
    """What a call is billed for. Empty for a free one, and for a service that is not known here."""
    price = _SERVICES.get(_canonical(call.service))
    return price(call) if price is not None else []


def is_priced(service: str) -> bool:
    """Whether calls of a service are known here: an unknown service's cost is unknown, and not 0."""
    return _canonical(service) in {*_SERVICES, *_BILLED_ELSEWHERE}


def _canonical(service: str) -> str:
    """`AmazonSQS`, `sqs` and `SQS` are one: SDKs, X-Ray and instrumentations name services in their own ways."""
    name = service.lower().replace(" ", "").removeprefix("amazon").removeprefix("aws")
    return _ALIASES.get(name, name)


_ALIASES = {
    "simplequeueservice": "sqs",
    "simplenotificationservice": "sns",
    "events": "eventbridge",
    "cloudwatchevents": "eventbridge",
    "sfn": "stepfunctions",
    "states": "stepfunctions",
    "dynamodbv2": "dynamodb",
    "simplestorageservice": "s3",
    "cloudwatchlogs": "logs",
}

_BILLED_ELSEWHERE = {"lambda"}
"""An invoked function's own invocation bears the cost."""


def _sqs(call: Call) -> list[Usage]:
    """Each action is a request for each 64 KB of it; what handles messages of a FIFO queue has its own price."""
    queue = str(
        call.attributes.get("aws.sqs.queue.url") or call.attributes.get("messaging.destination.name", "")
    )
    handles = call.method.startswith(("Send", "Receive", "Delete", "Change")) and call.method != "DeleteQueue"
    dimension = "fifo_requests" if queue.endswith(".fifo") and handles else "requests"
    return [_by_size(call, "sqs", dimension, 1, call.method.startswith("Send"))]


def _sns(call: Call) -> list[Usage]:
    if not call.method.startswith("Publish"):
        return [call.usage("sns", "requests", 1)]
    topic = str(
        call.attributes.get("aws.sns.topic.arn") or call.attributes.get("messaging.destination.name", "")
    )
    if not topic.endswith(".fifo"):
        return [_by_size(call, "sns", "requests", 1, True)]
    size = call.size
    reasons = () if size is not None else ("size unknown: each FIFO message as of 1 KB",)
    published = gb_of_bytes(call.messages * _KB if size is None else size)
    return [
        call.usage("sns", "fifo_requests", call.messages),
        call.usage("sns", "fifo_published_gb", published, *reasons),
    ]


def _eventbridge(call: Call) -> list[Usage]:
    """Each event is billed for each 64 KB of it, also in a batch."""
    return (
        [_by_size(call, "eventbridge", "custom_events", call.messages, True)]
        if call.method == "PutEvents"
        else []
    )


def _by_size(call: Call, service: str, dimension: str, least: int, carries: bool) -> Usage:
    """Requests of 64 KB; `carries` is whether the call has a payload whose size matters."""
    size = call.size
    if size is not None:
        return call.usage(service, dimension, max(least, chunks(size, _CHUNK)))
    reasons = ("size unknown: as of 64 KB at most",) if carries else ()
    return call.usage(service, dimension, least, *reasons)


def _stepfunctions(call: Call) -> list[Usage]:
    """A synchronous execution is an Express one: a request, and its time by 100 ms in blocks of 64 MB."""
    if call.method == "StartSyncExecution":
        billed_ms = 100 * ceil(call.duration_ms / 100)
        return [
            call.usage("stepfunctions", "express_requests", 1),
            call.usage("stepfunctions", "express_gb_seconds", gb_seconds(64, billed_ms), *_EXPRESS),
        ]
    if call.method == "StartExecution":
        assumed = "transitions unknown: one of a Standard workflow"
        return [call.usage("stepfunctions", "transitions", 1, assumed)]
    return []


_EXPRESS = ("memory unknown: one block of 64 MB", "duration as the caller saw it")

_READS = {"GetItem": 1, "BatchGetItem": 1, "Query": 1, "Scan": 1, "TransactGetItems": 4}
"""Halves of a read unit that such a call takes at least of an item: reads are eventually consistent unless they ask."""
_WRITES = {"PutItem": 1, "UpdateItem": 1, "DeleteItem": 1, "BatchWriteItem": 1, "TransactWriteItems": 2}
_ON_DEMAND = "the table's capacity mode is unknown: priced as on-demand"


def _dynamodb(call: Call) -> list[Usage]:
    """Request units of an on-demand table: those that were reported as consumed, or the least that the call takes."""
    consumed = _consumed_units(call.attributes.get("aws.dynamodb.consumed_capacity"))
    unknown = "consumed capacity unknown: the least of such a call"
    if call.method in _WRITES:
        least = _WRITES[call.method] * max(1, call.items)
        quantity, reasons = (
            (consumed, (_ON_DEMAND,)) if consumed is not None else (Decimal(least), (_ON_DEMAND, unknown))
        )
        return [call.usage("dynamodb", "write_units", quantity, *reasons)]
    if call.method in _READS:
        is_consistent = str(call.attributes.get("aws.dynamodb.consistent_read")).lower() == "true"
        least_halves = _READS[call.method] * (2 if is_consistent and call.method != "TransactGetItems" else 1)
        half = Decimal(least_halves) / 2
        quantity, reasons = (
            (consumed, (_ON_DEMAND,)) if consumed is not None else (half, (_ON_DEMAND, unknown))
        )
        return [call.usage("dynamodb", "read_units", quantity, *reasons)]
    return []


def _consumed_units(value: Any) -> Decimal | None:
    """The sum of `CapacityUnits`: a list of JSON texts, one for each table (semantic conventions, "AWS DynamoDB")."""
    entries = [entry for text in _texts(value) if type(entry := _parsed(text)) is dict]
    units = [
        Decimal(str(entry["CapacityUnits"])) for entry in entries if _is_number(entry.get("CapacityUnits"))
    ]
    return sum(units, Decimal(0)) if units else None


def _is_number(value: Any) -> bool:
    return type(value) in (int, float) and value >= 0


def _texts(value: Any) -> list[str]:
    """A list of texts, also as the JSON text that it is stored as."""
    if type(value) is str and value.startswith("["):
        value = _parsed(value)
    return [item for item in value if type(item) is str] if type(value) is list else []


def _parsed(text: str) -> Any:
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        return None


_S3_FREE = ("Delete", "Abort")
_S3_WRITES = ("Put", "Copy", "Post", "List", "Create", "Upload", "Complete", "Restore")


def _s3(call: Call) -> list[Usage]:
    """PUT, COPY, POST and LIST cost the one price, everything else the other; deleting is free."""
    if call.method.startswith(_S3_FREE):
        return []
    dimension = "write_requests" if call.method.startswith(_S3_WRITES) else "read_requests"
    return [call.usage("s3", dimension, 1, "storage class unknown: priced as Standard")]


def _kinesis(call: Call) -> list[Usage]:
    """On-demand streams bill what is written, each record as of 1 KB at least."""
    if call.method not in ("PutRecord", "PutRecords"):
        return []
    size = max(call.size or 0, call.messages * _KB)
    reasons = ["the stream's capacity mode is unknown: priced as on-demand"]
    if call.size is None:
        reasons.append("size unknown: each record as of 1 KB")
    return [call.usage("kinesis", "ingested_gb", gb_of_bytes(size), *reasons)]


def _logs(call: Call) -> list[Usage]:
    if call.method != "PutLogEvents":
        return []
    reasons = () if call.size is not None else ("size unknown: not counted",)
    return [call.usage("logs", "ingested_gb", gb_of_bytes(call.size or 0), *reasons)]


_SERVICES: dict[str, Callable[[Call], list[Usage]]] = {
    "sqs": _sqs,
    "sns": _sns,
    "eventbridge": _eventbridge,
    "stepfunctions": _stepfunctions,
    "dynamodb": _dynamodb,
    "s3": _s3,
    "kinesis": _kinesis,
    "logs": _logs,
}


_POLLED_AT_ONCE = 10
"""Messages that one request receives or deletes at most."""


def usage_of_trigger(trigger: str, region: str, attributes: Attributes) -> list[Usage]:
    """What delivering an event to a function is billed for beside the function: `trigger` is `coldlight.trigger`.

    Free are deliveries by SNS, EventBridge's rules and S3, and reads of DynamoDB's streams by Lambda. What other services
    charge by the hour is nobody's request in particular.
    """
    called = Call(trigger, "", region, attributes)
    if trigger == "apigateway-rest":
        return [called.usage("apigateway", "rest_requests", 1)]
    if trigger.startswith("apigateway-http"):
        return [called.usage("apigateway", "http_requests", 1, "size unknown: as of 512 KB at most")]
    if trigger == "apigateway-websocket":
        return [called.usage("apigateway", "websocket_messages", 1, "size unknown: as of 32 KB at most")]
    return _polls(called) if trigger == "sqs" else []


def _polls(called: Call) -> list[Usage]:
    """Lambda receives and deletes by tens; its empty polls are nobody's request."""
    requests = 2 * chunks(called.messages, _POLLED_AT_ONCE)
    name = str(called.attributes.get("messaging.destination.name", ""))
    dimension = "fifo_requests" if name.endswith(".fifo") else "requests"
    return [
        called.usage(
            "sqs", dimension, requests, "Lambda's polling: one receive and one deletion for ten messages"
        )
    ]
