"""What is known of each invocation, from the recorder's frames and from what the platform tells of it.

An invocation that ends is the recorder's to tell. One that died is told here: its own span, and those that were open, end
with the reason that the platform gives.
"""

from __future__ import annotations

import json
import os
import time

from coldlight_lambda import frames, otlp
from coldlight_lambda.contexts import from_xray, xray_trace_id
from coldlight_lambda.shipper import function_logs, platform_events
from coldlight_lambda.shipper.attempts import EXTENSIONS, RECORDER, TELEMETRY, Attempts
from coldlight_lambda.shipper.extension import MANAGED_INSTANCES
from coldlight_lambda.shipper.outbox import LOGS, TRACES
from coldlight_lambda.spans import ERROR, UNSET, Context

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Optional

    from coldlight_lambda.shipper.attempts import Known
    from coldlight_lambda.shipper.outbox import Outbox
    from coldlight_lambda.shipper.platform_events import Facts
    from coldlight_lambda.spans import Attributes, Value

_MOST_OPEN = 1_000
_OVERDUE_S = 1.0
"""So long after the platform's last word of an invocation, nothing more of it is on its way here."""
_INSTANCE = "faas.instance"
_IDENTITY = ("faas.name", "faas.version", _INSTANCE, "cloud.region")
_SNAP_START = "snap-start"
_TRACE_ID, _SPAN_ID, _SHORTEST_SPAN = slice(2, 18), slice(20, 28), 28
"""Where the recorder's encoder puts a span's ids (`otlp.span`)."""

TIMEOUT, OUT_OF_MEMORY, EXIT = "Sandbox.Timedout", "Runtime.OutOfMemory", "Runtime.ExitError"
"""The platform's own names of what ends an invocation; they become `error.type`."""


class Ledger:
    """Under the station's lock. `init_type` is AWS_LAMBDA_INITIALIZATION_TYPE."""

    def __init__(self, outbox: Outbox, resource: Attributes, init_type: str = "") -> None:
        self._outbox = outbox
        self.resource = resource
        self._init_type = init_type
        self._instance: dict[str, Value] = {}
        self._identity: dict[str, Value] = {}
        self._attempts = Attempts()
        self._writing: Optional[Known] = None
        """The one whose log lines come now. Telemetry is in order, and may be behind the Extensions API by an invocation."""
        self.dropped_frames = 0
        self._is_init_reported = False
        self.has_recorder = False
        """The function is recorded: it has said hello."""

    @property
    def is_in_init(self) -> bool:
        """Nothing was told of any invocation yet."""
        return self._attempts.newest is None

    def invoked(self, request_id: str, arn: str, deadline_ms: int) -> Known:
        """The platform has begun an invocation, of which the recorder may have told first. Those before it are over, for
        this is told of only where one runs at a time."""
        known = self._begin(request_id, EXTENSIONS)
        for before in self._attempts:
            if before is not known and before.root:
                self._complete(before, "")
        known.deadline_ms = deadline_ms
        self._arn(arn)
        return known

    def frame(self, kind: bytes, request_id: str, content: bytes) -> None:
        """What the recorder hands over. Raises ValueError or TypeError for what it never would."""
        if kind == frames.HELLO:
            self.resource, self.has_recorder = {**self._instance, **json.loads(content)}, True
        elif kind == frames.DROPPED:
            self.dropped_frames += int(content)
        elif kind == frames.START:
            self._started(self._begin(request_id, RECORDER), content)
        elif kind == frames.END:
            self._ended(self._attempts.of(request_id, RECORDER), content)
        else:
            self._span(self._attempts.of(request_id, RECORDER), kind, content)

    def event(self, event: dict[str, Any]) -> None:
        """What the Telemetry API tells: one event."""
        told, record = str(event.get("type")), event.get("record")
        named = platform_events.kind(told)
        if named and isinstance(record, dict):
            self._platform(named, platform_events.unix_nano(event.get("time")), record)
        elif told == "function":
            line = function_logs.read(record)
            known = self._attempts.find(line.request_id, TELEMETRY) if line.request_id else self._writing
            line.request_id = line.request_id or (known.request_id if known else "")
            line.time_ns = line.time_ns or platform_events.unix_nano(event.get("time"))
            self._outbox.add(LOGS, (line, known), len(record if isinstance(record, str) else str(record)))

    def is_reported(self) -> bool:
        """Whether the platform has told the cost of the last invocation, or without any that of the init: its last word."""
        newest = self._attempts.newest
        return self._is_init_reported if newest is None else bool(newest.reported_at)

    def complete_overdue(self) -> None:
        """Ends what the platform has told the last of, and the recorder has not, though it had the time to."""
        until = time.time() - _OVERDUE_S
        for known in self._attempts:
            if known.root and 0 < known.reported_at < until:
                self._complete(known, "")

    def shut_down(self, reason: str) -> None:
        """Nobody will tell more: what is open ends for this reason of a SHUTDOWN event."""
        for known in self._attempts:
            if known.root:
                self._complete(known, reason)

    def encode(self, record: Any) -> bytes:
        """A log line or an event as a `LogRecord`: at the latest moment, when the trace of its invocation is known."""
        told, known = record
        if isinstance(told, function_logs.Line):
            known = known or self._attempts.find(told.request_id, TELEMETRY)
            own: Attributes = {"faas.invocation_id": told.request_id or None, **told.attributes}
            own = {key: value for key, value in own.items() if value is not None}
            context = known.context if known else None
            return otlp.log_record(told.time_ns, time.time_ns(), told.body, own, told.severity, context)
        time_ns, found, traced = told
        severity = (17, "ERROR") if platform_events.has_failed(found) else (9, "INFO")
        context = (known.context if known else None) or traced
        own = {**self._identified(), **found}
        return otlp.log_record(
            time_ns, time.time_ns(), None, own, severity, context, str(found["event.name"])
        )

    def _begin(self, request_id: str, teller: str) -> Known:
        known = self._attempts.begin(request_id, teller)
        for oldest in self._attempts.forget():
            if oldest.root:
                self._complete(oldest, "")
        if self._init_type == _SNAP_START and not self._instance:
            self._name_instance()
        return known

    def _name_instance(self) -> None:
        """Sandboxes that are restored from a snapshot have no log stream to be known by (AWS Lambda Developer Guide, "Monitoring
        for Lambda SnapStart"). The first invocation comes after the snapshot: what is chosen now, no other sandbox has."""
        self._instance = {_INSTANCE: os.urandom(16).hex()}
        self.resource = {**self._instance, **self.resource}

    def _started(self, known: Known, content: bytes) -> None:
        told, _, root = content.partition(b"\0")
        start = json.loads(told)
        known.context = _context(root)
        known.root = root
        known.deadline_ms = int(start.get("deadline_ms") or known.deadline_ms)
        known.started_ns = time.time_ns()
        self._arn(str(start.get("arn") or ""))

    def _span(self, known: Known, kind: bytes, content: bytes) -> None:
        span_id = _context(content).span_id
        if kind == frames.SPAN:
            known.open.pop(span_id, None)
            known.ended.add(span_id)
            self._outbox.add(TRACES, content, len(content))
        elif known.has_ended:
            return  # a snapshot that was overtaken by the end
        elif known.context is not None and span_id == known.context.span_id:
            known.root = content  # the invocation's own span, with what is known of it by now
        elif len(known.open) < _MOST_OPEN and span_id not in known.ended:
            known.open[span_id] = content

    def _ended(self, known: Known, root: bytes) -> None:
        known.context = _context(root)
        known.root, known.has_ended = b"", True
        self._outbox.add(TRACES, root, len(root))
        self._end_open(known, otlp.ending(time.time_ns(), UNSET, "", {"coldlight.unfinished": True}))

    def _complete(self, known: Known, reason: str) -> None:
        """Ends the span of an invocation whose end the recorder never told."""
        kind, message = _cause(known.facts, reason)
        end_ns = max(time.time_ns(), known.started_ns)
        if kind == TIMEOUT and known.deadline_ms:
            end_ns = min(end_ns, known.deadline_ms * 1_000_000)
        own: dict[str, Value] = {"coldlight.completed_by": "shipper"}
        if kind:
            own["error.type"] = kind
            own["aws.lambda.status"] = "timeout" if kind == TIMEOUT else "error"
        code = ERROR if kind else UNSET
        root = known.root + otlp.ending(end_ns, code, message, own)
        known.root, known.has_ended = b"", True
        self._outbox.add(TRACES, root, len(root))
        self._end_open(known, otlp.ending(end_ns, code, message, {**own, "coldlight.unfinished": True}))

    def _end_open(self, known: Known, ending: bytes) -> None:
        spans, known.open = known.open, {}  # before the loop, which a finalizer may interrupt
        known.ended = set()
        for span in spans.values():
            self._outbox.add(TRACES, span + ending, len(span) + len(ending))

    def _platform(self, named: str, time_ns: int, record: dict[str, Any]) -> None:
        found = platform_events.facts(named, record)
        request_id = str(found.get("faas.invocation_id", ""))
        known = self._noted(named, request_id, found) if request_id else None
        self._is_init_reported = self._is_init_reported or named == "init_report"
        self._outbox.add(LOGS, ((time_ns, found, _traced(record)), known), 500)

    def _noted(self, named: str, request_id: str, found: Facts) -> Known:
        if named == "start":
            known = self._begin(request_id, TELEMETRY)
            if self._init_type != MANAGED_INSTANCES:  # there, a line might be anyone's
                self._writing = known
            return known
        known = self._attempts.of(request_id, TELEMETRY)
        if named in ("runtime_done", "report"):
            known.facts.update(found)
            known.is_done = True
        if named == "report":
            known.reported_at = time.time()
        return known

    def _arn(self, arn: str) -> None:
        parts = arn.split(":")
        if len(parts) >= 7:
            self._identity = {"cloud.resource_id": ":".join(parts[:7]), "cloud.account.id": parts[4]}

    def _identified(self) -> dict[str, Value]:
        known = {key: self.resource[key] for key in _IDENTITY if key in self.resource}
        return {**known, **self._identity}


def _context(span: bytes) -> Context:
    if len(span) < _SHORTEST_SPAN:
        raise ValueError(f"{span!r} is no span")
    return Context(span[_TRACE_ID], span[_SPAN_ID])


def _cause(found: Facts, reason: str) -> tuple[str, str]:
    """The `error.type` of what ended an invocation, and words for it; empty if nothing says that anything went wrong."""
    status, error_type = found.get("aws.lambda.status", ""), str(found.get("aws.lambda.error_type", ""))
    if status == "timeout" or reason == "timeout":
        duration_ms = found.get("aws.lambda.duration_ms")
        after = f" after {float(duration_ms) / 1000:.2f} seconds" if duration_ms else ""
        return TIMEOUT, f"Task timed out{after}"
    if error_type == OUT_OF_MEMORY or _is_memory_full(found, bool(reason) or status in ("error", "failure")):
        return OUT_OF_MEMORY, "The runtime ran out of memory and was killed"
    if error_type or status in ("error", "failure") or reason == "failure":
        return error_type or EXIT, "The runtime exited before the invocation had ended"
    return "", ""


def _is_memory_full(found: Facts, has_died: bool) -> bool:
    """As the platform's report has it: whoever dies with all of the memory in use has died of that."""
    used, size = found.get("aws.lambda.max_memory_used_mb"), found.get("aws.lambda.memory_size_mb")
    return has_died and used is not None and size is not None and float(used) >= float(size)


def _traced(record: dict[str, Any]) -> Optional[Context]:
    """Where the platform's own trace has an event: of use if no recorder tells a better place."""
    tracing = record.get("tracing")
    header = str(tracing.get("value", "")) if isinstance(tracing, dict) else ""
    trace_id = xray_trace_id(header)
    return from_xray(header) or (Context(trace_id, b"") if trace_id else None)
