"""What a log line of a Lambda function says of itself: its severity, its invocation, its trace.

The line is never changed. Formats: Lambda Developer Guide, "Configuring JSON and plain text log formats"; the text
lines are those that the managed runtimes write.
"""

import re
from dataclasses import dataclass
from typing import Any

from coldlight_collector.intake import Malformed
from coldlight_collector.json_body import parse_json
from coldlight_collector.xray.codecs import TRACE_ID, find_trace_id

_LEVELS = {
    "TRACE": 1,
    "DEBUG": 5,
    "DBUG": 5,
    "INFO": 9,
    "INFORMATION": 9,
    "NOTICE": 10,
    "WARN": 13,
    "WARNING": 13,
    "ERROR": 17,
    "FAIL": 17,
    "CRITICAL": 21,
    "CRIT": 21,
    "FATAL": 21,
    "EMERGENCY": 24,
}
"""OpenTelemetry's severity numbers (Logs Data Model, "SeverityNumber") for the names that runtimes write."""

_PINO_LEVELS = {10: 1, 20: 5, 30: 9, 40: 13, 50: 17, 60: 21}

_LEVEL_KEYS = ("level", "log_level", "severity", "levelname")
_ID_KEYS = (
    "requestId",
    "AWSRequestId",
    "aws_request_id",
    "function_request_id",
    "awsRequestId",
    "faas.invocation_id",
)
_TRACE_KEYS = (
    "traceId",
    "trace_id",
    "traceparent",
    "xray_trace_id",
    "xrayTraceId",
    "AWS-XRAY-TRACE-ID",
    "trace",
)
_SPAN_KEYS = ("spanId", "span_id")

_UUID = r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
_TIME = r"\d{4}-\d\d-\d\dT[\d:.]{5,20}Z"
_TIME_FIRST = re.compile(rf"{_TIME}\t(?P<id>{_UUID}|undefined|)\t(?P<level>\w{{1,16}})\t")
_LEVEL_FIRST = re.compile(rf"\[(?P<level>\w{{1,16}})\]\t{_TIME}\t(?P<id>{_UUID}|)\t")
_REQUEST_ID = re.compile(
    rf"(?:\w+ )?RequestId: (?P<id>{_UUID})\b|\S+Z (?P<timed_out>{_UUID}) Task timed out "
)
_XRAY_HEADER = re.compile(rf"\b(?:Root=|XRAY TraceId: ?)({TRACE_ID})")
_XRAY_SEGMENT = re.compile(r"\b(?:Parent=|SegmentId: ?)([0-9a-f]{16})\b")
_TRACEPARENT = re.compile(r"00-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}")
_TRACE_ID = re.compile(r"[0-9a-f]{32}")
_SPAN_ID = re.compile(r"[0-9a-f]{16}")


@dataclass(frozen=True)
class Line:
    """What is not said is empty, or 0."""

    severity_text: str = ""
    severity_number: int = 0
    invocation_id: str = ""
    trace_id: bytes = b""
    span_id: bytes = b""


def read(text: str) -> Line:
    """Reads a line as a Lambda runtime writes it; one that is none of these says nothing."""
    if text.startswith("{"):
        return _read_json(text)
    matched = _TIME_FIRST.match(text) or _LEVEL_FIRST.match(text)
    trace_id, span_id = _trace_in_text(text)
    if not matched:
        request = _REQUEST_ID.match(text)
        return Line("", 0, (request["id"] or request["timed_out"]) if request else "", trace_id, span_id)
    invocation_id = "" if matched["id"] == "undefined" else matched["id"]
    return Line(*_severity(matched["level"]), invocation_id, trace_id, span_id)


def _read_json(text: str) -> Line:
    try:
        fields: dict[str, Any] = parse_json(text.encode())
    except Malformed:
        return Line()
    record = fields.get("record")
    invocation_id = _first(fields, _ID_KEYS) or (_first(record, _ID_KEYS) if type(record) is dict else "")
    trace_id, span_id = _trace_in_fields(fields)
    return Line(*_severity(_level(fields)), invocation_id, trace_id, span_id)


def _level(fields: dict[str, Any]) -> str | int:
    level = fields.get("level")
    return level if type(level) is int else _first(fields, _LEVEL_KEYS)


def _severity(level: str | int) -> tuple[str, int]:
    if type(level) is int:
        return str(level), _PINO_LEVELS.get(level, 0)
    number = _LEVELS.get(str(level).upper(), 0)
    return (str(level), number) if number else ("", 0)


def _first(fields: dict[str, Any], keys: tuple[str, ...]) -> str:
    return next((fields[key] for key in keys if type(fields.get(key)) is str and fields[key]), "")


def _trace_in_text(text: str) -> tuple[bytes, bytes]:
    header = _XRAY_HEADER.search(text) if "1-" in text else None
    if not header:
        return b"", b""
    segment = _XRAY_SEGMENT.search(text, header.end())
    return find_trace_id(header[1]), bytes.fromhex(segment[1]) if segment else b""


def _trace_in_fields(fields: dict[str, Any]) -> tuple[bytes, bytes]:
    for key in _TRACE_KEYS:
        value = fields.get(key)
        if type(value) is not str:
            continue
        if parent := _TRACEPARENT.fullmatch(value):
            return bytes.fromhex(parent[1]), bytes.fromhex(parent[2])
        if trace_id := bytes.fromhex(value) if _TRACE_ID.fullmatch(value) else find_trace_id(value):
            return trace_id, _span_in(value, _first(fields, _SPAN_KEYS))
    return b"", b""


def _span_in(header: str, span_id: str) -> bytes:
    segment = _XRAY_SEGMENT.search(header)
    if segment:
        return bytes.fromhex(segment[1])
    return bytes.fromhex(span_id) if _SPAN_ID.fullmatch(span_id) else b""
