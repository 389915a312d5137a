"""Lines that the Lambda platform writes into a function's log, read as the facts they state.

`REPORT RequestId: ... Duration: 46.84 ms ...`, `Task timed out after 3.00 seconds` or `{"type":"platform.report",...}`
become log records `aws.lambda.<type>` beside the original line, whoever sent it. Types are those of the Telemetry API
in snake case, plus `end` (the END line) and `fault`: the platform ended the invocation, by a timeout (`status` timeout)
or because the runtime died (`status` error, with `error_type`; out of memory is Runtime.OutOfMemory).

Sources: AWS Lambda Developer Guide, "Lambda runtime environment" (failures during init, restore and invoke),
"Lambda Telemetry API Event schema reference", "Monitoring for Lambda SnapStart"; lines seen in public logs.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import orjson

from coldlight_collector.any_value import add_attributes
from coldlight_collector.xray.codecs import find_trace_id

EVENT_PREFIX = "aws.lambda."

_Number = int | float
_Facts = dict[str, str | int | float]

_MARKERS = (b"RequestId: ", b"Task timed out after ", b'"platform.', b" Duration: ", b"Runtime ")
"""At least one of them is in every line that is read here."""

_LONGEST_LINE = 2 * 1024
_NO_YEAR = 2262
"""From here on ClickHouse's nanoseconds end within the year."""
_LONGEST_JSON_LINE = 16 * 1024
_LONGEST_IDENTITY = 256
"""Copied into every event: what is longer stays in the resource alone. An ARN, the longest that AWS makes, has fewer."""
_LARGEST_NUMBER = 2**53
_SEVERITY_INFO, _SEVERITY_ERROR = 9, 17
_SAMPLED = 1

_IDENTITY = (
    "faas.name",
    "faas.version",
    "faas.instance",
    "cloud.resource_id",
    "cloud.account.id",
    "cloud.region",
)
"""What a record says of its function; the resource of the line knows it, the line itself does not."""

_REQUIRED = {
    "REPORT": "requestid",
    "START": "requestid",
    "END": "requestid",
    "INIT_START": "runtimeversion",
    "INIT_REPORT": "initduration",
    "RESTORE_START": "runtimeversion",
    "RESTORE_REPORT": "restoreduration",
}
"""The first word of a text line, and the field without which it is somebody else's line."""

# Runs of blanks are taken whole and from their start only: a long one must not be tried at each of its places.
_FIELD = re.compile(r"(?<! ) *+([^: ][^:]{0,63}?): *+(\S+)(?: ++(ms|MB)(?= |$))?")
_ID = r"[0-9A-Fa-f-]{36}"
_TIMEOUT = re.compile(
    rf"(?:\S+\s+)?(?:RequestId: )?(?P<id>{_ID})\s+(?:Error: )?Task timed out after (?P<s>\d{{1,6}}(?:\.\d+)?) seconds"
)
_FAULT = re.compile(
    r"(?:RequestId: (?P<id>\S+) )?(?:Error: )?"
    r"(?P<reason>(?<=Error: )[^\n]+?|Runtime exited [^\n]*?|Process exited before completing request)"
    r"(?:(?<!\s)\s++(?P<type>(?:Runtime|Extension|Function|Sandbox)\.\w+))?"
)
_NUMBER = re.compile(r"\d{1,15}(\.\d+)?")
_SPAN_ID = re.compile(r"[0-9a-f]{16}")
_PLATFORM_TYPE = re.compile(r"platform\.([a-z][A-Za-z]{0,39})")
_HUMP = re.compile(r"(?<=[a-z])(?=[A-Z])")


@dataclass(frozen=True)
class PlatformEvent:
    """One fact that the platform stated. What it did not state is absent from `attributes`."""

    type: str
    time_unix_nano: int
    attributes: _Facts
    trace_id: bytes = b""
    span_id: bytes = b""
    flags: int = 0

    @property
    def name(self) -> str:
        return EVENT_PREFIX + self.type

    def write(self, record: Any, line: Any, identity: _Facts) -> None:
        """Fills an empty OTLP log record from that of the line; `identity` says whose function it was."""
        failed = self.attributes.get("aws.lambda.status", "success") != "success"
        record.time_unix_nano = self.time_unix_nano
        record.observed_time_unix_nano = line.observed_time_unix_nano
        record.event_name = self.name
        record.severity_number = _SEVERITY_ERROR if failed else _SEVERITY_INFO
        record.severity_text = "ERROR" if failed else "INFO"
        record.trace_id, record.span_id, record.flags = self.trace_id, self.span_id, self.flags
        if not self.trace_id:
            record.trace_id, record.span_id, record.flags = line.trace_id, line.span_id, line.flags
        add_attributes(record.attributes, {"event.name": self.name, **identity, **self.attributes})


def may_hold(body: bytes) -> bool:
    """Whether a request could hold a line of the platform: a few searches at the speed of C."""
    return any(marker in body for marker in _MARKERS)


def add_events(request: Any) -> int:
    """Adds a record `aws.lambda.<type>` beside every line of the platform in a logs request, in place.

    Gives how many were added.
    """
    added = 0
    for resource_logs in request.resource_logs:
        for scope_logs in resource_logs.scope_logs:
            found = [(event, record) for record in scope_logs.log_records if (event := _event_of(record))]
            identity = _identity(resource_logs.resource) if found else {}
            for event, line in found:
                event.write(scope_logs.log_records.add(), line, identity)
            added += len(found)
    return added


def _event_of(record: Any) -> PlatformEvent | None:
    if record.event_name.startswith(EVENT_PREFIX):
        return None
    return read(record.time_unix_nano or record.observed_time_unix_nano, record.body.string_value)


def _identity(resource: Any) -> _Facts:
    known = {attribute.key: attribute.value.string_value for attribute in resource.attributes}
    return {key: known[key] for key in _IDENTITY if 0 < len(known.get(key, "")) <= _LONGEST_IDENTITY}


def read(time_unix_nano: int, text: str) -> PlatformEvent | None:
    """What a line says if it is the platform's, logged at `time_unix_nano`; nothing if it is anybody else's."""
    if text.startswith("{"):
        is_short = len(text) <= _LONGEST_JSON_LINE
        return _read_json(time_unix_nano, text) if is_short and '"platform.' in text else None
    if len(text) > _LONGEST_LINE:
        return None
    keyword, *rest = text.split(None, 1) or [""]
    if keyword in _REQUIRED:
        return _read_fields(time_unix_nano, keyword, "".join(rest))
    return _read_fault(time_unix_nano, text.rstrip())


def _read_fields(time_unix_nano: int, keyword: str, rest: str) -> PlatformEvent | None:
    """A line of labelled values, by tabs or spaces, in any order; labels that are not known are passed over."""
    fields: dict[str, tuple[str, str]] = {}
    for part in re.split(r"[\t\r\n]", rest):
        for label, value, unit in _FIELD.findall(part):
            fields.setdefault(label.replace(" ", "").lower(), (value, unit))
    if _REQUIRED[keyword] not in fields:
        return None
    found = _Found()
    for label, (value, unit) in fields.items():
        if label in _LABELS:
            found.note(*_LABELS[label], _of_text(value, unit))
    found.trace(fields.get("xraytraceid", ("", ""))[0], fields.get("segmentid", ("", ""))[0])
    found.flags = _SAMPLED if fields.get("sampled", ("", ""))[0] == "true" else 0
    return found.event(keyword.lower(), time_unix_nano)


def _of_text(value: str, unit: str) -> str | _Number:
    """A number where a unit says that it is one."""
    if not unit or not _NUMBER.fullmatch(value):
        return value
    return float(value) if "." in value else int(value)


def _read_fault(time_unix_nano: int, text: str) -> PlatformEvent | None:
    found = _Found()
    if timeout := _TIMEOUT.fullmatch(text):
        found.note("faas.invocation_id", str, timeout["id"])
        found.note("aws.lambda.duration_ms", float, float(timeout["s"]) * 1000)
        found.note("aws.lambda.status", str, "timeout")
        return found.event("fault", time_unix_nano)
    fault = _FAULT.fullmatch(text)
    if not fault or not (fault["id"] or fault["reason"].startswith("Runtime exited ")):
        return None
    # Nobody but the kernel's memory limit kills a runtime: a timeout has a line of its own.
    is_out_of_memory = "signal: killed" in fault["reason"]
    found.note("faas.invocation_id", str, fault["id"])
    found.note("aws.lambda.status", str, "error")
    found.note("aws.lambda.error_type", str, "Runtime.OutOfMemory" if is_out_of_memory else fault["type"])
    return found.event("fault", time_unix_nano)


def _read_json(time_unix_nano: int, text: str) -> PlatformEvent | None:
    """Lambda's JSON log format and the Telemetry API: `{"time": ..., "type": "platform.report", "record": {...}}`."""
    try:
        event = orjson.loads(text)
    except orjson.JSONDecodeError:
        return None
    matched = _PLATFORM_TYPE.fullmatch(str(event.get("type"))) if type(event) is dict else None
    record = event.get("record") if matched else None
    if not matched or type(record) is not dict:
        return None
    kind = _HUMP.sub("_", matched[1]).lower()
    found = _Found()
    for key, value in record.items():
        if key in _RECORD_KEYS:
            found.note(*_RECORD_KEYS[key], value)
    for key, value in _dictionary(record.get("metrics")).items():
        if key in _METRICS:
            found.note(*_of_phase(kind, *_METRICS[key]), value)
    found.note("aws.lambda.response_latency_ms", float, _span_ms(record.get("spans"), "responseLatency"))
    tracing = _dictionary(record.get("tracing"))
    found.trace(str(tracing.get("value")), str(tracing.get("spanId")))
    found.flags = _SAMPLED if "Sampled=1" in str(tracing.get("value")) else 0
    return found.event(kind, _unix_nano(event.get("time")) or time_unix_nano)


def _of_phase(kind: str, name: str, convert: Callable[[Any], Any]) -> tuple[str, Callable[[Any], Any]]:
    """The duration of an init or restore event is that of the phase, and has its name."""
    phase = kind.partition("_")[0]
    return _PHASE_METRICS.get((phase, name), name), convert


def _span_ms(spans: Any, name: str) -> Any:
    for span in spans if type(spans) is list else ():
        if type(span) is dict and span.get("name") == name:
            return span.get("durationMs")
    return None


def _dictionary(value: Any) -> dict[str, Any]:
    return value if type(value) is dict else {}


def _unix_nano(text: Any) -> int:
    try:
        moment = datetime.fromisoformat(text) if type(text) is str else None
    except ValueError:
        return 0
    if moment is None or moment.tzinfo is None or not 1970 < moment.year < _NO_YEAR:
        return 0
    return round((moment - datetime(1970, 1, 1, tzinfo=UTC)).total_seconds() * 1000) * 10**6


@dataclass
class _Found:
    """The facts of one line, gathered."""

    facts: _Facts = field(default_factory=lambda: {"aws.lambda.source": "log"})
    trace_id: bytes = b""
    span_id: bytes = b""
    flags: int = 0

    def note(self, name: str, convert: Callable[[Any], Any], value: Any) -> None:
        """Keeps a value, unless it is none of the kind that `convert` makes (str, int or float)."""
        if convert is str:
            if type(value) is str and value:
                self.facts[name] = value
        elif type(value) in (int, float) and 0 <= value < _LARGEST_NUMBER:
            # A whole number stays one where milliseconds are counted whole, as billed ones are.
            self.facts[name] = int(value) if convert is int and value == int(value) else float(value)

    def trace(self, root: str, segment: str) -> None:
        self.trace_id = find_trace_id(root)
        if self.trace_id and _SPAN_ID.fullmatch(segment) and segment.strip("0"):
            self.span_id = bytes.fromhex(segment)

    def event(self, kind: str, time_unix_nano: int) -> PlatformEvent:
        return PlatformEvent(
            kind, time_unix_nano, self.facts, self.trace_id, self.span_id, self.flags if self.trace_id else 0
        )


_Reading = tuple[str, Callable[[Any], Any]]

_LABELS: dict[str, _Reading] = {
    "requestid": ("faas.invocation_id", str),
    "version": ("faas.version", str),
    "duration": ("aws.lambda.duration_ms", float),
    "billedduration": ("aws.lambda.billed_duration_ms", int),
    "memorysize": ("aws.lambda.memory_size_mb", int),
    "maxmemoryused": ("aws.lambda.max_memory_used_mb", int),
    "initduration": ("aws.lambda.init_duration_ms", float),
    "restoreduration": ("aws.lambda.restore_duration_ms", float),
    "billedrestoreduration": ("aws.lambda.billed_restore_duration_ms", int),
    "phase": ("aws.lambda.phase", str),
    "status": ("aws.lambda.status", str),
    "errortype": ("aws.lambda.error_type", str),
    "tenantid": ("aws.lambda.tenant_id", str),
    "runtimeversion": ("aws.lambda.runtime_version", str),
    "runtimeversionarn": ("aws.lambda.runtime_version_arn", str),
}
"""Labels of text lines, without spaces and in lower case."""

_RECORD_KEYS: dict[str, _Reading] = {
    "requestId": ("faas.invocation_id", str),
    "version": ("faas.version", str),
    "functionVersion": ("faas.version", str),
    "functionName": ("faas.name", str),
    "initializationType": ("aws.lambda.init_type", str),
    "phase": ("aws.lambda.phase", str),
    "status": ("aws.lambda.status", str),
    "errorType": ("aws.lambda.error_type", str),
    "tenantId": ("aws.lambda.tenant_id", str),
    "runtimeVersion": ("aws.lambda.runtime_version", str),
    "runtimeVersionArn": ("aws.lambda.runtime_version_arn", str),
    "reason": ("aws.lambda.reason", str),
    "droppedRecords": ("aws.lambda.dropped_records", int),
    "droppedBytes": ("aws.lambda.dropped_bytes", int),
}

_METRICS: dict[str, _Reading] = {
    "durationMs": ("aws.lambda.duration_ms", float),
    "billedDurationMs": ("aws.lambda.billed_duration_ms", int),
    "memorySizeMB": ("aws.lambda.memory_size_mb", int),
    "maxMemoryUsedMB": ("aws.lambda.max_memory_used_mb", int),
    "initDurationMs": ("aws.lambda.init_duration_ms", float),
    "restoreDurationMs": ("aws.lambda.restore_duration_ms", float),
    "billedRestoreDurationMs": ("aws.lambda.billed_restore_duration_ms", int),
    "producedBytes": ("aws.lambda.produced_bytes", int),
}
_PHASE_METRICS = {
    ("init", "aws.lambda.duration_ms"): "aws.lambda.init_duration_ms",
    ("restore", "aws.lambda.duration_ms"): "aws.lambda.restore_duration_ms",
    ("restore", "aws.lambda.billed_duration_ms"): "aws.lambda.billed_restore_duration_ms",
}
