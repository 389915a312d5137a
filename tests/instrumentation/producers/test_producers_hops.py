"""Every hop from both of its sides: what the producer's span says, and what the function behind it reads from its event."""

import json
import zipfile
from collections.abc import Iterator
from io import BytesIO
from typing import Any

import pytest
from tests.instrumentation.producers.conftest import ACCOUNT, REGION, Aws, produced
from tests.instrumentation.producers.deliveries import arn, of_queue, of_stream, queue_arn
from tests.otlp import attributes

from coldlight_lambda.triggers import detect


def consumed(event: Any) -> list[str]:
    return detect(event, None).consumed


@pytest.fixture
def queue(aws: Aws) -> Iterator[str]:
    url = str(aws.client("sqs").create_queue(QueueName="orders")["QueueUrl"])
    yield url
    aws.client("sqs").delete_queue(QueueUrl=url)


def test_a_message_in_a_queue(aws: Aws, queue: str) -> None:
    answer = aws.call(lambda: aws.client("sqs").send_message(QueueUrl=queue, MessageBody="hello"))
    span = aws.recorded.span()
    trigger = detect(of_queue(aws.client, queue), None)
    assert produced(span) == trigger.consumed == [f"sqs:{answer['MessageId']}"]
    assert [link.context.span_id for link in trigger.links] == [span.span_id]


def test_a_batch_of_messages(aws: Aws, queue: str) -> None:
    entries = [{"Id": str(number), "MessageBody": f"message {number}"} for number in range(3)]
    aws.call(lambda: aws.client("sqs").send_message_batch(QueueUrl=queue, Entries=entries))
    span = aws.recorded.span()
    trigger = detect(of_queue(aws.client, queue), None)
    assert len(produced(span)) == 3
    assert sorted(produced(span)) == sorted(trigger.consumed)
    assert {link.context.span_id for link in trigger.links} == {span.span_id}


@pytest.mark.parametrize("is_raw", [False, True])
def test_a_notification_in_a_queue(aws: Aws, queue: str, is_raw: bool) -> None:
    topic = aws.client("sns").create_topic(Name=f"topic-{is_raw}")["TopicArn"]
    wish = {"RawMessageDelivery": str(is_raw).lower()}
    aws.client("sns").subscribe(TopicArn=topic, Protocol="sqs", Endpoint=queue_arn(queue), Attributes=wish)
    aws.call(lambda: aws.client("sns").publish(TopicArn=topic, Message="hello"))
    span = aws.recorded.span()
    trigger = detect(of_queue(aws.client, queue), None)
    assert produced(span)[0].startswith("sns:")
    assert is_raw or produced(span)[0] in trigger.consumed
    assert [link.context.span_id for link in trigger.links] == [span.span_id]


def test_a_batch_of_notifications(aws: Aws, queue: str) -> None:
    topic = aws.client("sns").create_topic(Name="batch")["TopicArn"]
    aws.client("sns").subscribe(TopicArn=topic, Protocol="sqs", Endpoint=queue_arn(queue))
    entries = [{"Id": str(number), "Message": f"message {number}"} for number in range(3)]
    aws.call(lambda: aws.client("sns").publish_batch(TopicArn=topic, PublishBatchRequestEntries=entries))
    keys = produced(aws.recorded.span())
    assert len(keys) == 3
    assert set(keys) <= set(consumed(of_queue(aws.client, queue)))


def test_an_event_of_a_bus_in_a_queue(aws: Aws, queue: str) -> None:
    events = aws.client("events")
    events.put_rule(Name="all", EventPattern=json.dumps({"source": ["shop"]}))
    events.put_targets(Rule="all", Targets=[{"Id": "queue", "Arn": queue_arn(queue)}])
    entry = {"Source": "shop", "DetailType": "order", "Detail": '{"id": 7}'}
    aws.call(lambda: events.put_events(Entries=[entry, {**entry, "Detail": "no JSON"}]))
    span = aws.recorded.span()
    (key,) = produced(span)
    assert key.startswith("eventbridge:")
    assert key in consumed(of_queue(aws.client, queue))
    assert attributes(span)["coldlight.failed_entries"] == 1


@pytest.mark.parametrize("by_arn", [False, True])
def test_records_of_a_stream(aws: Aws, by_arn: bool) -> None:
    name = f"clicks-{by_arn}"
    aws.client("kinesis").create_stream(StreamName=name, ShardCount=1)
    stream = {"StreamARN": arn("kinesis", f"stream/{name}")} if by_arn else {"StreamName": name}
    records = [{"Data": b"a", "PartitionKey": "1"}, {"Data": b"b", "PartitionKey": "2"}]
    aws.call(lambda: aws.client("kinesis").put_record(**stream, Data=b"c", PartitionKey="3"))
    aws.call(lambda: aws.client("kinesis").put_records(**stream, Records=records))
    one, batch = aws.recorded.spans()
    assert (len(produced(one)), len(produced(batch))) == (1, 2)
    assert produced(one) + produced(batch) == consumed(of_stream(aws.client, name))


def test_records_for_firehose(aws: Aws) -> None:
    aws.client("s3").create_bucket(Bucket="lake", CreateBucketConfiguration={"LocationConstraint": REGION})
    firehose = aws.client("firehose")
    to = {"RoleARN": f"arn:aws:iam::{ACCOUNT}:role/any", "BucketARN": "arn:aws:s3:::lake"}
    firehose.create_delivery_stream(DeliveryStreamName="clicks", S3DestinationConfiguration=to)
    answer = aws.call(
        lambda: firehose.put_record_batch(
            DeliveryStreamName="clicks", Records=[{"Data": b"a"}, {"Data": b"b"}]
        )
    )
    ids = [record["RecordId"] for record in answer["RequestResponses"]]
    records = [{"recordId": each, "data": "YQ=="} for each in ids]
    event = {"deliveryStreamArn": arn("firehose", "deliverystream/clicks"), "records": records}
    assert produced(aws.recorded.span()) == consumed(event) == [f"firehose:{each}" for each in ids]


@pytest.mark.parametrize("key", ["a.csv", "reports/März 2026 +1.csv"])
def test_an_upload(aws: Aws, queue: str, key: str) -> None:
    s3, bucket = aws.client("s3"), f"uploads-{len(key)}"
    s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": REGION})
    wish = {"QueueArn": queue_arn(queue), "Events": ["s3:ObjectCreated:*"]}
    s3.put_bucket_notification_configuration(
        Bucket=bucket, NotificationConfiguration={"QueueConfigurations": [wish]}
    )
    of_queue(aws.client, queue)  # S3 tries the queue out
    answer = aws.call(lambda: s3.put_object(Bucket=bucket, Key=key, Body=b"a;b"))
    span = aws.recorded.span()
    request_id, etag = answer["ResponseMetadata"]["RequestId"], answer["ETag"].strip('"')
    assert produced(span) == [f"s3req:{request_id}", f"s3obj:{bucket}/{key}#{etag}"]
    event = json.loads(of_queue(aws.client, queue)["Records"][-1]["body"])
    event["Records"][0]["responseElements"] = {"x-amz-request-id": request_id}  # moto leaves it out
    assert set(produced(span)) == set(consumed(event))


def test_an_upload_in_parts_and_a_copy(aws: Aws) -> None:
    s3 = aws.client("s3")
    s3.create_bucket(Bucket="parts", CreateBucketConfiguration={"LocationConstraint": REGION})
    upload = s3.create_multipart_upload(Bucket="parts", Key="a")["UploadId"]
    part = s3.upload_part(Bucket="parts", Key="a", UploadId=upload, PartNumber=1, Body=b"a")["ETag"]
    parts = {"Parts": [{"PartNumber": 1, "ETag": part}]}
    aws.call(
        lambda: s3.complete_multipart_upload(Bucket="parts", Key="a", UploadId=upload, MultipartUpload=parts)
    )
    aws.call(lambda: s3.copy_object(Bucket="parts", Key="b", CopySource={"Bucket": "parts", "Key": "a"}))
    for key, span in zip("ab", aws.recorded.spans(), strict=True):
        etag = s3.head_object(Bucket="parts", Key=key)["ETag"].strip('"')
        assert produced(span)[1:] == [f"s3obj:parts/{key}#{etag}"]


def test_the_execution_of_a_state_machine(aws: Aws) -> None:
    workflows = aws.client("stepfunctions")
    definition = json.dumps({"StartAt": "A", "States": {"A": {"Type": "Pass", "End": True}}})
    machine = workflows.create_state_machine(
        name="orders", definition=definition, roleArn=f"arn:aws:iam::{ACCOUNT}:role/any"
    )["stateMachineArn"]
    answer = aws.call(lambda: workflows.start_execution(stateMachineArn=machine, input="{}"))
    execution = workflows.describe_execution(executionArn=answer["executionArn"])
    context_object = {
        "Execution": {"Id": execution["executionArn"], "Input": {}},
        "State": {"Name": "A"},
        "StateMachine": {"Id": machine},
    }
    assert (
        produced(aws.recorded.span())
        == consumed(context_object)
        == [f"stepfunctions:{answer['executionArn']}"]
    )
    assert attributes(aws.recorded.span())["aws.step_functions.state_machine.arn"] == machine


@pytest.fixture
def function(aws: Aws) -> str:
    packed = BytesIO()
    with zipfile.ZipFile(packed, "w") as package:
        package.writestr("app.py", "def handler(event, context): ...")
    role = aws.client("iam").create_role(RoleName="any", AssumeRolePolicyDocument="{}")["Role"]["Arn"]
    aws.client("lambda").create_function(
        FunctionName="billing",
        Runtime="python3.12",
        Role=role,
        Handler="app.handler",
        Code={"ZipFile": packed.getvalue()},
    )
    return "billing"


def test_the_invocation_of_another_function(aws: Aws, function: str) -> None:
    answer = aws.call(lambda: aws.client("lambda").invoke(FunctionName=function, Payload=b"{}"))
    span = aws.recorded.span()
    assert produced(span) == [f"lambda:{answer['ResponseMetadata']['RequestId']}"]
    assert attributes(span)["faas.invoked_name"] == "billing"
    assert answer["Payload"].read() == b"{}"
