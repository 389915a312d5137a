"""What the platform tells through the Telemetry API, as log records `aws.lambda.<type>` (DESIGN.md, "Instrumentation").

Source: AWS Lambda Developer Guide, "Lambda Telemetry API Event schema reference", schema versions up to 2025-01-29.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, Union

    Facts = dict[str, Union[str, int, float]]

PREFIX = "aws.lambda."
_LARGEST_NUMBER = 2**53

_TEXTS = {
    "requestId": "faas.invocation_id",
    "version": "faas.version",
    "functionVersion": "faas.version",
    "functionName": "faas.name",
    "initializationType": "aws.lambda.init_type",
    "phase": "aws.lambda.phase",
    "status": "aws.lambda.status",
    "errorType": "aws.lambda.error_type",
    "tenantId": "aws.lambda.tenant_id",
    "runtimeVersion": "aws.lambda.runtime_version",
    "runtimeVersionArn": "aws.lambda.runtime_version_arn",
    "reason": "aws.lambda.reason",
}
_COUNTS = {"droppedRecords": "aws.lambda.dropped_records", "droppedBytes": "aws.lambda.dropped_bytes"}
_METRICS: dict[str, tuple[str, Callable[[float], Union[int, float]]]] = {
    "durationMs": ("duration_ms", float),
    "billedDurationMs": ("billed_duration_ms", int),
    "memorySizeMB": ("memory_size_mb", int),
    "maxMemoryUsedMB": ("max_memory_used_mb", int),
    "initDurationMs": ("init_duration_ms", float),
    "restoreDurationMs": ("restore_duration_ms", float),
    "billedRestoreDurationMs": ("billed_restore_duration_ms", int),
    "producedBytes": ("produced_bytes", int),
}
_OF_PHASE = {
    ("init", "duration_ms"): "init_duration_ms",
    ("restore", "duration_ms"): "restore_duration_ms",
    ("restore", "billed_duration_ms"): "billed_restore_duration_ms",
}
"""The duration of an init or restore event is that of the phase, and has its name."""

_BOOKKEEPING = ("platform.telemetrySubscription", "platform.extension")


def kind(event_type: str) -> str:
    """`runtime_done` for `platform.runtimeDone`; empty for what is not the platform's, or tells nothing of the function."""
    head, _, name = event_type.partition(".")
    if head != "platform" or event_type in _BOOKKEEPING:
        return ""
    return "".join(["_" + letter.lower() if letter.isupper() else letter for letter in name])


def facts(named: str, record: dict[str, Any]) -> Facts:
    """What a record of this kind states; what it does not state is absent, as is what is none of the type it should be."""
    found: Facts = {"event.name": PREFIX + named, "aws.lambda.source": "telemetry"}
    for key, attribute in _TEXTS.items():
        value = record.get(key)
        if value and isinstance(value, str):
            found[attribute] = value
    for key, attribute in _COUNTS.items():
        if _is_number(record.get(key)):
            found[attribute] = int(record[key])
    metrics = record.get("metrics")
    for key, value in metrics.items() if isinstance(metrics, dict) else ():
        if key in _METRICS and _is_number(value):
            name, convert = _METRICS[key]
            found[PREFIX + _OF_PHASE.get((named.partition("_")[0], name), name)] = convert(value)
    latency = span_ms(record, "responseLatency")
    if latency is not None:
        found["aws.lambda.response_latency_ms"] = latency
    return found


def span_ms(record: dict[str, Any], name: str) -> float | None:
    """The duration of one of the spans that a record may have."""
    spans = record.get("spans")
    for span in spans if isinstance(spans, list) else ():
        if isinstance(span, dict) and span.get("name") == name and _is_number(span.get("durationMs")):
            return float(span["durationMs"])
    return None


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and 0 <= value < _LARGEST_NUMBER


def has_failed(found: Facts) -> bool:
    return found.get("aws.lambda.status", "success") != "success"


def unix_nano(text: object) -> int:
    """Of `2022-10-12T00:00:15.064Z`; 0 for what is no such time. (Before Python 3.11 a `Z` is not read.)"""
    from datetime import datetime  # not before the first event, which comes after the start

    if not isinstance(text, str):
        return 0
    try:
        moment = datetime.fromisoformat(text[:-1] + "+00:00" if text.endswith("Z") else text)
        return round(moment.timestamp() * 1e6) * 1000 if moment.tzinfo is not None else 0
    except (ValueError, OverflowError):
        return 0
