"""Amazon Kinesis Data Streams."""

from __future__ import annotations

from coldlight_lambda.producers import bodies
from coldlight_lambda.producers.messages import entries_of, messaging, with_entries

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from coldlight_lambda.producers import Answer, Parameters
    from coldlight_lambda.spans import Attributes

_ONE, _BATCH = "PutRecord", "PutRecords"
SENDS = frozenset((_ONE, _BATCH))
_LARGEST_RECORD_BYTES, _LARGEST_CALL_BYTES = 1 << 20, 5 << 20


def described(operation: str, parameters: Parameters) -> Attributes:
    name = _stream(parameters)
    if operation not in SENDS:
        return {"aws.kinesis.stream_name": name or None}
    count = len(entries_of(parameters, "Records")) if operation == _BATCH else None
    return {"aws.kinesis.stream_name": name, **messaging("aws.kinesis", operation, name, count)}


def _stream(parameters: Parameters) -> str:
    """A stream's name: its own parameter, or the end of its ARN."""
    return str(parameters.get("StreamName") or str(parameters.get("StreamARN") or "").rpartition("/")[2])


def carrying(operation: str, parameters: Parameters, carrier: Mapping[str, str]) -> Parameters:
    if operation not in SENDS or not bodies.choice["is_asked"]:
        return parameters
    if operation == _ONE:
        return _with_context(parameters, carrier)  # type: ignore[no-any-return]
    records = [_with_context(record, carrier) for record in entries_of(parameters, "Records")]
    fits = sum(map(_size, records)) <= _LARGEST_CALL_BYTES
    return with_entries(parameters, "Records", records) if fits else parameters


def _with_context(record: Any, carrier: Mapping[str, str]) -> Any:
    given = record.get("Data")
    try:
        text = given if isinstance(given, str) else bytes(given).decode()
    except ValueError:
        return record  # no text, hence no JSON
    extended = bodies.with_context(text, carrier)
    carrying_it = {**record, "Data": extended.encode()} if extended else record
    return carrying_it if _size(carrying_it) <= _LARGEST_RECORD_BYTES else record


def _size(record: Any) -> int:
    data, partition_key = record.get("Data") or b"", str(record.get("PartitionKey") or "")
    return len(data.encode() if isinstance(data, str) else data) + len(partition_key.encode())


def produced(operation: str, parameters: Parameters, answer: Answer) -> list[str]:
    accepted = {_ONE: [answer], _BATCH: answer.get("Records") or []}.get(operation, [])
    name = _stream(parameters)
    return [
        f"kinesis:{name}:{record['ShardId']}:{record['SequenceNumber']}"
        for record in accepted
        if record.get("SequenceNumber")
    ]
