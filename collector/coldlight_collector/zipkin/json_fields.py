"""Reading Zipkin's JSON: the list, and the fields that v1 and v2 have in common.

As in Zipkin, null means absent, of a key that comes twice the last counts, and unknown fields are skipped.
"""

import re
from collections.abc import Callable
from typing import Any, TypeVar

from coldlight_collector.intake import Malformed, TooLarge
from coldlight_collector.json_body import parse_json
from coldlight_collector.validate import MAX_ITEMS
from coldlight_collector.zipkin.span import MAX_PARTS, NOWHERE, PARENT, Decoded, Endpoint, Misfit, Span

Record = dict[str, Any]
T = TypeVar("T")

_HEX = re.compile(r"[0-9a-fA-F]+")
INTEGER = re.compile(r"-?[0-9]{1,20}")
_TRACE_DIGITS, _SPAN_DIGITS = 32, 16


def read_list(body: bytes, read: Callable[[Record], list[Span]]) -> Decoded:
    """The spans that `read` makes of the records in a JSON list; a record that it raises `Misfit` for costs
    itself alone.

    Raises `Malformed` for what is no JSON list, `TooLarge` for too many records.
    """
    if body.count(b"{") + body.count(b"[") > MAX_PARTS:
        raise TooLarge(f"more than {MAX_PARTS} objects and arrays in one request: send fewer at a time")
    spans, rejected = [], []
    for item in _parse_list(body):
        try:
            spans += read(_as_record(item))
        except Misfit as misfit:
            rejected.append(str(misfit))
    return Decoded(spans, rejected)


def _parse_list(body: bytes) -> list[Any]:
    document = parse_json(body)
    if type(document) is not list:
        raise Malformed("the body is not a list of spans: put brackets around it, even for one span")
    if len(document) > MAX_ITEMS:
        raise TooLarge(f"more than {MAX_ITEMS} spans in one request: send fewer at a time")
    return document


def _as_record(item: Any) -> Record:
    if type(item) is not dict:
        raise Misfit("a span: expected an object")
    return item


def read_text(record: Record, field: str) -> str:
    """A string; "" when it is absent."""
    value = record.get(field)
    if value is None:
        return ""
    if type(value) is not str:
        raise Misfit(f"{field}: expected a string")
    return value


def read_integer(record: Record, field: str) -> int | None:
    """A whole number of any size, also one in a string or written as 1e3."""
    value = record.get(field)
    if value is None or type(value) is int:
        return value
    if type(value) is str and INTEGER.fullmatch(value):
        return int(value)
    if type(value) is float and value.is_integer():
        return int(value)
    raise Misfit(f"{field}: expected an integer")


def read_flag(record: Record, field: str) -> bool:
    value = record.get(field)
    if value is not None and type(value) is not bool:
        raise Misfit(f"{field}: expected true or false")
    return bool(value)


def read_trace_id(record: Record) -> bytes:
    """16 bytes; shorter ids are padded with zeros on the left, as Zipkin does."""
    return _read_id(record, "traceId", _TRACE_DIGITS)


def read_span_id(record: Record) -> bytes:
    return _read_id(record, "id", _SPAN_DIGITS)


def read_parent_id(record: Record) -> tuple[bytes, dict[str, str | None]]:
    """8 bytes, or none; and what was sent instead, if that is no id. Zeros stand for no parent."""
    sent = read_text(record, "parentId")
    if not sent.strip("0"):
        return b"", {}
    try:
        return _read_id(record, "parentId", _SPAN_DIGITS), {}
    except Misfit:
        return b"", {PARENT: sent}


def _read_id(record: Record, field: str, digits: int) -> bytes:
    sent = read_text(record, field)
    if len(sent) > digits or not _HEX.fullmatch(sent):
        raise Misfit(f"{field}: expected 1 to {digits} hexadecimal digits")
    found = bytes.fromhex(sent.zfill(digits))
    if not any(found):
        raise Misfit(f"{field}: zeros are no id")
    return found


def read_endpoint(record: Record, field: str) -> Endpoint:
    return read_part(record, field, _endpoint) or NOWHERE


def _endpoint(record: Record) -> Endpoint:
    return Endpoint(
        read_text(record, "serviceName"),
        read_text(record, "ipv4"),
        read_text(record, "ipv6"),
        read_integer(record, "port") or 0,
    )


def read_part(record: Record, field: str, read: Callable[[Record], T]) -> T | None:
    """What `read` makes of an inner object, None when that is absent."""
    value = record.get(field)
    return None if value is None else _read_inside(value, field, read)


def read_parts(record: Record, field: str, read: Callable[[Record], T]) -> tuple[T, ...]:
    """What `read` makes of each object in an array."""
    value = record.get(field)
    if value is None:
        return ()
    if type(value) is not list:
        raise Misfit(f"{field}: expected an array")
    return tuple([_read_inside(item, field, read) for item in value])


def _read_inside(value: Any, field: str, read: Callable[[Record], T]) -> T:
    if type(value) is not dict:
        raise Misfit(f"{field}: expected an object")
    try:
        return read(value)
    except Misfit as misfit:
        raise Misfit(f"{field}.{misfit}") from None
