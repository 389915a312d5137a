"""The services between functions: how each hands on what it is given, and by which keys its two ends know a record.

Sources: docs/lambda-layer.md for what the layer's spans say; AWS's documentation of each service for what it delivers.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from hashlib import sha256
from random import Random
from uuid import UUID

from benchmarks.attributes import Value

REGION, ACCOUNT = "eu-central-1", "123456789012"
WEB = "shop-web"
"""A service that is no function."""
_KAFKA_HOST = "b-1.shop.kafka.eu-central-1.amazonaws.com"
_KAFKA_ARN = f"arn:aws:kafka:{REGION}:{ACCOUNT}:cluster/shop/1"


class Delivery(Enum):
    """How records reach a function."""

    CALL = "the caller waits"
    PUSH = "one by one, with retries of the same request id"
    POLL = "in batches, each with a request id of its own"
    STATES = "one after the other, all with the key of their execution"


@dataclass(frozen=True)
class Service:
    """`core` is what the producer calls. `envelopes`, the outermost first, are what its record arrives in: each gives it an id
    that the producer has never seen. `is_bare`: the envelope hides the core's own id. `carries`: trace context travels."""

    name: str
    delivery: Delivery
    core: str
    call: str
    envelopes: tuple[str, ...] = ()
    carries: bool = False
    is_bare: bool = False
    hands_trace_on: bool = False
    """Whether the platform may start the function's trace with the sender's trace id, and no parent."""
    is_exact: bool = True

    @property
    def sends(self) -> bool:
        """Whether the call is a send: its span is of kind PRODUCER, and its message has a fate."""
        return self.core in _SENDS

    @property
    def source(self) -> str:
        """What the function sees as the source of its event."""
        return self.envelopes[0] if self.envelopes else self.core


_SENDS = {
    "sqs": "aws_sqs",
    "sns": "aws.sns",
    "eventbridge": "aws.eventbridge",
    "kinesis": "aws.kinesis",
    "kafka": "kafka",
}
_CALL, _PUSH, _POLL, _STATES = Delivery
_PUT = "S3.PutObject"

SERVICES: Mapping[str, Service] = {
    service.name: service
    for service in (
        Service("apigateway", _CALL, "apigateway", "POST", carries=True),
        Service("appsync", _CALL, "appsync", "POST", carries=True),
        Service("lambda", _CALL, "lambda", "Lambda.Invoke", carries=True),
        Service("lambda-async", _PUSH, "lambda", "Lambda.Invoke", hands_trace_on=True),
        Service("sns", _PUSH, "sns", "SNS.Publish", carries=True, hands_trace_on=True),
        Service("eventbridge", _PUSH, "eventbridge", "EventBridge.PutEvents", hands_trace_on=True),
        Service("s3", _PUSH, "s3", _PUT),
        Service("s3-sns", _PUSH, "s3", _PUT, ("sns",)),
        Service("s3-eventbridge", _PUSH, "s3", _PUT, ("eventbridge",)),
        Service("sqs", _POLL, "sqs", "SQS.SendMessage", carries=True),
        Service("sqs-fifo", _POLL, "sqs", "SQS.SendMessage", carries=True),
        Service("sns-sqs", _POLL, "sns", "SNS.Publish", ("sqs",), carries=True),
        Service("sns-sqs-raw", _POLL, "sns", "SNS.Publish", ("sqs",), carries=True, is_bare=True),
        Service("eventbridge-sqs", _POLL, "eventbridge", "EventBridge.PutEvents", ("sqs",)),
        Service("s3-sqs", _POLL, "s3", _PUT, ("sqs",)),
        Service("s3-sns-sqs", _POLL, "s3", _PUT, ("sqs", "sns")),
        Service("s3-eventbridge-sqs", _POLL, "s3", _PUT, ("sqs", "eventbridge")),
        Service("kinesis", _POLL, "kinesis", "Kinesis.PutRecord"),
        Service("dynamodb", _POLL, "dynamodb", "DynamoDB.UpdateItem", is_exact=False),
        Service("kafka", _POLL, "kafka", "kafka.send", carries=True),
        Service("stepfunctions", _STATES, "stepfunctions", "SFN.StartExecution"),
        Service("durable", _STATES, "durable", "Lambda.Invoke"),
    )
}
RESULT = Service("destination", _PUSH, "result", "")
RESULT_IN_QUEUE = Service("dead-letter", _POLL, "result", "", ("sqs",))
"""What Lambda itself sends of an invocation: no call, hence no span and no key but the invocation's own."""


def uuid(dice: Random) -> str:
    return str(UUID(bytes=dice.randbytes(16), version=4))


def produced(service: Service, place: str, item: str, dice: Random) -> tuple[str, ...]:
    """The link keys of one record in the producer's span. `place` is the queue, table ...; `item` what is written there."""
    match service.core:
        case "s3":
            return (
                f"s3req:{dice.randbytes(8).hex().upper()}",
                f"s3obj:{place}/{item}#{dice.randbytes(16).hex()}",
            )
        case "kinesis":
            return (f"kinesis:{place}:shardId-{dice.randrange(2):012}:{dice.getrandbits(120)}",)
        case "dynamodb":
            key = f'{{"pk":{{"S":"{item}"}}}}'
            return (f"dynamodb:{place}#{sha256(key.encode()).hexdigest()[:32]}",)
        case "kafka":
            return (f"kafka:{_KAFKA_HOST}:{place}:{dice.randrange(3)}:{dice.getrandbits(40)}",)
        case "stepfunctions":
            return (f"stepfunctions:arn:aws:states:{REGION}:{ACCOUNT}:execution:{place}:{uuid(dice)}",)
        case "durable":
            arn = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{place}:1/durable-execution/{uuid(dice)}/1"
            return f"lambda:{uuid(dice)}", f"durable:{arn}"
        case core:
            return (f"{core}:{uuid(dice)}",)


def consumed(service: Service, keys: tuple[str, ...], dice: Random) -> tuple[str, ...]:
    """The link keys of the same record in the consumer's event."""
    outer = tuple(f"{envelope}:{uuid(dice)}" for envelope in service.envelopes)
    if service.is_bare:
        return outer
    if service.core == "kafka":
        return tuple(key.replace(_KAFKA_HOST, name) for key in keys for name in (_KAFKA_ARN, _KAFKA_HOST))
    said = tuple(
        key
        for key in keys
        if service is RESULT_IN_QUEUE or service is RESULT or not key.startswith("lambda:")
    )
    return outer + said


def calls(service: Service, place: str, keys: tuple[str, ...]) -> dict[str, Value]:
    """What the producer's span says of its call."""
    name, _, method = service.call.partition(".")
    said: dict[str, Value] = {
        "rpc.system": "aws-api",
        "rpc.service": name,
        "rpc.method": method,
        "cloud.region": REGION,
    }
    if not method or service.core == "kafka":
        said = {"http.request.method": "POST", "http.response.status_code": 200} if not method else {}
    if service.sends:
        said["messaging.system"] = _SENDS[service.core]
        said["messaging.destination.name"] = place
        said |= {"messaging.operation.type": "send", "messaging.operation.name": method}
        if len(keys) > 1:
            said["messaging.batch.message_count"] = len(keys)
    if service.core == "s3":
        said["aws.s3.bucket"] = place
    if service.core == "dynamodb":
        said |= {
            "db.system.name": "aws.dynamodb",
            "db.collection.name": place,
            "aws.dynamodb.table_names": [place],
        }
    if service.core == "lambda":
        said |= {
            "aws.request_id": keys[0].partition(":")[2],
            "faas.invoked_name": place,
            "faas.invoked_provider": "aws",
        }
    return said


_TRIGGERS = {
    "apigateway": ("http", "apigateway-rest"),
    "appsync": ("http", "appsync"),
    "dynamodb": ("datasource", "dynamodb"),
    "s3": ("datasource", "s3"),
    "schedule": ("timer", "schedule"),
    "stepfunctions": ("other", "stepfunctions"),
    "durable": ("other", "durable"),
    "result": ("other", "destination"),
}


def triggers(source: str, place: str, count: int) -> dict[str, Value]:
    """What the invocation's span says of what set it off."""
    if source in ("lambda", "invoke"):
        return {"faas.trigger": "other"}
    kind, trigger = _TRIGGERS.get(source, ("pubsub", source))
    said: dict[str, Value] = {
        "faas.trigger": kind,
        "coldlight.trigger": trigger,
        "coldlight.trigger.name": place,
    }
    if source in _SENDS:
        said["messaging.system"] = _SENDS[source]
        said["messaging.operation.type"] = said["messaging.operation.name"] = "process"
        said["messaging.destination.name"] = place
        if source not in ("sns", "eventbridge"):
            said["messaging.batch.message_count"] = count
    if source == "dynamodb":
        said["aws.dynamodb.table_names"] = [place]
        said["coldlight.batch.record_count"] = count
    if source == "s3":
        said["aws.s3.bucket"] = place
    return said


def link_attributes(key: str) -> dict[str, Value]:
    """What a link says of the record whose sender it names, by the record's own key."""
    if key.startswith("kafka:"):
        _, partition, offset = key.rsplit(":", 2)
        return {"messaging.destination.partition.id": partition, "messaging.kafka.offset": int(offset)}
    is_kinesis = key.startswith("kinesis:")
    return {"messaging.message.id": key.rpartition(":")[2] if is_kinesis else key.partition(":")[2]}
