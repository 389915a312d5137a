"""What the data of one Firehose record holds: JSON objects, OTLP messages, or something that cannot be read.

CloudWatch Logs gzips its messages; Firehose may have decompressed them, or put a line feed behind each. Metric
Streams write JSON objects in lines, or OTLP requests, each behind its length. Nothing in a record says which it is.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from google.protobuf.message import DecodeError
from google.protobuf.unknown_fields import UnknownFieldSet

from coldlight_collector.http.decompress import decompress
from coldlight_collector.intake import Malformed, Refused
from coldlight_collector.json_body import parse_json
from coldlight_collector.wire import refuse_crowd
from coldlight_storage.signals import Signal
from coldlight_storage.stored import STORED_TYPE

MOST_RECORD_BYTES = 16 * 2**20
"""One record, decompressed. CloudWatch Logs makes them of at most 1 MiB of log events, as of 2026."""

MOST_DOCUMENTS = 10_000
"""JSON objects or OTLP messages of one record."""

OPENTELEMETRY_0_7 = (
    "OpenTelemetry 0.7 is not served: change the metric stream's output format to OpenTelemetry 1.0 or JSON"
)

_MOST_VALUES = 1_000_000
"""Parsed, an empty object takes 64 bytes in place of two."""
_GZIP = b"\x1f\x8b"
MOST_ITEMS = 50_000
"""Log events, or data points, of one document."""

_JSON = json.JSONDecoder()
_SPACES = re.compile(r"\s*")


@dataclass(frozen=True)
class Unreadable:
    """A part of a record, as it was sent, and why it is not understood."""

    content: bytes
    reason: str


@dataclass(frozen=True)
class Json:
    """A JSON object, and its text as it was sent."""

    fields: dict[str, Any]
    content: bytes


@dataclass(frozen=True)
class Otlp:
    """One OTLP metrics request, of the stored type, and the number of its data points."""

    request: Any
    points: int


Document = Json | Otlp | Unreadable


def content_of(data: bytes, most_bytes: int) -> bytes:
    """A record without its compression. Raises `Refused` for damaged gzip, or over `MOST_RECORD_BYTES` or `most_bytes`."""
    return decompress(data, "gzip", min(MOST_RECORD_BYTES, most_bytes)) if data.startswith(_GZIP) else data


def documents(content: bytes) -> Iterator[Document]:
    """Everything in a decompressed record, in its order. What cannot be read costs the rest of its line, no more."""
    if not content.strip():
        return
    if content.count(b"{") + content.count(b"[") > _MOST_VALUES:
        yield Unreadable(content, f"more than {_MOST_VALUES} JSON objects and arrays in one record")
        return
    yield from _json_documents(content) if content.lstrip().startswith(b"{") else _otlp_messages(content)


def _json_documents(content: bytes) -> Iterator[Document]:
    try:
        yield Json(parse_json(content), content)
        return
    except Malformed:
        pass
    if content.startswith(b"{\n") and _frame(content, 0):
        # 0x7B 0x0A begins a JSON object, and also an OTLP message of 123 bytes.
        yield from _otlp_messages(content)
        return
    lines = content.split(b"\n", MOST_DOCUMENTS)
    for line in lines[:MOST_DOCUMENTS]:
        if line.strip():
            yield from _json_line(line)
    if len(lines) > MOST_DOCUMENTS:
        yield Unreadable(lines[-1], f"more than {MOST_DOCUMENTS} lines in one record")


def _json_line(line: bytes) -> Iterator[Document]:
    """One object, as a rule; perhaps several without anything between them."""
    try:
        document = parse_json(line)
    except Malformed:
        yield from _glued_documents(line)
        return
    yield Json(document, line) if type(document) is dict else Unreadable(line, "not a JSON object")


def _glued_documents(line: bytes) -> Iterator[Document]:
    try:
        text = line.decode()
    except UnicodeDecodeError:
        yield Unreadable(line, "neither JSON nor text")
        return
    start = _behind_spaces(text, 0)
    while start < len(text):
        try:
            _, end = _JSON.raw_decode(text, start)
            document = parse_json(text[start:end].encode())
        except (ValueError, RecursionError, Malformed):
            document = None
        if type(document) is not dict:
            yield Unreadable(text[start:].encode(), "not a JSON object")
            return
        yield Json(document, text[start:end].encode())
        start = _behind_spaces(text, end)


def _behind_spaces(text: str, start: int) -> int:
    spaces = _SPACES.match(text, start)
    return spaces.end() if spaces else start


def _otlp_messages(content: bytes) -> Iterator[Document]:
    """Metric Streams, "OpenTelemetry 1.0.0 format": each request behind its length, a varint of 32 bits."""
    position = messages = 0
    while position < len(content):
        frame = _frame(content, position) if messages < MOST_DOCUMENTS else None
        if frame is None:
            yield Unreadable(content[position:], "neither gzip, nor JSON, nor OTLP")
            return
        first, (start, position) = position, frame
        messages += 1
        if position > start:
            message = _otlp(content[start:position])
            yield message if isinstance(message, Otlp) else Unreadable(content[first:position], message)


def _frame(content: bytes, position: int) -> tuple[int, int] | None:
    """Where the message that begins here with its length starts and ends, if it can be one of OTLP metrics."""
    size = shift = 0
    for index in range(position, min(position + 5, len(content))):
        size |= (content[index] & 0x7F) << shift
        shift += 7
        if content[index] < 0x80:
            end = index + 1 + size
            is_metrics = not size or content[index + 1 : index + 2] == b"\n"  # the tag of resource_metrics
            return (index + 1, end) if is_metrics and end <= len(content) else None
    return None


def _otlp(body: bytes) -> Otlp | str:
    """The request, or why it is none."""
    try:
        refuse_crowd(Signal.METRICS, body, MOST_ITEMS)
        request: Any = STORED_TYPE[Signal.METRICS].FromString(body)
    except (DecodeError, Refused) as error:
        return f"no OTLP metrics request: {error}"
    if _is_opentelemetry_0_7(request):
        return OPENTELEMETRY_0_7
    return Otlp(request, sum(len(points) for points in _points(request)))


def _points(request: Any) -> Iterator[Any]:
    for resource_metrics in request.resource_metrics:
        for scope_metrics in resource_metrics.scope_metrics:
            for metric in scope_metrics.metrics:
                if data := metric.WhichOneof("data"):
                    yield getattr(metric, data).data_points


def _is_opentelemetry_0_7(request: Any) -> bool:
    """Before 1.0, points had `labels` (field 1) where they now have attributes; a summary has no field 1 any more."""
    return any(
        not point.attributes and _has_unknown(point, 1) for points in _points(request) for point in points[:1]
    )


def _has_unknown(message: Any, number: int) -> bool:
    unknown: Any = UnknownFieldSet(message)
    return any(field.field_number == number for field in unknown)
