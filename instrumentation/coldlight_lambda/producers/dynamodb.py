"""Amazon DynamoDB (semantic conventions, "AWS DynamoDB"), and the keys of the items that a function writes.

PartiQL (`ExecuteStatement` and its like) names keys within its text, which is not parsed: such writes have no link keys.

A put names no key: which attributes make it is learnt from what else the function says and hears of the table, never asked for.
boto3's resources hand over Python's own values, its clients DynamoDB's JSON: a key's attribute has one of three types, and tells.
"""

from __future__ import annotations

import base64
from decimal import Decimal

from coldlight_lambda.triggers import tables

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from typing import Any, Optional

    from coldlight_lambda.producers import Answer, Parameters
    from coldlight_lambda.spans import Attributes

    Item = Mapping[str, Any]
    Write = tuple[str, Any, Any]

SENDS: frozenset[str] = frozenset()
_MOST_TABLES = 1_000
_key_names: dict[str, frozenset[str]] = {}
"""The names of the key attributes, by table."""


def described(operation: str, parameters: Parameters) -> Attributes:
    names = _tables(parameters)
    return {
        "db.system.name": "aws.dynamodb",
        "db.operation.name": operation,
        "db.collection.name": names[0] if len(names) == 1 else None,
        "aws.dynamodb.table_names": names or None,
        "aws.dynamodb.index_name": parameters.get("IndexName"),
    }


def _tables(parameters: Parameters) -> list[str]:
    """The tables of a call, each once."""
    items = parameters.get("RequestItems") or [table for table, _, _ in _transaction(parameters)]
    names = [parameters["TableName"]] if "TableName" in parameters else items
    return list(dict.fromkeys(map(_name, names)))


def _name(table: str) -> str:
    """A table's name, which may be given as its ARN."""
    return table.rpartition(":table/")[2]


def carrying(operation: str, parameters: Parameters, carrier: Mapping[str, str]) -> Parameters:
    return parameters  # an item has no room beside its attributes


def produced(operation: str, parameters: Parameters, answer: Answer) -> list[str]:
    learn(operation, parameters, answer)
    writes = {
        "PutItem": _single,
        "UpdateItem": _single,
        "DeleteItem": _single,
        "BatchWriteItem": _batch,
        "TransactWriteItems": _transaction,
    }.get(operation)
    if writes is None:
        return []
    left = _keys(_batch({"RequestItems": answer.get("UnprocessedItems") or {}}))
    return [key for key in _keys(writes(parameters)) if key not in left]


def _keys(writes: Iterable[Write]) -> dict[str, None]:
    """The link keys of items written, each once; not of an item whose table's key is unknown."""
    found = (link_key(table, key if key else _key_of(table, item)) for table, key, item in writes)
    return {key: None for key in found if key}


def _single(parameters: Parameters) -> Iterator[Write]:
    yield parameters["TableName"], parameters.get("Key"), parameters.get("Item")


def _batch(parameters: Parameters) -> Iterator[Write]:
    for table, requests in parameters["RequestItems"].items():
        for request in requests:
            key = (request.get("DeleteRequest") or {}).get("Key")
            yield table, key, (request.get("PutRequest") or {}).get("Item")


def _transaction(parameters: Parameters) -> Iterator[Write]:
    """What a transaction writes; a condition that it checks is none of it."""
    for action in parameters.get("TransactItems") or ():
        for kind, write in action.items():
            if kind != "ConditionCheck":
                yield write["TableName"], write.get("Key"), write.get("Item")


def _key_of(table: str, item: Optional[Item]) -> Optional[Item]:
    names = _key_names.get(_name(table))
    if not names or not item or not names.issubset(item):
        return None
    return {name: item[name] for name in names}


def link_key(table: str, key: Optional[Item]) -> Optional[str]:
    """`dynamodb:<table>#<hash>` of an item's key, in either of its forms. None for what is no key."""
    if not key:
        return None
    return tables.link_key(_name(table), {name: _value(value) for name, value in key.items()})


def _value(value: Any) -> dict[str, str]:
    """A key attribute in DynamoDB's JSON, as a stream has it."""
    if isinstance(value, dict):
        ((kind, inner),) = value.items()
    else:
        kind = "S" if isinstance(value, str) else "N" if isinstance(value, (int, Decimal)) else "B"
        inner = value
    if kind == "N":
        return {kind: _number(inner)}
    return {kind: inner if kind == "S" else base64.b64encode(bytes(inner)).decode()}


def _number(value: Any) -> str:
    """As DynamoDB gives numbers back: without zeros that say nothing, and without an exponent."""
    plain = format(Decimal(str(value)), "f")
    if "." in plain:
        plain = plain.rstrip("0").rstrip(".")
    sign, digits = ("-", plain[1:]) if plain.startswith("-") else ("", plain)
    digits = digits.lstrip("0") or "0"
    return digits if digits == "0" else sign + ("0" + digits if digits.startswith(".") else digits)


def learn(operation: str, parameters: Parameters, answer: Answer) -> None:
    """Remembers the key attributes of every table that a call tells of."""
    described_table = answer.get("Table") or answer.get("TableDescription") or {}
    if described_table.get("KeySchema"):
        schema = described_table["KeySchema"]
        _remember(described_table["TableName"], [attribute["AttributeName"] for attribute in schema])
    if isinstance(parameters.get("Key"), dict):
        _remember(parameters["TableName"], parameters["Key"])
    if answer.get("LastEvaluatedKey") and "TableName" in parameters and "IndexName" not in parameters:
        _remember(parameters["TableName"], answer["LastEvaluatedKey"])
    for table, key in _told(operation, parameters):
        _remember(table, key)


def _told(operation: str, parameters: Parameters) -> Iterator[tuple[str, Item]]:
    """Tables and keys in the calls that name several."""
    if operation == "BatchGetItem":
        for table, request in parameters["RequestItems"].items():
            yield from ((table, key) for key in request["Keys"][:1])
    elif operation == "BatchWriteItem":
        yield from ((table, key) for table, key, _ in _batch(parameters) if key)
    elif operation in ("TransactWriteItems", "TransactGetItems"):
        yield from ((one["TableName"], one["Key"]) for one in _actions(parameters) if "Key" in one)


def _actions(parameters: Parameters) -> Iterator[Any]:
    for action in parameters["TransactItems"]:
        yield from action.values()


def _remember(table: str, names: Iterable[str]) -> None:
    if len(_key_names) < _MOST_TABLES:
        _key_names[_name(table)] = frozenset(names)
