"""The events that Lambda makes of what other services hold for a function: here, of what moto holds."""

import base64
import json
from collections.abc import Callable
from typing import Any

from tests.instrumentation.producers.conftest import ACCOUNT, REGION

Client = Callable[[str], Any]


def arn(service: str, resource: str) -> str:
    return f"arn:aws:{service}:{REGION}:{ACCOUNT}:{resource}"


def queue_arn(queue: str) -> str:
    return arn("sqs", queue.rpartition("/")[2])


def of_queue(client: Client, queue: str) -> dict[str, Any]:
    """Of what is in a queue, by its URL (Lambda developer guide, "Using Lambda with Amazon SQS")."""
    answer = client("sqs").receive_message(
        QueueUrl=queue, MaxNumberOfMessages=10, AttributeNames=["All"], MessageAttributeNames=["All"]
    )
    return {"Records": [_message(message, queue) for message in answer["Messages"]]}


def _message(message: Any, queue: str) -> dict[str, Any]:
    given = message.get("MessageAttributes") or {}
    return {
        "messageId": message["MessageId"],
        "receiptHandle": message["ReceiptHandle"],
        "body": _as_sns_has_it(message["Body"]),
        "attributes": message["Attributes"],
        "messageAttributes": {
            name: {"stringValue": value["StringValue"], "dataType": value["DataType"]}
            for name, value in given.items()
        },
        "eventSource": "aws:sqs",
        "eventSourceARN": queue_arn(queue),
        "awsRegion": REGION,
    }


def _as_sns_has_it(body: str) -> str:
    """A notification begins with its type; moto sorts it by its names."""
    if '"Notification"' not in body:
        return body
    notification = json.loads(body)
    return json.dumps({"Type": notification["Type"], **notification}, indent=2)


def of_stream(client: Client, name: str) -> dict[str, Any]:
    """Of a stream's records (Lambda developer guide, "Using Lambda to process records from Amazon Kinesis Data Streams")."""
    kinesis = client("kinesis")
    (shard,) = kinesis.list_shards(StreamName=name)["Shards"]
    iterator = kinesis.get_shard_iterator(
        StreamName=name, ShardId=shard["ShardId"], ShardIteratorType="TRIM_HORIZON"
    )["ShardIterator"]
    return {
        "Records": [
            {
                "kinesis": {
                    "sequenceNumber": record["SequenceNumber"],
                    "partitionKey": record["PartitionKey"],
                    "data": base64.b64encode(record["Data"]).decode(),
                },
                "eventID": f"{shard['ShardId']}:{record['SequenceNumber']}",
                "eventSource": "aws:kinesis",
                "eventSourceARN": arn("kinesis", f"stream/{name}"),
            }
            for record in kinesis.get_records(ShardIterator=iterator)["Records"]
        ]
    }


def of_table(client: Client, table: str) -> dict[str, Any]:
    """Of a table's stream (Lambda developer guide, "Process DynamoDB records with Lambda")."""
    streams = client("dynamodbstreams")
    stream = streams.list_streams(TableName=table)["Streams"][0]["StreamArn"]
    shard = streams.describe_stream(StreamArn=stream)["StreamDescription"]["Shards"][0]["ShardId"]
    iterator = streams.get_shard_iterator(StreamArn=stream, ShardId=shard, ShardIteratorType="TRIM_HORIZON")
    answer = streams.get_records(ShardIterator=iterator["ShardIterator"])
    records = [_change(record["dynamodb"]) for record in answer["Records"]]
    return {
        "Records": [
            {**record, "dynamodb": change, "eventSource": "aws:dynamodb", "eventSourceARN": stream}
            for record, change in zip(answer["Records"], records, strict=True)
        ]
    }


def _change(change: Any) -> Any:
    """With its time as an event has it, in Unix seconds."""
    return {
        **change,
        "ApproximateCreationDateTime": change["ApproximateCreationDateTime"].timestamp(),
    }
