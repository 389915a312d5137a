import hashlib
import json
from types import SimpleNamespace
from typing import Any

from awslambdaric.lambda_context import LambdaContext
from tests.instrumentation.samples import (
    FIRST,
    FIRST_HEADER,
    SECOND,
    XRAY,
    known,
    parent,
    sample,
    senders,
    trigger,
)

from coldlight_lambda.triggers import trigger_of


def test_a_table_tells_its_changes() -> None:
    found = trigger("dynamodb")
    assert known(found) == {
        "faas.trigger": "datasource",
        "coldlight.trigger": "dynamodb",
        "coldlight.trigger.name": "orders",
        "faas.document.collection": "orders",
        "faas.document.operation": "insert",
        "aws.dynamodb.table_names": ["orders"],
        "coldlight.batch.record_count": 2,
    }


def test_an_item_is_known_by_the_hash_of_its_key() -> None:
    written = '{"pk":{"S":"Käse"},"sk":{"N":"2"}}'.encode()
    expected = [
        "dynamodb:orders#83c10959759d7aeb254f2883a47758a1",
        f"dynamodb:orders#{hashlib.sha256(written).hexdigest()[:32]}",
    ]
    assert trigger("dynamodb").consumed == expected


def test_a_bucket_tells_its_object() -> None:
    assert known(trigger("s3")) == {
        "faas.trigger": "datasource",
        "coldlight.trigger": "s3",
        "coldlight.trigger.name": "shop-uploads",
        "faas.document.collection": "shop-uploads",
        "faas.document.operation": "insert",
        "faas.document.name": "photos/red flower, 2.jpg",
        "faas.document.time": "2025-01-16T10:11:12.192Z",
        "aws.s3.bucket": "shop-uploads",
        "aws.s3.key": "photos/red flower, 2.jpg",
    }


def test_an_object_that_is_gone_is_known_by_the_request_alone() -> None:
    found = trigger("s3-removed")
    assert known(found)["faas.document.operation"] == "delete"
    assert found.consumed == ["s3req:0BH729840619AG5K"]


def test_a_schedule_is_known_by_its_rule_or_its_own_name() -> None:
    rule, schedule = trigger("schedule-rule"), trigger("schedule-scheduler")
    assert known(rule) == {
        "faas.trigger": "timer",
        "coldlight.trigger": "schedule",
        "coldlight.trigger.name": "nightly-report",
        "faas.time": "2025-01-16T10:11:12Z",
    }
    assert known(schedule)["coldlight.trigger.name"] == "hourly-sync"
    assert rule.consumed == ["eventbridge:53dc4d37-cffa-4f76-80c9-8b7d4a4d2eaa"]


def test_a_state_machine_tells_its_execution_wherever_the_context_object_stands() -> None:
    arn = "arn:aws:states:eu-central-1:111122223333:execution:checkout:e7c5f6a8"
    for name in ("stepfunctions", "stepfunctions-nested"):
        found = trigger(name)
        assert found.consumed == [f"stepfunctions:{arn}"]
        assert parent(found) == FIRST
        assert known(found)["coldlight.step_functions.state.name"] == "Charge"
        assert known(found)["coldlight.step_functions.state.retry_count"] == 2
        assert known(found)["coldlight.trigger.name"] == "checkout"


def test_a_function_that_is_told_of_an_execution_is_no_part_of_it() -> None:
    arn = sample("stepfunctions")["Execution"]["Id"]
    assert trigger_of({"executionArn": arn, "Execution": {"Id": arn}}, None).consumed == []


def test_a_durable_function_tells_its_execution() -> None:
    assert trigger("durable").consumed == [f"durable:{sample('durable')['DurableExecutionArn']}"]


def test_a_resolver_tells_its_field_and_its_request() -> None:
    found = trigger("appsync")
    assert known(found) == {
        "faas.trigger": "http",
        "coldlight.trigger": "appsync",
        "coldlight.trigger.name": "Mutation.createOrder",
        "graphql.operation.type": "mutation",
        "server.address": "abc.appsync-api.eu-central-1.amazonaws.com",
    }
    assert parent(found) == XRAY
    assert found.consumed == ["appsync:1b0aa3b5-4fbd-4a0b-8f5a-8d5d8a0d6c3e"]


def test_appsync_has_other_shapes_of_events() -> None:
    assert known(trigger("appsync-batch"))["coldlight.batch.record_count"] == 2
    assert known(trigger("appsync-amplify"))["coldlight.trigger.name"] == "Query.orders"
    assert parent(trigger("appsync-amplify")) == SECOND
    assert known(trigger("appsync-channel"))["coldlight.trigger.name"] == "PUBLISH orders"
    assert trigger("appsync-authorizer").consumed == ["appsync:b80ed838-14c6-4500-b4c3-b694c7bef086"]
    assert parent(trigger("appsync-authorizer")) == FIRST


def test_a_user_pool_tells_its_trigger_and_not_its_user() -> None:
    attributes = known(trigger("cognito"))
    assert attributes["coldlight.trigger.name"] == "eu-central-1_AbCdEf"
    assert attributes["coldlight.cognito.trigger_source"] == "PostConfirmation_ConfirmSignUp"
    assert "somebody" not in json.dumps(attributes)


def test_an_invocation_with_a_payload_of_its_own_is_other() -> None:
    assert known(trigger("invoke")) == {"faas.trigger": "other"}
    assert parent(trigger("invoke-with-headers")) == FIRST


def invoked(custom: Any) -> LambdaContext:
    return LambdaContext(
        "request", {"custom": custom}, None, 1, "arn:aws:lambda:eu-central-1:111122223333:function:f"
    )


def test_the_callers_client_context_names_the_parent() -> None:
    found = trigger_of({"order": 7}, invoked({"traceparent": FIRST_HEADER, "tracestate": "shop=1"}))
    assert parent(found) == FIRST
    assert found.parent is not None
    assert found.parent.trace_state == "shop=1"
    assert known(found) == {"faas.trigger": "other", "coldlight.trigger": "lambda"}


def test_who_invokes_with_a_copy_of_a_batch_is_the_parent_beside_the_links() -> None:
    found = trigger_of(sample("sqs"), invoked({"traceparent": FIRST_HEADER}))
    assert parent(found) == FIRST
    assert len(senders(found)) == 2


def test_a_client_context_of_any_shape_is_borne() -> None:
    shapes: list[Any] = [None, "text", [], {"traceparent": 7}, {"traceparent": "broken"}]
    for custom in shapes:
        assert known(trigger_of({}, invoked(custom))) == {"faas.trigger": "other"}
    assert parent(trigger_of({}, SimpleNamespace(client_context="odd"))) is None
