"""The span of an API call, and that a function sees nothing of it."""

import asyncio
import socket
from collections.abc import Callable, Iterator
from io import BytesIO
from typing import Any

import boto3
import botocore.client
import pytest
from botocore.awsrequest import AWSResponse
from botocore.config import Config
from botocore.exceptions import ClientError, EndpointConnectionError, ParamValidationError
from tests.instrumentation.injection import harm
from tests.instrumentation.producers.conftest import REGION, Aws
from tests.otlp import attributes

from coldlight_lambda import frames
from coldlight_lambda.patches import botocore as patches
from coldlight_lambda.producers import bodies
from coldlight_lambda.spans import CLIENT, ERROR, PRODUCER, UNSET


class Raw(BytesIO):
    """A body as botocore reads it off the connection."""

    def stream(self) -> Iterator[bytes]:
        yield self.read()


def test_a_call_is_a_span_below_the_invocation(aws: Aws) -> None:
    answer = aws.call(lambda: aws.client("sqs").create_queue(QueueName="calls"))
    span = aws.recorded.span()
    root = [content for kind, content in aws.recorded.kept if kind == frames.END]
    assert (span.name, span.kind) == ("SQS.CreateQueue", CLIENT)
    assert span.parent_span_id == type(span).FromString(root[0]).span_id
    assert attributes(span) == {
        "rpc.system": "aws-api",
        "rpc.service": "SQS",
        "rpc.method": "CreateQueue",
        "cloud.region": REGION,
        "aws.request_id": answer["ResponseMetadata"]["RequestId"],
        "http.response.status_code": 200,
    }


def test_a_send_says_what_went_where(aws: Aws) -> None:
    client = aws.client("sqs")
    url = client.create_queue(QueueName="calls")["QueueUrl"]
    answer = aws.call(lambda: client.send_message(QueueUrl=url, MessageBody="hello"))
    entries = [{"Id": "1", "MessageBody": "a"}, {"Id": "2", "MessageBody": "b"}]
    aws.call(lambda: client.send_message_batch(QueueUrl=url, Entries=entries))
    one, batch = aws.recorded.spans()
    assert (one.name, one.kind, batch.kind) == ("SQS.SendMessage", PRODUCER, PRODUCER)
    told = attributes(one)
    assert told["messaging.system"] == "aws_sqs"
    assert (told["messaging.operation.type"], told["messaging.operation.name"]) == ("send", "SendMessage")
    assert (told["messaging.destination.name"], told["aws.sqs.queue.url"]) == ("calls", url)
    assert told["messaging.message.id"] == answer["MessageId"]
    assert attributes(batch)["messaging.batch.message_count"] == 2


def test_the_shipper_knows_of_a_call_before_it_leaves(aws: Aws) -> None:
    aws.call(lambda: aws.client("sqs").list_queues())
    kinds = [kind for kind, _ in aws.recorded.kept]
    assert kinds == [frames.START, frames.OPEN, frames.SPAN, frames.END]


def test_an_error_of_aws_is_told_by_its_code(aws: Aws) -> None:
    client = aws.client("sqs")
    with pytest.raises(client.exceptions.QueueDoesNotExist):
        aws.call(lambda: client.get_queue_url(QueueName="nowhere"))
    span = aws.recorded.span()
    assert span.status.code == ERROR
    assert "GetQueueUrl" in span.status.message
    assert attributes(span)["error.type"] == "AWS.SimpleQueueService.NonExistentQueue"
    assert attributes(span)["http.response.status_code"] == 400
    assert [event.name for event in span.events] == ["exception"]


def test_parameters_that_are_wrong_are_an_error_of_the_call(aws: Aws) -> None:
    with pytest.raises(ParamValidationError, match="Missing required parameter"):
        aws.call(lambda: aws.client("sqs").send_message(MessageBody="hello"))
    span = aws.recorded.span()
    assert attributes(span)["error.type"] == "botocore.exceptions.ParamValidationError"
    assert span.status.code == ERROR


@pytest.mark.parametrize(
    ("service", "call"),
    [
        ("sqs", "send_message_batch"),
        ("sns", "publish_batch"),
        ("events", "put_events"),
        ("kinesis", "put_records"),
        ("firehose", "put_record_batch"),
        ("lambda", "invoke"),
        ("stepfunctions", "start_execution"),
        ("s3", "put_object"),
        ("dynamodb", "put_item"),
        ("dynamodb", "transact_write_items"),
    ],
)
def test_what_the_function_forgets_to_say_is_told_by_the_sdk_alone(aws: Aws, service: str, call: str) -> None:
    with pytest.raises(ParamValidationError):
        aws.call(getattr(aws.client(service), call))
    assert aws.recorded.span().status.code == ERROR


def test_an_invoked_function_that_failed_is_an_error_of_the_call(aws: Aws) -> None:
    client = aws.client("lambda")

    def fail(request: Any, **_: Any) -> AWSResponse:
        headers = {"X-Amz-Function-Error": "Unhandled", "x-amzn-RequestId": "7-7"}
        return AWSResponse(request.url, 200, headers, Raw(b'{"errorMessage": "no"}'))

    client.meta.events.register("before-send", fail)
    answer = aws.call(lambda: client.invoke(FunctionName="billing", Payload=b"{}"))
    client.meta.events.unregister("before-send", fail)
    span = aws.recorded.span()
    assert answer["FunctionError"] == attributes(span)["error.type"] == "Unhandled"
    assert span.status.code == ERROR
    assert attributes(span)["coldlight.link.produced"] == ["lambda:7-7"]


def test_something_that_was_not_modified_is_no_error(aws: Aws) -> None:
    s3 = aws.client("s3")
    s3.create_bucket(Bucket="calls", CreateBucketConfiguration={"LocationConstraint": REGION})
    etag = s3.put_object(Bucket="calls", Key="a", Body=b"a")["ETag"]
    with pytest.raises(ClientError):
        aws.call(lambda: s3.get_object(Bucket="calls", Key="a", IfNoneMatch=etag))
    span = aws.recorded.span()
    assert attributes(span)["http.response.status_code"] == 304
    assert span.status.code == UNSET


def test_retries_of_an_endpoint_that_is_not_there_are_counted(aws: Aws) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{closed.getsockname()[1]}"
        config = Config(retries={"mode": "standard", "total_max_attempts": 2})
        client = boto3.Session("any", "any", region_name=REGION).client(
            "sqs", endpoint_url=url, config=config
        )
        with pytest.raises(EndpointConnectionError):
            aws.call(client.list_queues)
    assert attributes(aws.recorded.span())["http.request.resend_count"] == 1


def test_retries_that_helped_are_counted(aws: Aws) -> None:
    client, failures = aws.client("sts"), [OSError("the connection was reset")]

    def fail_once(**_: Any) -> None:
        if failures:
            raise botocore.exceptions.ConnectionClosedError(endpoint_url="any") from failures.pop()

    client.meta.events.register("before-send", fail_once)
    aws.call(client.get_caller_identity)
    client.meta.events.unregister("before-send", fail_once)
    assert attributes(aws.recorded.span())["http.request.resend_count"] == 1


def test_retries_of_a_call_within_a_call_are_not_the_outer_ones(aws: Aws) -> None:
    """Credentials are asked for in the middle of a call."""
    config = Config(retries={"mode": "standard", "total_max_attempts": 2})
    session = boto3.Session("any", "any", region_name=REGION)
    inner, outer = session.client("sts", endpoint_url="http://127.0.0.1:1", config=config), aws.client("sqs")

    def ask(**_: Any) -> None:
        with pytest.raises(EndpointConnectionError):
            inner.get_caller_identity()

    def both() -> None:
        ask()  # from now on its retries are heard of
        outer.list_queues()

    outer.meta.events.register("before-send", ask)
    try:
        aws.call(both)
    finally:
        outer.meta.events.unregister("before-send", ask)
    counts = [attributes(span).get("http.request.resend_count") for span in aws.recorded.spans()]
    assert counts == [1, None]


def test_outside_of_invocations_nothing_is_recorded(aws: Aws) -> None:
    aws.client("sqs").list_queues()
    assert aws.recorded.kept == []


def test_patching_twice_records_once(aws: Aws) -> None:
    patches.patch(botocore.client)
    aws.call(lambda: aws.client("sqs").list_queues())
    assert len(aws.recorded.spans()) == 1


def test_spans_of_calls_are_beside_each_other_and_leave_the_invocations_current(aws: Aws) -> None:
    def twice() -> None:
        with pytest.raises(ClientError):
            aws.client("sqs").get_queue_url(QueueName="nowhere")
        aws.client("sqs").list_queues()

    aws.call(twice)
    first, second = aws.recorded.spans()
    assert first.parent_span_id == second.parent_span_id


def test_context_in_bodies_is_a_setting(aws: Aws, monkeypatch: pytest.MonkeyPatch) -> None:
    class Module:
        class BaseClient:
            def _make_api_call(self, operation_name: str, api_params: Any) -> Any: ...

    monkeypatch.setenv("COLDLIGHT_PROPAGATE_IN_BODIES", "true")
    patches.patch(Module)
    assert bodies.choice["is_asked"]


class AsyncModule:
    """As `aiobotocore.client` is made: a client of its own whose method is a coroutine."""

    class AioBaseClient:
        def __init__(self, client: Any, call: Callable[..., Any]) -> None:
            self.meta = client.meta
            self.client, self.call = client, call

        async def _make_api_call(self, operation_name: str, api_params: Any) -> Any:
            await asyncio.sleep(0)
            return self.call(self.client, operation_name, api_params)


def test_the_calls_of_asynchronous_clients_are_recorded_too(aws: Aws) -> None:
    plain = aws.unpatched
    patches.patch(AsyncModule)
    client = AsyncModule.AioBaseClient(aws.client("sqs"), plain)

    async def several() -> list[Any]:
        calls = [client._make_api_call("CreateQueue", {"QueueName": f"calls{number}"}) for number in range(2)]
        urls = [answer["QueueUrl"] for answer in await asyncio.gather(*calls)]
        with pytest.raises(ClientError):
            await client._make_api_call("GetQueueUrl", {"QueueName": "nowhere"})
        return urls

    assert len(aws.call(lambda: asyncio.run(several()))) == 2
    spans = aws.recorded.spans()
    assert [span.name for span in spans] == ["SQS.CreateQueue", "SQS.CreateQueue", "SQS.GetQueueUrl"]
    assert len({span.parent_span_id for span in spans}) == 1


def outcome(work: Callable[[], Any]) -> Any:
    """What a function gets: an answer without what differs from call to call, or an error."""
    try:
        answer = work()
    except ClientError as error:
        return type(error).__name__, str(error), error.response["Error"]
    return {name: part for name, part in answer.items() if name not in VARYING}


VARYING = ("ResponseMetadata", "MessageId", "MD5OfMessageAttributes", "SequenceNumber", "Successful")
CALLS: dict[str, Callable[[Any, str], Any]] = {
    "a message": lambda client, url: client("sqs").send_message(QueueUrl=url, MessageBody="hello"),
    "messages": lambda client, url: client("sqs").send_message_batch(
        QueueUrl=url, Entries=[{"Id": "1", "MessageBody": "hello"}]
    ),
    "a queue that is not there": lambda client, url: client("sqs").send_message(
        QueueUrl=f"{url}-of-nobody", MessageBody="hello"
    ),
    "a read": lambda client, url: client("dynamodb").list_tables(Limit=1),
    "a table that is not there": lambda client, url: client("dynamodb").update_item(
        TableName="nowhere", Key={"pk": {"S": "a"}}
    ),
}


@pytest.mark.parametrize("call", CALLS)
def test_whatever_fails_in_us_the_function_does_not_notice(
    aws: Aws, call: str, capsys: pytest.CaptureFixture[str]
) -> None:
    url = aws.client("sqs").create_queue(QueueName="calls")["QueueUrl"]
    assert harm(lambda: outcome(lambda: CALLS[call](aws.client, url)), aws.call) == []
    capsys.readouterr()  # one line of log is all that is to be seen
