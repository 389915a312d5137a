"""Writes to DynamoDB tables, and the streams behind them."""

from decimal import Decimal
from typing import Any

import pytest
from tests.instrumentation.producers.conftest import REGION, Aws, produced
from tests.instrumentation.producers.deliveries import of_table
from tests.otlp import attributes

from coldlight_lambda.producers import dynamodb
from coldlight_lambda.triggers import detect

KEYS = [{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}]
TYPES = [{"AttributeName": "pk", "AttributeType": "S"}, {"AttributeName": "sk", "AttributeType": "N"}]


@pytest.fixture
def table(aws: Aws, request: pytest.FixtureRequest) -> str:
    name = str(request.node.name).partition("[")[0]
    aws.client("dynamodb").create_table(
        TableName=name,
        KeySchema=KEYS,
        AttributeDefinitions=TYPES,
        BillingMode="PAY_PER_REQUEST",
        StreamSpecification={"StreamEnabled": True, "StreamViewType": "KEYS_ONLY"},
    )
    dynamodb._key_names.clear()
    return name


def consumed(aws: Aws, table: str) -> list[str]:
    return detect(of_table(aws.client, table), None).consumed


def wire(pk: str, sk: int) -> dict[str, Any]:
    return {"pk": {"S": pk}, "sk": {"N": str(sk)}}


def test_the_key_of_an_item_is_hashed_as_the_contract_says() -> None:
    hashed = "dynamodb:t#83c10959759d7aeb254f2883a47758a1"
    assert dynamodb.link_key("t", {"pk": {"S": "a"}}) == hashed
    assert dynamodb.link_key("arn:aws:dynamodb:eu-west-1:1:table/t", {"pk": "a"}) == hashed


@pytest.mark.parametrize(
    ("python", "plain"),
    [
        ("ä", {"S": "ä"}),
        (7, {"N": "7"}),
        (Decimal("7.50"), {"N": "7.5"}),
        ({"N": "007.0"}, {"N": "7"}),
        (Decimal("1E+3"), {"N": "1000"}),
        (Decimal("-0.0"), {"N": "0"}),
        (b"\x00\xff", {"B": "AP8="}),
        (bytearray(b"\x00\xff"), {"B": "AP8="}),
        ({"B": b"\x00\xff"}, {"B": "AP8="}),
    ],
)
def test_a_key_attribute_reads_as_in_a_stream(python: Any, plain: dict[str, str]) -> None:
    assert dynamodb._value(python) == plain


def test_updates_and_deletions_carry_their_key(aws: Aws, table: str) -> None:
    client = aws.client("dynamodb")
    change = {"UpdateExpression": "SET n = :n", "ExpressionAttributeValues": {":n": {"N": "1"}}}
    aws.call(lambda: client.update_item(TableName=table, Key=wire("ä", 1), **change))
    aws.call(lambda: client.delete_item(TableName=table, Key=wire("ä", 1)))
    keys = [produced(span) for span in aws.recorded.spans()]
    assert [*keys[0], *keys[1]] == [dynamodb.link_key(table, wire("ä", 1))] * 2
    assert set(consumed(aws, table)) == set(keys[0])


def test_a_put_names_no_key_and_none_is_made_up(aws: Aws, table: str) -> None:
    aws.call(lambda: aws.client("dynamodb").put_item(TableName=table, Item=wire("a", 1)))
    assert produced(aws.recorded.span()) == []
    assert attributes(aws.recorded.span())["aws.dynamodb.table_names"] == [table]


LEARNT = {
    "get": lambda client, table: client.get_item(TableName=table, Key=wire("b", 2)),
    "describe": lambda client, table: client.describe_table(TableName=table),
    "batch get": lambda client, table: client.batch_get_item(RequestItems={table: {"Keys": [wire("b", 2)]}}),
    "transaction": lambda client, table: client.transact_get_items(
        TransactItems=[{"Get": {"TableName": table, "Key": wire("b", 2)}}]
    ),
}


@pytest.mark.parametrize("way", LEARNT)
@pytest.mark.parametrize("is_inside", [False, True])
def test_a_put_has_a_key_once_another_call_told_the_tables(
    aws: Aws, table: str, way: str, is_inside: bool
) -> None:
    client = aws.client("dynamodb")
    if is_inside:
        aws.call(lambda: LEARNT[way](client, table))
    else:
        LEARNT[way](client, table)
    aws.call(lambda: client.put_item(TableName=table, Item={**wire("a", 1), "more": {"S": "more"}}))
    assert (
        produced(aws.recorded.spans()[-1]) == consumed(aws, table) == [dynamodb.link_key(table, wire("a", 1))]
    )
    client.delete_table(TableName=table)


def test_a_page_of_a_scan_tells_the_key_too(aws: Aws, table: str) -> None:
    client = aws.client("dynamodb")
    for number in range(2):
        client.put_item(TableName=table, Item=wire("a", number))
    client.scan(TableName=table, Limit=1)
    aws.call(lambda: client.put_item(TableName=table, Item=wire("a", 3)))
    assert produced(aws.recorded.span()) == [dynamodb.link_key(table, wire("a", 3))]


def test_resources_hand_over_pythons_own_values(aws: Aws, table: str) -> None:
    items = aws.resource("dynamodb").Table(table)
    aws.call(lambda: items.get_item(Key={"pk": "a", "sk": 1}))
    aws.call(lambda: items.put_item(Item={"pk": "a", "sk": Decimal(1), "set": {"x"}}))
    aws.call(lambda: items.delete_item(Key={"pk": "a", "sk": 1}))
    _, put, deleted = aws.recorded.spans()
    assert produced(put) == produced(deleted) == [dynamodb.link_key(table, wire("a", 1))]
    assert set(consumed(aws, table)) == set(produced(put))


def write_in_batches(items: Any) -> None:
    with items.batch_writer() as batch:
        for number in range(30):
            batch.put_item(Item={"pk": "a", "sk": number})


def test_a_batch_of_a_resource_in_several_calls(aws: Aws, table: str) -> None:
    items = aws.resource("dynamodb").Table(table)
    items.load()
    aws.call(lambda: write_in_batches(items))
    spans = aws.recorded.spans()
    assert [len(produced(span)) for span in spans] == [25, 5]
    assert [key for span in spans for key in produced(span)] == consumed(aws, table)


def test_a_batch_and_a_transaction(aws: Aws, table: str) -> None:
    client = aws.client("dynamodb")
    client.describe_table(TableName=table)
    requests = [{"PutRequest": {"Item": wire("a", number)}} for number in range(3)]
    aws.call(lambda: client.batch_write_item(RequestItems={table: requests}))
    check = {"TableName": table, "Key": wire("a", 2), "ConditionExpression": "attribute_exists(pk)"}
    writes: list[dict[str, Any]] = [
        {"Put": {"TableName": table, "Item": wire("b", 1)}},
        {"Delete": {"TableName": table, "Key": wire("a", 1)}},
        {"ConditionCheck": check},
    ]
    aws.call(lambda: client.transact_write_items(TransactItems=writes))
    batch, transaction = aws.recorded.spans()
    assert produced(batch) == [dynamodb.link_key(table, wire("a", number)) for number in range(3)]
    assert produced(transaction) == [dynamodb.link_key(table, wire(*key)) for key in (("b", 1), ("a", 1))]
    assert consumed(aws, table) == list(dict.fromkeys(produced(batch) + produced(transaction)))
    assert attributes(transaction)["db.collection.name"] == table


def test_what_a_batch_left_undone_has_no_key() -> None:
    parameters = {
        "RequestItems": {"t": [{"DeleteRequest": {"Key": wire("a", number)}} for number in range(2)]}
    }
    answer = {"UnprocessedItems": {"t": [{"DeleteRequest": {"Key": wire("a", 1)}}]}}
    assert dynamodb.produced("BatchWriteItem", parameters, answer) == [dynamodb.link_key("t", wire("a", 0))]


def test_a_write_whose_condition_failed_has_no_key(aws: Aws, table: str) -> None:
    client = aws.client("dynamodb")
    condition = {"ConditionExpression": "attribute_exists(pk)"}
    with pytest.raises(client.exceptions.ConditionalCheckFailedException):
        aws.call(lambda: client.delete_item(TableName=table, Key=wire("a", 1), **condition))
    span = aws.recorded.span()
    assert produced(span) == []
    assert attributes(span)["error.type"] == "ConditionalCheckFailedException"
    assert attributes(span)["cloud.region"] == REGION


def test_a_statement_of_partiql_has_no_link_keys_and_its_pages_teach_nothing(aws: Aws, table: str) -> None:
    client = aws.client("dynamodb")
    insert = f"INSERT INTO \"{table}\" VALUE {{'pk': 'a', 'sk': 1}}"
    aws.call(lambda: client.execute_statement(Statement=insert))
    span = aws.recorded.span()
    assert (span.name, produced(span)) == ("DynamoDB.ExecuteStatement", [])
    page = {"Items": [], "LastEvaluatedKey": wire("a", 1)}
    assert dynamodb.produced("ExecuteStatement", {"Statement": insert, "Limit": 1}, page) == []
