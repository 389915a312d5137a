import json
from collections.abc import Iterator

import pytest
import requests
from botocore.exceptions import ClientError
from tests.instrumentation.http_echo import echo
from tests.instrumentation.producers.conftest import Aws
from tests.instrumentation.recordings import recording
from tests.otlp import attributes

from coldlight_lambda import payloads
from coldlight_lambda.payloads import REQUEST, RESPONSE
from coldlight_lambda.settings import Settings


@pytest.fixture(autouse=True)
def of_errors() -> Iterator[None]:
    payloads.set_up(Settings({}))
    yield
    payloads.set_up(Settings({"COLDLIGHT_PAYLOADS": "off"}))


def test_an_aws_call_that_was_refused_has_its_parameters_and_its_answer(aws: Aws) -> None:
    parameters = {
        "QueueUrl": "http://127.0.0.1/1/none",
        "MessageBody": json.dumps({"password": "hunter2", "n": 1}),
    }
    with pytest.raises(ClientError):
        aws.call(lambda: aws.client("sqs").send_message(**parameters))
    found = attributes(aws.recorded.span())
    sent = json.loads(found[REQUEST])
    assert sent["QueueUrl"] == parameters["QueueUrl"]
    assert json.loads(sent["MessageBody"]) == {"password": "***", "n": 1}
    assert json.loads(found[RESPONSE])["Error"]["Code"] == "AWS.SimpleQueueService.NonExistentQueue"


def test_an_aws_call_that_went_well_has_payloads_if_all_are_wanted(aws: Aws) -> None:
    aws.call(lambda: aws.client("sqs").list_queues(QueueNamePrefix="x"))
    payloads.set_up(Settings({"COLDLIGHT_PAYLOADS": "on"}))
    aws.call(lambda: aws.client("sqs").list_queues(QueueNamePrefix="y"))
    first, second = map(attributes, aws.recorded.spans())
    assert REQUEST not in first
    assert json.loads(second[REQUEST]) == {"QueueNamePrefix": "y"}
    assert "ResponseMetadata" in json.loads(second[RESPONSE])


def test_a_body_from_s3_is_left_to_the_function(aws: Aws) -> None:
    s3 = aws.client("s3")
    s3.create_bucket(Bucket="payloads", CreateBucketConfiguration={"LocationConstraint": s3.meta.region_name})
    s3.put_object(Bucket="payloads", Key="k", Body=b"content")
    payloads.set_up(Settings({"COLDLIGHT_PAYLOADS": "on"}))
    assert aws.call(lambda: s3.get_object(Bucket="payloads", Key="k")["Body"].read()) == b"content"
    assert (
        json.loads(attributes(aws.recorded.span())[RESPONSE])["Body"]
        == "<botocore.httpchecksum.StreamingChecksumBody>"
    )


def test_an_http_request_that_failed_has_headers_and_bodies() -> None:
    with echo() as url, recording() as recorded:
        headers = {"Authorization": "Bearer abcdefghijklmnopqrst"}
        recorded.invoke(
            lambda: requests.post(f"{url}/status/500", json={"token": "x", "n": 1}, headers=headers)
        )
    found = attributes(recorded.only())
    sent, came = json.loads(found[REQUEST]), json.loads(found[RESPONSE])
    assert sent["headers"]["Authorization"] == "***"
    assert json.loads(sent["body"]) == {"token": "***", "n": 1}
    assert json.loads(came["body"])["authorization"] == "***"


def test_an_answer_that_is_streamed_is_left_to_the_function() -> None:
    def work() -> bytes:
        with requests.get(f"{url}/status/500", stream=True) as response:
            return response.content

    with echo() as url, recording() as recorded:
        assert recorded.invoke(work).startswith(b"{")
    assert "body" not in json.loads(attributes(recorded.only())[RESPONSE])
