import json
from typing import Any

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

from coldlight_lambda.triggers import Trigger, trigger_of

MESSAGE, NOTIFICATION = "059f36b4-87a3-44ab-83d2-661975830a7d", "95df01b4-ee98-5cb9-9903-4c221d41eb5e"
UPLOAD = [
    "s3req:D82B88E5F771F645",
    "s3obj:shop-uploads/photos/red flower, 2.jpg#b21b84d653bb07b05b1e6b33684dc11b",
]
RESULT = "lambda:e4b46cbf-b738-xmpl-8880-a18cdf61200e"


def messages_of(body: str, count: int = 1) -> Trigger:
    record = sample("sns-in-sqs")["Records"][0]
    return trigger_of(
        {"Records": [{**record, "messageId": str(n), "body": body} for n in range(count)]}, None
    )


def test_a_queue_tells_its_name_and_how_many_messages_came() -> None:
    assert known(trigger("sqs")) == {
        "faas.trigger": "pubsub",
        "coldlight.trigger": "sqs",
        "coldlight.trigger.name": "orders",
        "messaging.system": "aws_sqs",
        "messaging.operation.type": "process",
        "messaging.operation.name": "process",
        "messaging.destination.name": "orders",
        "messaging.batch.message_count": 3,
    }


def test_every_message_has_a_link_key_and_a_link_to_its_sender() -> None:
    found = trigger("sqs")
    first, second, third = (record["messageId"] for record in sample("sqs")["Records"])
    assert senders(found) == [(FIRST, first), (XRAY, second)]
    assert found.links[0].context.trace_state == "shop=1"
    assert found.consumed == [f"sqs:{first}", f"sqs:{second}", f"sqs:{third}"]


def test_the_sender_of_a_lone_message_is_a_link_and_not_the_parent() -> None:
    found = trigger("sns-in-sqs")
    assert parent(found) is None
    assert senders(found) == [(FIRST, MESSAGE)]
    assert known(found)["messaging.message.id"] == MESSAGE


def test_messages_of_two_queues_have_no_common_name() -> None:
    event = sample("sqs")
    event["Records"][1]["eventSourceARN"] += "-2"
    assert "messaging.destination.name" not in known(trigger_of(event, None))


def test_a_topic_hands_over_one_message_with_its_attributes() -> None:
    found = trigger("sns")
    assert senders(found) == [(SECOND, NOTIFICATION)]
    assert found.consumed == [f"sns:{NOTIFICATION}"]
    assert known(found)["aws.sns.topic.arn"] == "arn:aws:sns:eu-central-1:111122223333:prices"
    assert known(found)["messaging.destination.name"] == "prices"
    assert "messaging.batch.message_count" not in known(found)


def test_a_notification_in_a_queue_gives_both_keys_and_its_own_sender() -> None:
    assert trigger("sns-in-sqs").consumed == [f"sqs:{MESSAGE}", f"sns:{NOTIFICATION}"]


def test_a_notification_delivered_raw_carries_its_attributes_as_the_queues() -> None:
    found = trigger("sns-in-sqs-raw")
    assert senders(found) == [(SECOND, MESSAGE)]
    assert found.consumed == [f"sqs:{MESSAGE}"]


def test_what_the_message_itself_carries_counts_before_what_its_body_does() -> None:
    event = sample("sns-in-sqs")
    event["Records"][0]["messageAttributes"] = sample("sns-in-sqs-raw")["Records"][0]["messageAttributes"]
    assert senders(trigger_of(event, None)) == [(SECOND, MESSAGE)]


def test_an_event_of_a_bus_tells_what_it_is() -> None:
    found = trigger("eventbridge")
    assert known(found) == {
        "faas.trigger": "pubsub",
        "coldlight.trigger": "eventbridge",
        "coldlight.trigger.name": "shop.orders",
        "messaging.system": "aws.eventbridge",
        "messaging.operation.type": "process",
        "messaging.operation.name": "process",
        "messaging.message.id": "6a7e8feb-b491-4cf7-a9f1-bf3703467718",
        "cloudevents.event_id": "6a7e8feb-b491-4cf7-a9f1-bf3703467718",
        "cloudevents.event_source": "shop.orders",
        "cloudevents.event_type": "OrderPlaced",
    }
    assert found.consumed == ["eventbridge:6a7e8feb-b491-4cf7-a9f1-bf3703467718"]


def test_an_event_of_a_bus_carries_context_where_its_producer_wrote_some() -> None:
    event = sample("eventbridge")
    event["detail"]["traceparent"] = FIRST_HEADER
    assert [whose for whose, _ in senders(trigger_of(event, None))] == [FIRST]


def test_an_event_of_a_bus_in_a_queue_gives_both_keys() -> None:
    found = trigger("eventbridge-in-sqs")
    assert found.consumed == [f"sqs:{MESSAGE}", "eventbridge:6a7e8feb-b491-4cf7-a9f1-bf3703467718"]
    assert senders(found) == [(FIRST, MESSAGE)]


def test_an_upload_is_the_same_by_every_way() -> None:
    event_id = "eventbridge:f5f1e65c-dc3a-93ca-6c1e-b1647eac7963"
    assert trigger("s3").consumed == UPLOAD
    assert trigger("s3-in-sqs").consumed == [f"sqs:{MESSAGE}", *UPLOAD]
    assert trigger("s3-in-sns").consumed == [f"sns:{NOTIFICATION}", *UPLOAD]
    assert trigger("s3-in-sns-in-sqs").consumed == [f"sqs:{MESSAGE}", f"sns:{NOTIFICATION}", *UPLOAD]
    assert trigger("s3-eventbridge").consumed == [event_id, *UPLOAD]
    assert trigger("s3-eventbridge-in-sqs").consumed == [f"sqs:{MESSAGE}", event_id, *UPLOAD]
    assert known(trigger("s3-eventbridge"))["aws.s3.key"] == "photos/red flower, 2.jpg"


def test_what_became_of_an_invocation_names_it_by_every_way() -> None:
    assert trigger("destination").consumed == [RESULT]
    assert trigger("destination-in-sqs").consumed == [f"sqs:{MESSAGE}", RESULT]
    assert trigger("destination-in-eventbridge").consumed[1:] == [RESULT]
    assert trigger("dead-letter-in-sqs").consumed == [f"sqs:{MESSAGE}", RESULT]
    assert known(trigger("destination"))["coldlight.trigger.name"] == "resize"
    assert known(trigger("destination"))["coldlight.destination.condition"] == "RetriesExhausted"


def test_a_body_that_only_looks_like_an_event_is_a_body() -> None:
    for body in ('{"Type":"Notification", broken', '["Notification"]', '{"detail-type":1}', '"Notification"'):
        assert messages_of(body).consumed == ["sqs:0"]
    assert messages_of('{"detail-type":' + "[" * 100_000).consumed == ["sqs:0"]


def test_bodies_are_opened_until_that_is_enough_work_and_the_rest_is_counted() -> None:
    body = json.dumps({"detail-type": "Large", "id": "7", "detail": "x" * 1_500_000})
    found = messages_of(body, count=4)
    assert found.consumed == ["sqs:0", "sqs:1", "sqs:2", "sqs:3", "eventbridge:7"]
    assert known(found)["coldlight.unopened_bodies"] == 2


def test_where_keys_are_too_many_every_record_has_one_before_any_has_two() -> None:
    record = sample("sns-in-sqs")["Records"][0]
    records = []
    for number in range(6_000):
        body = record["body"].replace(NOTIFICATION, f"notification-{number}")
        records.append({**record, "messageId": f"message-{number}", "body": body})
    found = trigger_of({"Records": records}, None)
    assert len(found.links) == 6_000
    assert found.consumed[:6_000] == [f"sqs:message-{number}" for number in range(6_000)]
    assert len(found.consumed) == 10_000
    assert (
        known(found)["coldlight.dropped_link_keys"] + known(found).get("coldlight.unopened_bodies", 0)
        == 2_000
    )


def test_a_streams_records_are_known_by_shard_and_sequence_number() -> None:
    shard = "kinesis:clicks:shardId-000000000006:"
    found = trigger("kinesis")
    numbers = [record["kinesis"]["sequenceNumber"] for record in sample("kinesis")["Records"]]
    assert found.consumed == [shard + number for number in numbers]
    assert known(found)["aws.kinesis.stream_name"] == "clicks"
    assert known(found)["faas.trigger"] == "pubsub"
    assert trigger("kinesis-fan-out").consumed == [shard + numbers[1]]


def test_a_streams_record_carries_context_at_the_end_of_its_data_where_its_producer_wrote_some() -> None:
    number = sample("kinesis")["Records"][0]["kinesis"]["sequenceNumber"]
    found = trigger("kinesis")
    assert senders(found) == [(FIRST, number)]
    assert found.links[0].context.trace_state == "shop=1"


def test_a_delivery_streams_records_are_also_those_of_its_source() -> None:
    number = "49546986683135544286507457936321625675700192471156785154"
    expected = [f"firehose:{number}000000", f"kinesis:clicks:shardId-000000000000:{number}"]
    assert trigger("firehose").consumed == expected
    assert known(trigger("firehose"))["messaging.destination.name"] == "lake"


def test_kafkas_headers_come_in_three_shapes() -> None:
    found = trigger("kafka-msk")
    places = [
        (link.attributes["messaging.destination.partition.id"], link.attributes["messaging.kafka.offset"])
        for link in found.links
    ]
    assert [whose for whose, _ in senders(found)] == [FIRST, SECOND, SECOND]
    assert places == [("0", 15), ("0", 16), ("1", 7)]
    assert known(found)["messaging.batch.message_count"] == 4


def test_a_kafka_cluster_has_two_names_where_both_are_known() -> None:
    arn = "arn:aws:kafka:eu-central-1:111122223333:cluster/shop/abcd1234-abcd-cafe-abab-9876543210ab-4"
    host = "b-2.shop.a1bcde.c1.kafka.eu-central-1.amazonaws.com"
    expected = [
        f"kafka:{cluster}:clicks:{place}"
        for cluster in (arn, host)
        for place in ("0:15", "0:16", "1:7", "1:8")
    ]
    assert trigger("kafka-msk").consumed == expected
    assert trigger("kafka-self-managed").consumed == ["kafka:kafka.shop.example:clicks:0:15"]


def test_a_topic_of_things_tells_its_name_and_sender() -> None:
    found = trigger("iot-rule")
    assert [whose for whose, _ in senders(found)] == [FIRST]
    assert known(found)["messaging.destination.name"] == "plants/7/telemetry"
    assert known(trigger("iot-lifecycle"))["coldlight.trigger.name"] == "connected"
    assert known(trigger("iot-authorizer"))["faas.trigger"] == "other"


def test_log_events_tell_their_group() -> None:
    attributes: dict[str, Any] = known(trigger("cloudwatch-logs"))
    assert attributes["aws.log.group.names"] == ["/aws/lambda/checkout"]
    assert attributes["coldlight.cloudwatch_logs.subscription_filters"] == ["errors"]
