"""The request that Firehose sends to an HTTP endpoint: headers and a JSON body around the records.

Source: Amazon Data Firehose Developer Guide, "HTTP endpoint delivery request and response specifications".
"""

import binascii
import re
from dataclasses import dataclass, field
from typing import Any

import orjson

from coldlight_collector.intake import Malformed
from coldlight_collector.json_body import parse_json

PROTOCOL_VERSION = "1.0"
MOST_RECORDS = 10_000
"""Records of one request (Firehose's own limit)."""

_MOST_VALUES = 5 * MOST_RECORDS
_MOST_COMMON_ATTRIBUTES = 50
_LAST_MS = 2**63 // 10**6
_ARN = re.compile(
    r"arn:(?P<partition>[a-z-]{1,20}):firehose:(?P<region>[a-z0-9-]{1,30}):(?P<account>\d*):.*/(?P<name>.+)"
)


@dataclass(frozen=True)
class Stream:
    """The Firehose stream that delivers, as far as its ARN tells; what is not known is empty."""

    arn: str = ""
    partition: str = "aws"
    region: str = ""
    account: str = ""
    name: str = ""


@dataclass(frozen=True)
class Envelope:
    """One delivery. `records` are the `data` fields as they came: base64, unless a sender does as it likes."""

    request_id: str
    time_unix_nano: int
    records: list[Any]
    stream: Stream = Stream()
    common_attributes: dict[str, str] = field(default_factory=dict)


def read_document(body: bytes) -> dict[str, Any]:
    """The JSON object in a decompressed body. Raises `Malformed`."""
    # Base64 has none of these: more than that is no request of Firehose, and would grow large once it is parsed.
    if sum(map(body.count, (b"{", b"[", b","))) > _MOST_VALUES:
        raise Malformed(f"the body has more than {MOST_RECORDS} records in it")
    document = parse_json(body)
    if type(document) is not dict:
        raise Malformed("the body: expected an object with requestId, timestamp and records")
    return document


def open_envelope(headers: dict[str, str], now_unix_nano: int, document: dict[str, Any]) -> Envelope:
    """The delivery in a document. `now_unix_nano` counts where it does not say when it was made.

    Raises `Malformed` for another protocol version, for a document that is not Firehose's, without a request id, or
    with another one than the header, and for common attributes that are none.
    """
    version = headers.get("x-amz-firehose-protocol-version", PROTOCOL_VERSION)
    if version != PROTOCOL_VERSION:
        raise Malformed(
            f"header X-Amz-Firehose-Protocol-Version: {version[:20]}: only {PROTOCOL_VERSION} is served"
        )
    records = document.get("records")
    if type(records) is not list:
        raise Malformed("records: expected an array of objects with data in base64")
    if len(records) > MOST_RECORDS:
        raise Malformed(f"records: {len(records)} of them: at most {MOST_RECORDS} in one request")
    return Envelope(
        _request_id(headers, document),
        _time_unix_nano(document.get("timestamp")) or now_unix_nano,
        [record.get("data") if type(record) is dict else record for record in records],
        _stream(headers.get("x-amz-firehose-source-arn", "")),
        _common_attributes(headers.get("x-amz-firehose-common-attributes", "")),
    )


def _request_id(headers: dict[str, str], document: dict[str, Any]) -> str:
    in_header, in_body = headers.get("x-amz-firehose-request-id", ""), document.get("requestId", "")
    if type(in_body) is not str:
        raise Malformed("requestId: expected a string")
    if not (in_header or in_body):
        raise Malformed("header X-Amz-Firehose-Request-Id is missing, and requestId in the body, too")
    if in_header and in_body and in_header != in_body:
        raise Malformed("requestId: must be the same as in the header X-Amz-Firehose-Request-Id")
    return in_header or in_body


def _time_unix_nano(timestamp: Any) -> int:
    """From milliseconds; 0 where there is no usable time."""
    return timestamp * 10**6 if type(timestamp) is int and 0 < timestamp < _LAST_MS else 0


def _stream(arn: str) -> Stream:
    matched = _ARN.fullmatch(arn)
    return Stream(arn, **matched.groupdict()) if matched else Stream(arn)


def _common_attributes(header: str) -> dict[str, str]:
    """`{"commonAttributes": {"name": "value"}}`, at most 50 of them."""
    if not header:
        return {}
    try:
        # Header bytes arrive as Latin-1, whatever they are; JSON is UTF-8.
        document = orjson.loads(header.encode("latin-1"))
    except (orjson.JSONDecodeError, UnicodeEncodeError):
        document = None
    attributes = document.get("commonAttributes") if type(document) is dict else None
    if type(attributes) is not dict or not all(type(value) is str for value in attributes.values()):
        raise Malformed(
            'header X-Amz-Firehose-Common-Attributes: expected {"commonAttributes": {"name": "value"}}'
        )
    if len(attributes) > _MOST_COMMON_ATTRIBUTES:
        raise Malformed(f"header X-Amz-Firehose-Common-Attributes: at most {_MOST_COMMON_ATTRIBUTES} of them")
    return attributes


def json_bytes(value: Any) -> bytes:
    """A parsed value as JSON again. orjson reads deeper than it writes; nobody's data is as deep as that."""
    try:
        return orjson.dumps(value)
    except TypeError:
        return b'"nested too deeply to be kept"'


def data_of(record: Any) -> bytes:
    """The bytes of a record's `data`. Raises `Malformed` where that is not base64."""
    if type(record) is not str:
        raise Malformed("data is not a string")
    try:
        return binascii.a2b_base64(record, strict_mode=True)
    except ValueError as error:
        raise Malformed(f"data is not base64: {error}") from error
