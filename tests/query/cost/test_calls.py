"""What calls of AWS APIs are billed for, as their spans tell."""

from typing import Any

import pytest

from coldlight_query.cost.call_usage import Call, is_priced, usage_of_call, usage_of_trigger

KB = 1024


def used(
    service: str, method: str, duration_ms: float = 0, items: int = 1, /, **attributes: Any
) -> dict[str, float]:
    """Dimension and quantity; attributes with `_` for `.`."""
    named = {key.replace("__", "."): value for key, value in attributes.items()}
    found = usage_of_call(Call(service, method, "us-east-1", named, duration_ms, items))
    return {f"{usage.service} {usage.dimension}": float(usage.quantity) for usage in found}


def reasons(service: str, method: str, **attributes: Any) -> list[str]:
    named = {key.replace("__", "."): value for key, value in attributes.items()}
    found = usage_of_call(Call(service, method, "us-east-1", named))
    return [reason for usage in found for reason in usage.why_estimated]


@pytest.mark.parametrize("name", ["SQS", "sqs", "AmazonSQS", "Simple Queue Service"])
def test_services_are_known_by_all_their_names(name: str) -> None:
    assert used(name, "SendMessage") == {"sqs requests": 1}


def test_sqs_bills_each_64_kb_as_a_request() -> None:
    assert used("SQS", "SendMessageBatch", messaging__message__body__size=64 * KB + 1) == {"sqs requests": 2}
    assert reasons("SQS", "SendMessage", messaging__message__body__size=10) == []
    assert reasons("SQS", "SendMessage") == ["size unknown: as of 64 KB at most"]


def test_fifo_queues_have_their_own_price_for_messages() -> None:
    url = "https://sqs.us-east-1.amazonaws.com/1/orders.fifo"
    assert used("SQS", "SendMessage", aws__sqs__queue__url=url) == {"sqs fifo_requests": 1}
    assert used("SQS", "GetQueueAttributes", aws__sqs__queue__url=url) == {"sqs requests": 1}


def test_sns_bills_publishing_and_of_fifo_topics_the_bytes() -> None:
    arn = "arn:aws:sns:us-east-1:1:orders"
    assert used("SNS", "Publish", aws__sns__topic__arn=arn) == {"sns requests": 1}
    fifo = used(
        "SNS", "PublishBatch", aws__sns__topic__arn=f"{arn}.fifo", messaging__batch__message_count="4"
    )
    assert fifo == {"sns fifo_requests": 4, "sns fifo_published_gb": 4 * KB / KB**3}


def test_eventbridge_bills_each_event_of_a_batch() -> None:
    assert used("EventBridge", "PutEvents", messaging__batch__message_count="10") == {
        "eventbridge custom_events": 10
    }
    assert used("EventBridge", "DescribeRule") == {}


def test_dynamodb_bills_consumed_units_where_they_are_known() -> None:
    consumed = '["{\\"TableName\\":\\"orders\\",\\"CapacityUnits\\":2.5}","{\\"CapacityUnits\\":1}"]'
    assert used("DynamoDB", "Query", aws__dynamodb__consumed_capacity=consumed) == {
        "dynamodb read_units": 3.5
    }
    assert reasons("DynamoDB", "Query", aws__dynamodb__consumed_capacity=consumed) == [
        "the table's capacity mode is unknown: priced as on-demand"
    ]


@pytest.mark.parametrize(
    ("method", "attributes", "units"),
    [
        ("GetItem", {}, {"dynamodb read_units": 0.5}),
        ("GetItem", {"aws__dynamodb__consistent_read": "true"}, {"dynamodb read_units": 1}),
        ("PutItem", {}, {"dynamodb write_units": 1}),
        ("DescribeTable", {}, {}),
        ("Query", {"aws__dynamodb__consumed_capacity": '["not json", "{}"]'}, {"dynamodb read_units": 0.5}),
    ],
)
def test_dynamodb_bills_the_least_that_such_a_call_takes(
    method: str, attributes: dict[str, str], units: dict[str, float]
) -> None:
    assert used("DynamoDB", method, **attributes) == units


def test_batches_and_transactions_write_item_by_item() -> None:
    assert used("DynamoDB", "BatchWriteItem", 0, 25) == {"dynamodb write_units": 25}
    assert used("DynamoDB", "TransactWriteItems", 0, 3) == {"dynamodb write_units": 6}


def test_s3_writes_cost_more_than_reads_and_deleting_nothing() -> None:
    assert used("S3", "PutObject") == used("S3", "ListObjectsV2") == {"s3 write_requests": 1}
    assert used("S3", "HeadObject") == {"s3 read_requests": 1}
    assert used("S3", "DeleteObjects") == {}


def test_an_express_workflow_bills_its_time_in_tenths_of_a_second() -> None:
    found = used("SFN", "StartSyncExecution", 250.0)
    assert found == {"stepfunctions express_requests": 1, "stepfunctions express_gb_seconds": 0.3 * 64 / 1024}


def test_kinesis_and_logs_bill_bytes() -> None:
    assert used("Kinesis", "PutRecords", messaging__batch__message_count="1024") == {
        "kinesis ingested_gb": 2**20 / KB**3
    }
    assert used("CloudWatch Logs", "PutLogEvents", messaging__message__body__size=KB**3) == {
        "logs ingested_gb": 1
    }


def test_an_invoked_function_bears_its_own_cost() -> None:
    assert used("Lambda", "Invoke") == {}
    assert is_priced("Lambda")
    assert not is_priced("Bedrock Runtime")


def test_triggers_are_billed_by_what_delivers_them() -> None:
    def of(trigger: str, **attributes: str) -> dict[str, float]:
        found = usage_of_trigger(
            trigger, "us-east-1", {key.replace("__", "."): text for key, text in attributes.items()}
        )
        return {f"{usage.service} {usage.dimension}": float(usage.quantity) for usage in found}

    assert of("apigateway-rest") == {"apigateway rest_requests": 1}
    assert of("apigateway-http-1.0") == {"apigateway http_requests": 1}
    assert of("sqs", messaging__batch__message_count="11") == {"sqs requests": 4}
    assert of("sns") == of("schedule") == of("dynamodb") == {}
