"""Where the fields of a segment document go. The documents are in the form of AWS's guide, with values of our own."""

from typing import Any

import pytest
from opentelemetry.proto.trace.v1.trace_pb2 import Status
from tests.collector.xray_documents import (
    attributes_of,
    independent,
    plain,
    resource_of,
    segment,
    sent,
    span_of,
    spans_of,
    subsegment,
    xray_trace_id,
)

from coldlight_storage.testing import clock_ns, span_id, trace_id

SERVED = {
    "request": {
        "url": "https://shop.example/orders?id=1",
        "method": "POST",
        "user_agent": "curl/8",
        "client_ip": "192.0.2.7",
        "x_forwarded_for": True,
    },
    "response": {"status": 201, "content_length": 86},
}
STACK = [{"path": "shop/pay.py", "line": 12, "label": "pay"}, {"label": "main"}]
DECLINED = {
    "id": "00000000000000e1",
    "type": "Declined",
    "message": "no money",
    "remote": True,
    "truncated": 3,
    "skipped": 1,
    "cause": "00000000000000e2",
    "stack": STACK,
}


def test_a_served_request() -> None:
    assert attributes_of(segment(http=SERVED)) == {
        "url.full": "https://shop.example/orders?id=1",
        "http.request.method": "POST",
        "user_agent.original": "curl/8",
        "client.address": "192.0.2.7",
        "aws.xray.x_forwarded_for": True,
        "http.response.status_code": 201,
        "http.response.body.size": 86,
    }


def test_a_call_over_http_names_its_server() -> None:
    call = {
        "request": {"url": "http://[2001:db8::1]:8080/pay", "method": "PUT", "traced": True},
        "response": {"status": 500, "content_length": -1},
    }
    assert attributes_of(independent(namespace="remote", http=call)) == {
        "aws.xray.type": "subsegment",
        "aws.xray.namespace": "remote",
        "url.full": "http://[2001:db8::1]:8080/pay",
        "http.request.method": "PUT",
        "aws.xray.traced": True,
        "http.response.status_code": 500,
        "aws.xray.http.response.content_length": -1,
        "server.address": "2001:db8::1",
        "server.port": 8080,
    }


def test_a_call_of_dynamodb() -> None:
    aws = {
        "operation": "GetItem",
        "region": "eu-west-1",
        "account_id": "123456789012",
        "request_id": "R1",
        "table_name": "orders",
        "resource_names": ["orders"],
        "retries": 2,
        "consistent_read": True,
        "consumed_capacity": {"CapacityUnits": 0.5},
    }
    assert attributes_of(independent(name="DynamoDB", namespace="aws", aws=aws)) == {
        "aws.xray.type": "subsegment",
        "aws.xray.namespace": "aws",
        "rpc.system": "aws-api",
        "rpc.service": "DynamoDB",
        "rpc.method": "GetItem",
        "cloud.region": "eu-west-1",
        "aws.account_id": "123456789012",
        "aws.request_id": "R1",
        "aws.dynamodb.table_names": ["orders"],
        "aws.xray.retries": 2,
        "aws.xray.aws.resource_names": ["orders"],
        "aws.xray.aws.consistent_read": True,
        "aws.xray.aws.consumed_capacity": {"CapacityUnits": 0.5},
    }


@pytest.mark.parametrize(
    ("field", "value", "key", "stored"),
    [
        ("queue_url", "https://sqs.example/1/q", "aws.sqs.queue.url", "https://sqs.example/1/q"),
        ("table_names", ["a", "b"], "aws.dynamodb.table_names", ["a", "b"]),
        ("bucket_name", "pictures", "aws.s3.bucket", "pictures"),
        ("key", "cat.png", "aws.s3.key", "cat.png"),
        ("id_2", "x/y=", "aws.extended_request_id", "x/y="),
        ("topic_arn", "arn:aws:sns:::t", "aws.sns.topic.arn", "arn:aws:sns:::t"),
        ("stream_name", "clicks", "aws.kinesis.stream_name", "clicks"),
        ("function_name", "resize", "faas.invoked_name", "resize"),
        (
            "function_arn",
            "arn:aws:lambda:::function:f",
            "aws.lambda.invoked_arn",
            "arn:aws:lambda:::function:f",
        ),
    ],
)
def test_what_a_call_of_aws_was_about(field: str, value: Any, key: str, stored: Any) -> None:
    assert attributes_of(independent(aws={field: value}))[key] == stored


def test_a_query() -> None:
    sql = {
        "url": "jdbc:postgresql://db.example:5432/shop?ssl=true",
        "preparation": "statement",
        "database_type": "PostgreSQL",
        "database_version": "17.1",
        "driver_version": "42.7",
        "user": "app",
        "sanitized_query": "SELECT * FROM orders WHERE id = ?",
    }
    assert attributes_of(independent(name="shop@db.example", namespace="remote", sql=sql)) == {
        "aws.xray.type": "subsegment",
        "aws.xray.namespace": "remote",
        "db.system.name": "postgresql",
        "db.namespace": "shop",
        "db.query.text": "SELECT * FROM orders WHERE id = ?",
        "db.user": "app",
        "db.connection_string": "jdbc:postgresql://db.example:5432/shop?ssl=true",
        "server.address": "db.example",
        "server.port": 5432,
        "aws.xray.sql.preparation": "statement",
        "aws.xray.sql.database_type": "PostgreSQL",
        "aws.xray.sql.database_version": "17.1",
        "aws.xray.sql.driver_version": "42.7",
    }


def test_the_resource_of_a_segment() -> None:
    aws = {
        "account_id": "123456789012",
        "ec2": {
            "instance_id": "i-1",
            "availability_zone": "eu-west-1a",
            "instance_type": "m7",
            "ami_id": "ami-1",
        },
        "ecs": {"container": "c-1", "container_id": "c1", "task_arn": "arn:aws:ecs:::task/1"},
        "elastic_beanstalk": {"environment_name": "prod", "version_label": "v7", "deployment_id": 32},
        "xray": {"sdk": "X-Ray for Go", "sdk_version": "1.8", "sampling_rule_name": "Default"},
    }
    document = segment(
        name="shop",
        aws=aws,
        origin="AWS::ElasticBeanstalk::Environment",
        resource_arn="arn:aws:elasticbeanstalk:::environment/prod",
        service={"version": "v7", "runtime": "CPython", "runtime_version": "3.13", "compiler": "gc"},
    )
    assert resource_of(document) == {
        "service.name": "shop",
        "service.version": "v7",
        "service.namespace": "prod",
        "service.instance.id": "32",
        "process.runtime.name": "CPython",
        "process.runtime.version": "3.13",
        "cloud.provider": "aws",
        "cloud.platform": "aws_elastic_beanstalk",
        "cloud.account.id": "123456789012",
        "cloud.availability_zone": "eu-west-1a",
        "cloud.resource_id": "arn:aws:elasticbeanstalk:::environment/prod",
        "host.id": "i-1",
        "host.type": "m7",
        "host.image.id": "ami-1",
        "container.name": "c-1",
        "container.id": "c1",
        "aws.ecs.task.arn": "arn:aws:ecs:::task/1",
        "telemetry.sdk.name": "X-Ray for Go",
        "telemetry.sdk.version": "1.8",
        "telemetry.sdk.language": "go",
        "aws.xray.origin": "AWS::ElasticBeanstalk::Environment",
    }
    assert attributes_of(document) == {
        "aws.xray.aws.xray.sampling_rule_name": "Default",
        "aws.xray.service.compiler": "gc",
    }


def test_two_fields_of_one_attribute_are_both_kept() -> None:
    document = segment(
        service={"version": "2.0"},
        aws={"elastic_beanstalk": {"version_label": "build 7"}, "ec2": {"availability_zone": "a"}},
    )
    told = resource_of(document)
    assert told["service.version"] == "2.0"
    assert told["aws.xray.aws.elastic_beanstalk.version_label"] == "build 7"


def test_annotations_keep_their_keys_and_types() -> None:
    annotations = {"customer": "c-1", "items": 3, "total": 9.5, "gift": False, "huge": 2**70}
    assert attributes_of(segment(annotations=annotations)) == {
        "customer": "c-1",
        "items": 3,
        "total": 9.5,
        "gift": False,
        "huge": str(2**70),
        "aws.xray.annotations": ["customer", "items", "total", "gift", "huge"],
    }


def test_an_annotation_cannot_pass_for_something_else() -> None:
    annotations = {"enduser.id": "somebody", "coldlight.partial": True}
    attributes = attributes_of(segment(user="me", annotations=annotations))
    assert attributes == {
        "enduser.id": "me",
        "aws.xray.annotation.enduser.id": "somebody",
        "aws.xray.annotation.coldlight.partial": True,
        "aws.xray.annotations": ["enduser.id", "coldlight.partial"],
    }


def test_metadata_stay_as_nested_as_they_were_sent() -> None:
    metadata = {"default": {"cart": [{"sku": "a", "n": 1}, None, 2.5]}, "debug": "on"}
    assert attributes_of(segment(metadata=metadata)) == {
        "aws.xray.metadata.default": {"cart": [{"sku": "a", "n": 1}, None, 2.5]},
        "aws.xray.metadata.debug": "on",
    }


@pytest.mark.parametrize("flag", ["error", "fault", "throttle"])
def test_each_kind_of_failure_is_an_error(flag: str) -> None:
    span = span_of(segment(**{flag: True}))
    assert span.status.code == Status.STATUS_CODE_ERROR
    assert plain(span.attributes) == {f"aws.xray.{flag}": True}


def test_flags_that_are_false_are_no_error() -> None:
    span = span_of(segment(error=False, fault=False, throttle=False))
    assert span.status.code == Status.STATUS_CODE_UNSET


def test_an_exception_is_an_event_at_the_end_of_the_span() -> None:
    cause = {"working_directory": "/srv", "paths": ["lib"], "exceptions": [DECLINED]}
    span = span_of(segment(fault=True, cause=cause))
    [event] = span.events
    assert (event.name, event.time_unix_nano) == ("exception", clock_ns(1))
    assert plain(event.attributes) == {
        "aws.xray.exception.id": "00000000000000e1",
        "exception.type": "Declined",
        "exception.message": "no money",
        "aws.xray.exception.remote": True,
        "aws.xray.exception.truncated": 3,
        "aws.xray.exception.skipped": 1,
        "aws.xray.exception.cause": "00000000000000e2",
        "exception.stacktrace": "Declined: no money\n\tat pay(shop/pay.py: 12)\n\tat main(: <unknown>)\n",
    }
    assert (span.status.code, span.status.message) == (Status.STATUS_CODE_ERROR, "no money")
    assert plain(span.attributes) == {
        "aws.xray.fault": True,
        "aws.xray.cause.working_directory": "/srv",
        "aws.xray.cause.paths": ["lib"],
    }


def test_a_cause_may_be_the_id_of_an_exception_elsewhere() -> None:
    inner = subsegment(2, fault=True, cause={"exceptions": [DECLINED]})
    outer, call = spans_of(segment(1, fault=True, cause="00000000000000e1", subsegments=[inner]))
    assert plain(outer.attributes)["aws.xray.cause"] == "00000000000000e1"
    assert (len(outer.events), len(call.events)) == (0, 1)


def test_a_stack_of_another_form_is_kept_as_it_is() -> None:
    [event] = span_of(segment(cause={"exceptions": [{"id": "e", "stack": [["pay", 12]]}]})).events
    assert plain(event.attributes)["aws.xray.exception.stack"] == [["pay", 12]]


def test_links_lead_to_other_traces() -> None:
    good = {
        "trace_id": xray_trace_id(9),
        "id": span_id(8).hex(),
        "attributes": {"queue": "pay"},
        "why": "batch",
    }
    bad = {"trace_id": "elsewhere", "id": span_id(8).hex()}
    span = span_of(segment(links=[good, bad]))
    [link] = span.links
    assert (link.trace_id, link.span_id) == (trace_id(9), span_id(8))
    assert plain(link.attributes) == {"queue": "pay", "aws.xray.link.why": "batch"}
    assert plain(span.attributes) == {"aws.xray.links": [bad]}


def test_who_asked_and_what_came_before() -> None:
    document = independent(user="u-1", precursor_ids=[span_id(3).hex()], inferred=True)
    assert attributes_of(document) == {
        "aws.xray.type": "subsegment",
        "enduser.id": "u-1",
        "aws.xray.precursor_ids": [span_id(3).hex()],
        "aws.xray.inferred": True,
    }


@pytest.mark.parametrize(
    ("fields", "kept"),
    [
        ({"http": "GET /"}, {"aws.xray.http": "GET /"}),
        ({"http": {"request": ["GET"]}}, {"aws.xray.http.request": ["GET"]}),
        ({"http": {"response": {"status": "200"}}}, {"aws.xray.http.response.status": "200"}),
        ({"http": {"response": {"status": True}}}, {"aws.xray.http.response.status": True}),
        ({"aws": [1]}, {"aws.xray.aws": [1]}),
        ({"sql": {"user": {"name": "app"}}}, {"aws.xray.sql.user": {"name": "app"}}),
        ({"annotations": ["a"]}, {"aws.xray.annotations": ["a"]}),
        ({"metadata": 7}, {"aws.xray.metadata": 7}),
        ({"links": "none"}, {"aws.xray.links": "none"}),
        ({"subsegments": {}}, {"aws.xray.subsegments": {}}),
        ({"in_progress": "no"}, {"aws.xray.in_progress": "no"}),
        ({"error": "yes"}, {"aws.xray.error": "yes"}),
        ({"origin": 1}, {"aws.xray.origin": 1}),
        ({"colour": "red"}, {"aws.xray.colour": "red"}),
        ({"user": ""}, {}),
        ({"aws": None}, {}),
    ],
)
def test_what_a_field_should_not_hold_is_kept_where_it_was(
    fields: dict[str, Any], kept: dict[str, Any]
) -> None:
    assert attributes_of(segment(**fields)) == kept


def test_a_cause_without_exceptions_to_read_is_kept() -> None:
    assert attributes_of(segment(cause={"exceptions": ["boom"]})) == {"aws.xray.cause.exceptions": ["boom"]}


def test_each_document_has_its_own_resource() -> None:
    groups, _ = sent(segment(1, name="a"), segment(2, name="b"))
    assert [plain(group.resource.attributes)["service.name"] for group in groups] == ["a", "b"]
