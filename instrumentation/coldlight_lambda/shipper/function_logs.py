"""Lines of the function's log, as the Telemetry API has them: text, or objects where the function logs JSON."""

from __future__ import annotations

import json

from coldlight_lambda.shipper.platform_events import unix_nano

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from coldlight_lambda.spans import Value

_SEVERITIES = {
    "TRACE": 1,
    "DEBUG": 5,
    "INFO": 9,
    "WARN": 13,
    "WARNING": 13,
    "ERROR": 17,
    "FATAL": 21,
    "CRITICAL": 21,
}
"""OpenTelemetry's numbers (Logs data model, "Severity fields")."""

_REQUEST_ID_LENGTH = 36
_LONGEST_OBJECT = 64 << 10
_ATTRIBUTES = {
    "errorType": "exception.type",
    "errorMessage": "exception.message",
    "stackTrace": "exception.stacktrace",
}
_TAKEN = ("timestamp", "level", "message", "requestId")


class Line:
    """`time_ns` is 0 and `request_id` empty where the line does not say."""

    __slots__ = ("attributes", "body", "request_id", "severity", "time_ns")

    def __init__(
        self, body: Value, severity: tuple[int, str], request_id: str = "", time_ns: int = 0
    ) -> None:
        self.body = body
        self.severity = severity
        self.request_id = request_id
        self.time_ns = time_ns
        self.attributes: dict[str, Value] = {}


def read(record: object) -> Line:
    """What a `function` event's record says. A text is kept as it was written, but for the line's end."""
    if isinstance(record, dict):
        return _of_object(record)
    text = record if isinstance(record, str) else json.dumps(record)
    return _of_text(text.rstrip("\r\n"))


def _of_object(record: dict[str, Any]) -> Line:
    """AWS Lambda Developer Guide, "Working with JSON format logs"; whatever else is in it becomes an attribute."""
    body = record.get("message", record.get("errorMessage", record))
    line = Line(body, _severity(record.get("level")), _request_id(record), unix_nano(record.get("timestamp")))
    if body is not record:
        for key, value in record.items():
            if key not in _TAKEN and value is not None:
                line.attributes[_ATTRIBUTES.get(key, key)] = _stack(value) if key == "stackTrace" else value
    return line


def _of_text(text: str) -> Line:
    """`[INFO]<tab>time<tab>request id<tab>message`, as Python's runtime formats it, an object, or anything at all."""
    if text.startswith("{") and len(text) <= _LONGEST_OBJECT:
        return _of_printed_object(text)
    level, bracket, _ = text[1:12].partition("]") if text.startswith("[") else ("", "", "")
    parts = text.split("\t", 3)
    is_formatted = len(parts) == 4 and len(parts[2]) == _REQUEST_ID_LENGTH
    time_ns = unix_nano(parts[1]) if is_formatted else 0
    return Line(text, _severity(level if bracket else ""), parts[2] if is_formatted else "", time_ns)


def _of_printed_object(text: str) -> Line:
    """What loggers of JSON write into a text log: the line stays as it is, and says what it says."""
    try:
        record = json.loads(text)
    except (ValueError, RecursionError):
        record = {}
    record = record if isinstance(record, dict) else {}
    return Line(text, _severity(record.get("level")), _request_id(record))


def _request_id(record: dict[str, Any]) -> str:
    named = record.get("requestId") or record.get("function_request_id") or record.get("aws_request_id")
    return named if isinstance(named, str) else ""


def _severity(level: object) -> tuple[int, str]:
    text = level.upper() if isinstance(level, str) else ""
    return _SEVERITIES.get(text, 0), text if text in _SEVERITIES else ""


def _stack(value: Any) -> Value:
    return "".join(map(str, value)) if isinstance(value, list) else str(value)
