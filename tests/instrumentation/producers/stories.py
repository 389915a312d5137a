"""Stories of two functions: what the first one calls, and what the second one is then given by whom it called.

Each takes the clients that look after moto, and a name for what it makes there.
"""

import base64
import json
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from io import BytesIO
from typing import Any, NamedTuple

from tests.instrumentation.producers.conftest import ACCOUNT, REGION
from tests.instrumentation.producers.deliveries import (
    Client,
    arn,
    of_queue,
    of_stream,
    of_table,
    queue_arn,
)
from tests.instrumentation.samples import sample

Call = tuple[str, str, dict[str, Any]]
ROLE = f"arn:aws:iam::{ACCOUNT}:role/any"


class Delivery(NamedTuple):
    """An invocation of the second function."""

    event: Any
    request_id: str = ""
    client_context: str = ""


@dataclass(frozen=True)
class Story:
    """`deliver` makes of the calls' answers, and of what moto holds by then, what the second function gets: so many `records`."""

    calls: list[Call]
    deliver: Callable[[list[Any]], list[Delivery]]
    records: int


def a_queue(client: Client, name: str) -> Story:
    url = client("sqs").create_queue(QueueName=name)["QueueUrl"]
    calls = _messages(url, {})
    return Story(calls, lambda told: [Delivery(_as_sent(of_queue(client, url), told))], 4)


def a_queue_whose_messages_are_full(client: Client, name: str) -> Story:
    """Ten attributes are all that a message may have: only AWS's own header carries context."""
    url = client("sqs").create_queue(QueueName=name)["QueueUrl"]
    full = {f"own{number}": {"DataType": "String", "StringValue": "own"} for number in range(10)}
    calls = _messages(url, {"MessageAttributes": full})
    return Story(calls, lambda told: [Delivery(_as_sent(of_queue(client, url), told))], 4)


def _messages(url: str, more: dict[str, Any]) -> list[Call]:
    entries = [{"Id": str(number), "MessageBody": f"order {number}", **more} for number in range(3)]
    return [
        ("sqs", "send_message", {"QueueUrl": url, "MessageBody": "order", **more}),
        ("sqs", "send_message_batch", {"QueueUrl": url, "Entries": entries}),
    ]


def _as_sent(event: Any, told: list[Any]) -> Any:
    """With the header that each message came with, as SQS keeps it and moto does not (X-Ray developer guide, "Amazon SQS and AWS X-Ray")."""
    headers = {}
    for call in told:
        for one in call["answer"].get("Successful", [call["answer"]]):
            headers[one["MessageId"]] = call["sent"]["X-Amzn-Trace-Id"]
    for record in event["Records"]:
        record["attributes"]["AWSTraceHeader"] = headers[record["messageId"]]
    return event


def a_topic(client: Client, name: str) -> Story:
    """Lambda is given one notification at a time."""
    url, calls = _topic(client, name)

    def deliver(_: Any) -> list[Delivery]:
        bodies = [json.loads(record["body"]) for record in of_queue(client, url)["Records"]]
        return [Delivery({"Records": [{"EventSource": "aws:sns", "Sns": body}]}) for body in bodies]

    return Story(calls, deliver, 4)


def a_topic_in_a_queue(client: Client, name: str) -> Story:
    url, calls = _topic(client, name)
    return Story(calls, lambda _: [Delivery(of_queue(client, url))], 4)


def _topic(client: Client, name: str) -> tuple[str, list[Call]]:
    """A topic with calls that publish there, and the queue that its notifications go to."""
    url = client("sqs").create_queue(QueueName=name)["QueueUrl"]
    topic = client("sns").create_topic(Name=name)["TopicArn"]
    client("sns").subscribe(TopicArn=topic, Protocol="sqs", Endpoint=queue_arn(url))
    entries = [{"Id": str(number), "Message": f"order {number}"} for number in range(3)]
    return url, [
        ("sns", "publish", {"TopicArn": topic, "Message": "order"}),
        ("sns", "publish_batch", {"TopicArn": topic, "PublishBatchRequestEntries": entries}),
    ]


def a_bus(client: Client, name: str) -> Story:
    url, calls = _bus(client, name)

    def deliver(_: Any) -> list[Delivery]:
        return [Delivery(json.loads(record["body"])) for record in of_queue(client, url)["Records"]]

    return Story(calls, deliver, 3)


def a_bus_in_a_queue(client: Client, name: str) -> Story:
    url, calls = _bus(client, name)
    return Story(calls, lambda _: [Delivery(of_queue(client, url))], 3)


def _bus(client: Client, name: str) -> tuple[str, list[Call]]:
    url = client("sqs").create_queue(QueueName=name)["QueueUrl"]
    client("events").put_rule(Name=name, EventPattern=json.dumps({"source": [name]}))
    client("events").put_targets(Rule=name, Targets=[{"Id": "queue", "Arn": queue_arn(url)}])
    entries = [
        {"Source": name, "DetailType": "order", "Detail": json.dumps({"order": number})}
        for number in range(3)
    ]
    return url, [
        ("events", "put_events", {"Entries": entries[:1]}),
        ("events", "put_events", {"Entries": entries[1:]}),
    ]


def a_stream(client: Client, name: str) -> Story:
    client("kinesis").create_stream(StreamName=name, ShardCount=1)
    records = [{"Data": json.dumps({"order": number}), "PartitionKey": str(number)} for number in range(3)]
    calls: list[Call] = [
        ("kinesis", "put_record", {"StreamName": name, **records[0]}),
        ("kinesis", "put_records", {"StreamName": name, "Records": records[1:]}),
    ]
    return Story(calls, lambda _: [Delivery(of_stream(client, name))], 3)


def a_delivery_stream(client: Client, name: str) -> Story:
    _bucket(client, name)
    destination = {"RoleARN": ROLE, "BucketARN": f"arn:aws:s3:::{name}"}
    client("firehose").create_delivery_stream(DeliveryStreamName=name, S3DestinationConfiguration=destination)
    records = [{"Data": "a"}, {"Data": "b"}, {"Data": "c"}]
    calls: list[Call] = [
        ("firehose", "put_record", {"DeliveryStreamName": name, "Record": records[0]}),
        ("firehose", "put_record_batch", {"DeliveryStreamName": name, "Records": records[1:]}),
    ]

    def deliver(told: list[Any]) -> list[Delivery]:
        one, batch = [call["answer"] for call in told]
        ids = [each["RecordId"] for each in (one, *batch["RequestResponses"])]
        given = [{"recordId": each, "data": "YQ=="} for each in ids]
        stream = arn("firehose", f"deliverystream/{name}")
        return [Delivery({"deliveryStreamArn": stream, "records": given})]

    return Story(calls, deliver, 3)


def a_table(client: Client, name: str) -> Story:
    client("dynamodb").create_table(
        TableName=name,
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
        StreamSpecification={"StreamEnabled": True, "StreamViewType": "KEYS_ONLY"},
    )

    def item(number: int) -> dict[str, Any]:
        return {"pk": {"S": f"order {number} €"}}

    change = {"UpdateExpression": "SET n = :n", "ExpressionAttributeValues": {":n": {"N": "1"}}}
    puts = [{"PutRequest": {"Item": item(number)}} for number in (3, 4)]
    writes = [
        {"Put": {"TableName": name, "Item": item(5)}},
        {"Update": {"TableName": name, "Key": item(6), **change}},
    ]
    calls: list[Call] = [
        ("dynamodb", "update_item", {"TableName": name, "Key": item(1), **change}),
        ("dynamodb", "put_item", {"TableName": name, "Item": item(2)}),
        ("dynamodb", "batch_write_item", {"RequestItems": {name: puts}}),
        ("dynamodb", "transact_write_items", {"TransactItems": writes}),
    ]
    return Story(calls, lambda _: [Delivery(of_table(client, name))], 6)


def _bucket(client: Client, name: str) -> None:
    client("s3").create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": REGION})


def a_bucket(client: Client, name: str) -> Story:
    _bucket(client, name)
    url = client("sqs").create_queue(QueueName=name)["QueueUrl"]
    wish = {"QueueArn": queue_arn(url), "Events": ["s3:ObjectCreated:*"]}
    client("s3").put_bucket_notification_configuration(
        Bucket=name, NotificationConfiguration={"QueueConfigurations": [wish]}
    )
    of_queue(client, url)  # S3 tries the queue out
    keys = ["a.csv", "reports/März 2026 +1.csv"]
    calls: list[Call] = [("s3", "put_object", {"Bucket": name, "Key": key, "Body": key}) for key in keys]

    def deliver(told: list[Any]) -> list[Delivery]:
        events = [json.loads(record["body"]) for record in of_queue(client, url)["Records"]]
        ids = {call["answer"]["ETag"].strip('"'): call["answer"]["ResponseMetadata"] for call in told}
        for record in [record for event in events for record in event["Records"]]:
            request = ids[record["s3"]["object"]["eTag"]]["RequestId"]
            record["responseElements"] = {"x-amz-request-id": request}  # which moto leaves out
        return [Delivery(event) for event in events]

    return Story(calls, deliver, 2)


def a_state_machine(client: Client, name: str) -> Story:
    definition = json.dumps({"StartAt": "A", "States": {"A": {"Type": "Pass", "End": True}}})
    machine = client("stepfunctions").create_state_machine(name=name, definition=definition, roleArn=ROLE)
    start = {"stateMachineArn": machine["stateMachineArn"], "input": '{"order": 7}'}

    def deliver(told: list[Any]) -> list[Delivery]:
        execution = client("stepfunctions").describe_execution(executionArn=told[0]["answer"]["executionArn"])
        run = {"Id": execution["executionArn"], "Input": json.loads(execution["input"])}
        machine = {"Id": start["stateMachineArn"], "Name": name}
        return [Delivery({"Execution": run, "State": {"Name": "A"}, "StateMachine": machine})]

    return Story([("stepfunctions", "start_execution", start)], deliver, 1)


def a_function(client: Client, name: str) -> Story:
    packed = BytesIO()
    with zipfile.ZipFile(packed, "w") as package:
        package.writestr("app.py", "def handler(event, context): ...")
    client("iam").create_role(RoleName=name, AssumeRolePolicyDocument="{}")
    client("lambda").create_function(
        FunctionName=name,
        Runtime="python3.12",
        Role=f"arn:aws:iam::{ACCOUNT}:role/{name}",
        Handler="app.handler",
        Code={"ZipFile": packed.getvalue()},
    )
    invoke = {"FunctionName": name, "Payload": '{"order": 7}'}

    def deliver(told: list[Any]) -> list[Delivery]:
        (call,) = told
        request_id = call["answer"]["ResponseMetadata"]["RequestId"]
        client_context = base64.b64decode(call["sent"]["X-Amz-Client-Context"]).decode()
        return [Delivery({"order": 7}, request_id, client_context)]

    return Story([("lambda", "invoke", invoke)], deliver, 1)


def an_http_api(client: Client, name: str, url: str) -> Story:
    def deliver(told: list[Any]) -> list[Delivery]:
        event, got = sample("apigateway-http"), told[0]["answer"]
        event["headers"] = got["headers"]
        event["requestContext"]["requestId"] = got["request_id"]
        return [Delivery(event)]

    return Story([("http", "GET", {"url": f"{url}/gateway"})], deliver, 1)
