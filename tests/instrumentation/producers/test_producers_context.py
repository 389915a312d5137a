"""The trace context that a function's calls carry, and what they leave alone."""

import base64
import copy
import json
import os
from functools import partial
from typing import Any

import pytest
from botocore.exceptions import ClientError
from tests.instrumentation.producers.conftest import ACCOUNT, RECEIVED, REGION, Aws, produced
from tests.otlp import attributes

from coldlight_lambda import producers
from coldlight_lambda.contexts import from_traceparent, from_xray, xray_fields
from coldlight_lambda.producers import bodies, functions, gateways, kinesis, messages, sns
from coldlight_lambda.spans import Context

CARRIER = {"traceparent": "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", "tracestate": "a=b"}
TOPIC = f"arn:aws:sns:{REGION}:{ACCOUNT}:topic"


@pytest.fixture
def queue(aws: Aws) -> str:
    return str(aws.client("sqs").create_queue(QueueName="carried")["QueueUrl"])


def string(value: str) -> dict[str, str]:
    return {"DataType": "String", "StringValue": value}


def sent(aws: Aws, **parameters: Any) -> dict[str, Any]:
    """The parameters of a message as they leave the process."""
    body = aws.wire("sqs", lambda: aws.client("sqs").send_message(**parameters)).body
    message: dict[str, Any] = json.loads(body)
    return message


def test_a_message_carries_its_spans_context(aws: Aws, queue: str) -> None:
    message = sent(aws, QueueUrl=queue, MessageBody="hello", MessageAttributes={"own": string("1")})
    span = aws.recorded.span()
    context = from_traceparent(message["MessageAttributes"]["traceparent"]["StringValue"])
    assert context is not None
    assert (context.trace_id, context.span_id) == (span.trace_id, span.span_id)
    assert message["MessageAttributes"]["own"] == string("1")
    assert message["MessageBody"] == "hello"


@pytest.mark.parametrize(("own", "carried"), [(8, 2), (9, 1), (10, 0)])
def test_context_takes_what_is_left_of_ten_attributes(own: int, carried: int) -> None:
    given = {
        "MessageBody": "hello",
        "MessageAttributes": {f"own{number}": string("1") for number in range(own)},
    }
    (message,) = messages.with_context([given], "MessageBody", CARRIER)
    added = [name for name in message["MessageAttributes"] if name in CARRIER]
    assert added == list(CARRIER)[:carried]


def test_a_message_that_has_context_keeps_it() -> None:
    given = {"MessageBody": "hello", "MessageAttributes": {"traceparent": string("of another")}}
    assert messages.with_context([given], "MessageBody", CARRIER) == [given]


def test_messages_that_fill_a_call_stay_as_they_are() -> None:
    given = [{"MessageBody": "x" * 131_000}, {"MessageBody": "ü" * 65_500}]
    assert messages.with_context(given, "MessageBody", CARRIER) == given
    assert messages.with_context(given[:1], "MessageBody", CARRIER) != given[:1]


def test_a_call_that_has_nothing_of_ours_in_it_is_made_once(aws: Aws, queue: str) -> None:
    attributes_of_ten = {f"own{number}": string("1") for number in range(10)}
    entries = [{"Id": "1", "MessageBody": "x" * 300_000, "MessageAttributes": attributes_of_ten}]
    seen: list[Any] = []
    client = aws.client("sqs")
    client.meta.events.register("before-send", lambda request, **_: seen.append(request), unique_id="see")
    for parameters in (
        {"QueueUrl": queue + "-of-nobody", "Entries": entries},
        {"QueueUrl": queue, "Entries": []},
    ):
        with pytest.raises(ClientError):
            aws.call(partial(client.send_message_batch, **parameters))
    client.meta.events.unregister("before-send", unique_id="see")
    assert len(seen) == 2


def test_what_the_function_hands_over_is_never_changed(aws: Aws, queue: str) -> None:
    attribute = {"own": string("1")}
    entries = [{"Id": "1", "MessageBody": "hello", "MessageAttributes": attribute}]
    before = copy.deepcopy(entries)
    aws.call(lambda: aws.client("sqs").send_message_batch(QueueUrl=queue, Entries=entries))
    assert entries == before
    assert entries[0]["MessageAttributes"] is attribute


def test_a_queue_for_short_messages_takes_one_that_our_context_made_too_long(aws: Aws) -> None:
    client = aws.client("sqs")
    short = client.create_queue(QueueName="short", Attributes={"MaximumMessageSize": "1024"})["QueueUrl"]
    answer = aws.call(lambda: client.send_message(QueueUrl=short, MessageBody="x" * 1000))
    assert produced(aws.recorded.span()) == [f"sqs:{answer['MessageId']}"]
    assert attributes(aws.recorded.span())["http.response.status_code"] == 200
    with pytest.raises(ClientError, match="1024 bytes"):
        aws.call(lambda: client.send_message(QueueUrl=short, MessageBody="x" * 1100))


def test_attributes_for_a_phone_are_left_alone() -> None:
    for somebody in ({"PhoneNumber": "+4912345"}, {"TargetArn": f"{TOPIC[:-5]}endpoint/GCM/app/1"}):
        parameters = {**somebody, "Message": "hello"}
        assert sns.carrying("Publish", parameters, CARRIER) is parameters
        assert "+4912345" not in str(sns.described("Publish", parameters))


def test_every_call_has_our_span_in_xrays_header_and_what_it_received_besides(aws: Aws) -> None:
    request = aws.wire("dynamodb", lambda: aws.client("dynamodb").list_tables())
    header = request.headers["X-Amzn-Trace-Id"].decode()
    context, span = from_xray(header), aws.recorded.span()
    assert context is not None
    assert (context.trace_id, context.span_id) == (span.trace_id, span.span_id)
    assert xray_fields(header)["Lineage"] == xray_fields(RECEIVED)["Lineage"]
    assert xray_fields(header)["Sampled"] == "0"
    assert "x-amzn-trace-id" not in request.headers["Authorization"].decode().lower()


def test_xrays_header_is_the_platforms_outside_of_invocations(aws: Aws) -> None:
    seen: list[Any] = []
    client = aws.client("sqs")
    aws.call(client.list_queues)
    client.meta.events.register("before-send", lambda request, **_: seen.append(request), unique_id="see")
    client.list_queues()
    client.meta.events.unregister("before-send", unique_id="see")
    assert seen[0].headers["X-Amzn-Trace-Id"].decode() == os.environ["_X_AMZN_TRACE_ID"]


def test_a_header_that_the_function_set_itself_stays(aws: Aws) -> None:
    client = aws.client("sqs")

    def own(params: Any, **_: Any) -> None:
        params["headers"]["X-Amzn-Trace-Id"] = "Root=own"

    client.meta.events.register("before-call.sqs", own)
    request = aws.wire("sqs", lambda: client.list_queues())
    client.meta.events.unregister("before-call.sqs", own)
    assert request.headers["X-Amzn-Trace-Id"] == b"Root=own"


def client_context(parameters: Any) -> Any:
    return json.loads(base64.b64decode(parameters["ClientContext"]))


def encoded(value: Any) -> str:
    return base64.b64encode(json.dumps(value).encode()).decode()


def test_an_invoked_function_gets_context_beside_the_callers_own() -> None:
    given = {"FunctionName": "f", "ClientContext": encoded({"client": {"app": "a"}, "custom": {"own": "1"}})}
    carrying = functions.carrying("Invoke", given, CARRIER)
    assert client_context(carrying) == {"client": {"app": "a"}, "custom": {"own": "1", **CARRIER}}
    assert client_context(functions.carrying("Invoke", {"FunctionName": "f"}, CARRIER)) == {"custom": CARRIER}


def test_an_invocation_really_sends_it(aws: Aws) -> None:
    request = aws.wire("lambda", lambda: aws.client("lambda").invoke(FunctionName="billing", Payload=b"{}"))
    carried = json.loads(base64.b64decode(request.headers["X-Amz-Client-Context"]))["custom"]
    context = from_traceparent(carried["traceparent"])
    assert context is not None
    assert context.span_id == aws.recorded.span().span_id
    assert request.body == b"{}"


@pytest.mark.parametrize(
    "given",
    [
        {"InvocationType": "Event"},
        {"ClientContext": "no Base64"},
        {"ClientContext": encoded(["a list"])},
        {"ClientContext": encoded({"custom": "no object"})},
        {"ClientContext": encoded({"custom": {"traceparent": "of another"}})},
        {"ClientContext": encoded({"custom": {"much": "x" * 2600}})},
    ],
)
def test_a_client_context_without_room_stays_as_it_is(given: dict[str, str]) -> None:
    assert functions.carrying("Invoke", given, CARRIER) is given


def test_a_client_context_is_at_most_as_large_as_lambda_takes() -> None:
    full = {"ClientContext": encoded({"custom": {"much": "x" * 2500}})}
    assert len(functions.carrying("Invoke", full, CARRIER)["ClientContext"]) <= 3583


@pytest.mark.parametrize(
    ("given", "name"),
    [
        ("f", "f"),
        ("f:live", "f"),
        ("123456789012:function:f", "f"),
        ("arn:aws:lambda:eu-west-1:123456789012:function:f:live", "f"),
        ("function", "function"),
    ],
)
def test_a_function_is_known_by_its_name(given: str, name: str) -> None:
    assert functions.described("Invoke", {"FunctionName": given})["faas.invoked_name"] == name


def test_a_state_that_a_service_might_refuse_stays_behind() -> None:
    for state, names in (
        ("a=b", ["traceparent", "tracestate"]),
        ("a=\x07", ["traceparent"]),
        ("", ["traceparent"]),
    ):
        assert list(producers.carrier(Context(b"t" * 16, b"s" * 8, state))) == names


def test_bodies_stay_as_they_are_unless_asked(aws: Aws) -> None:
    entry = {"Source": "shop", "DetailType": "order", "Detail": '{"id": 7}'}
    request = aws.wire("events", lambda: aws.client("events").put_events(Entries=[entry]))
    assert json.loads(request.body)["Entries"] == [entry]


@pytest.fixture
def asked(aws: Aws, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(bodies.choice, "is_asked", True)


@pytest.mark.usefixtures("asked")
def test_bodies_that_are_json_objects_carry_context_where_asked(aws: Aws) -> None:
    entries = [
        {"Source": "shop", "DetailType": "order", "Detail": detail} for detail in ('{"id": 7.0} ', "{}", "[]")
    ]
    request = aws.wire("events", lambda: aws.client("events").put_events(Entries=entries))
    details = [entry["Detail"] for entry in json.loads(request.body)["Entries"]]
    assert details[0].startswith('{"id": 7.0, "traceparent": "00-')
    context = from_traceparent(json.loads(details[1])["traceparent"])
    assert context is not None
    assert context.span_id == aws.recorded.span().span_id
    assert details[2] == "[]"


@pytest.mark.usefixtures("asked")
def test_executions_and_records_carry_context_where_asked(aws: Aws) -> None:
    machine = f"arn:aws:states:{REGION}:{ACCOUNT}:stateMachine:nothing"
    workflows = aws.client("stepfunctions")

    def start() -> None:
        with pytest.raises(ClientError):
            workflows.start_execution(stateMachineArn=machine)

    request = aws.wire("stepfunctions", start)
    assert "traceparent" in json.loads(json.loads(request.body)["input"])
    aws.client("kinesis").create_stream(StreamName="asked", ShardCount=1)
    records = [{"Data": data, "PartitionKey": "1"} for data in (b'{"id": 7}', b"\xff\x00", b'"text"')]
    put = aws.wire("kinesis", lambda: aws.client("kinesis").put_records(StreamName="asked", Records=records))
    data = [base64.b64decode(record["Data"]) for record in json.loads(put.body)["Records"]]
    assert "traceparent" in json.loads(data[0])
    assert data[1:] == [b"\xff\x00", b'"text"']


@pytest.mark.usefixtures("asked")
def test_a_body_that_would_be_too_large_stays_as_it_is() -> None:
    record = {
        "StreamName": "s",
        "PartitionKey": "1",
        "Data": json.dumps({"much": "x" * (1 << 20)})[:-70] + '"}',
    }
    assert kinesis.carrying("PutRecord", record, CARRIER) is record


@pytest.mark.parametrize("text", ["", "[1]", '"a"', "{", '{"traceparent": "of another"}', "\ud800"])
def test_what_is_no_object_without_context_has_no_place_for_it(text: str) -> None:
    assert bodies.with_context(text, CARRIER) is None


@pytest.mark.parametrize(
    ("host", "headers", "keys"),
    [
        ("a1.execute-api.eu-west-1.amazonaws.com", {"apigw-requestid": "Ab="}, ["apigateway:Ab="]),
        ("shop.example", {"x-amzn-requestid": "7-7", "x-amz-apigw-id": "Ab="}, ["apigateway:7-7"]),
        ("shop.example", {"apigw-requestid": "Ab="}, ["apigateway:Ab="]),
        ("shop.example", {"x-amzn-requestid": "7-7"}, []),
        ("a1.lambda-url.eu-west-1.on.aws", {"x-amzn-requestid": "7-7"}, ["lambda:7-7"]),
        ("a1.appsync-api.eu-west-1.amazonaws.com", {"x-amzn-requestid": "7-7"}, ["appsync:7-7"]),
        ("a1.execute-api.eu-west-1.amazonaws.com", {}, []),
    ],
)
def test_gateways_tell_a_requests_id_in_headers(host: str, headers: dict[str, str], keys: list[str]) -> None:
    assert gateways.produced(host, headers) == keys
