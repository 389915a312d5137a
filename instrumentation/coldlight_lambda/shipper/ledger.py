"""What is known of each invocation, from the recorder's frames and from what the platform tells of it.

An invocation that ends is the recorder's to tell. One that died is told here: its own span, and those that were open, end
with the reason that the platform gives.
"""

from __future__ import annotations

import json
import time

from coldlight_lambda import frames, otlp
from coldlight_lambda.contexts import from_xray, xray_trace_id
from coldlight_lambda.shipper import function_logs, platform_events
from coldlight_lambda.shipper.outbox import LOGS, TRACES
from coldlight_lambda.spans import ERROR, UNSET, Context

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Optional

    from coldlight_lambda.shipper.outbox import Outbox
    from coldlight_lambda.shipper.platform_events import Facts
    from coldlight_lambda.spans import Attributes, Value

MOST_KNOWN = 1_000
"""Invocations are remembered, for log lines and reports come late; a Managed Instance runs hundreds at once."""
_MOST_OPEN = 1_000
_IDENTITY = ("faas.name", "faas.version", "faas.instance", "cloud.region")
_TRACE_ID, _SPAN_ID, _SHORTEST_SPAN = slice(2, 18), slice(20, 28), 28
"""Where the recorder's encoder puts a span's ids (`otlp.span`)."""

TIMEOUT, OUT_OF_MEMORY, EXIT = "Sandbox.Timedout", "Runtime.OutOfMemory", "Runtime.ExitError"
"""The platform's own names of what ends an invocation; they become `error.type`."""


class Known:
    """What is known of one invocation. `root` is its own span as of now, without an end; empty before and after."""

    __slots__ = (
        "context",
        "deadline_ms",
        "ended",
        "facts",
        "has_ended",
        "is_done",
        "open",
        "root",
        "started_ns",
    )

    def __init__(self) -> None:
        self.root = b""
        self.open: dict[bytes, bytes] = {}
        self.ended: set[bytes] = set()
        """Ids of spans: one that a snapshot shows as open may have ended on its way here."""
        self.context: Optional[Context] = None
        self.started_ns = time.time_ns()
        self.deadline_ms = 0
        self.facts: Facts = {}
        """Of `platform.runtimeDone` and `platform.report`."""
        self.has_ended = False
        """The recorder, or this ledger, has ended its span."""
        self.is_done = False
        """The platform says that the runtime is done with it."""


class Ledger:
    """Under the station's lock."""

    def __init__(self, outbox: Outbox, resource: Attributes) -> None:
        self._outbox = outbox
        self.resource = resource
        self._identity: dict[str, Value] = {}
        self._known: dict[str, Known] = {}
        self._last = ""
        """The invocation that was told of last, by the Extensions API or by the platform's telemetry."""
        self._writing = ""
        """The one whose log lines come now. Telemetry is in order, and may be behind the Extensions API by an invocation."""
        self.dropped_frames = 0
        self._is_init_reported = False
        self.has_recorder = False
        """The function is recorded: it has said hello."""

    def invoked(self, request_id: str, arn: str, deadline_ms: int) -> None:
        """The platform has begun an invocation, of which the recorder may have told first. Those before it are over, for
        this is told of only where one runs at a time."""
        for begun, known in self._known.items():
            if begun != request_id and known.root:
                self._complete(known, "")
        known = self._of(request_id)
        known.deadline_ms = deadline_ms
        self._last = request_id
        self._arn(arn)

    def frame(self, kind: bytes, request_id: str, content: bytes) -> None:
        """What the recorder hands over. Raises ValueError or TypeError for what it never would."""
        if kind == frames.HELLO:
            self.resource, self.has_recorder = json.loads(content), True
        elif kind == frames.DROPPED:
            self.dropped_frames += int(content)
        elif kind == frames.START:
            self._started(self._of(request_id), content)
        elif kind == frames.END:
            self._ended(self._of(request_id), content)
        else:
            self._span(self._of(request_id), kind, content)

    def event(self, event: dict[str, Any]) -> None:
        """What the Telemetry API tells: one event."""
        told, record = str(event.get("type")), event.get("record")
        named = platform_events.kind(told)
        if named and isinstance(record, dict):
            self._platform(named, platform_events.unix_nano(event.get("time")), record)
        elif told == "function":
            line = function_logs.read(record)
            line.request_id = line.request_id or self._writing
            line.time_ns = line.time_ns or platform_events.unix_nano(event.get("time"))
            self._outbox.add(LOGS, line, len(record if isinstance(record, str) else str(record)))

    def is_over(self, request_id: str) -> bool:
        """Whether an invocation has ended, by the recorder's word or by the platform's."""
        known = self._known.get(request_id)
        return known is not None and (known.has_ended or known.is_done)

    def is_whole(self, request_id: str) -> bool:
        """Whether the recorder has nothing more to tell of an invocation that is over: it has told the end, or died."""
        known = self._known.get(request_id)
        return known is None or not known.root or known.facts.get("aws.lambda.status") != "success"

    def is_done(self, request_id: str) -> bool:
        """Whether the platform has said that the runtime is done with it: then its log lines are here, too."""
        known = self._known.get(request_id)
        return known is not None and known.is_done

    def is_reported(self) -> bool:
        """Whether the platform has told the cost of the last invocation, or without any that of the init: its last word."""
        known = self._known.get(self._last)
        return self._is_init_reported if known is None else "aws.lambda.billed_duration_ms" in known.facts

    def shut_down(self, reason: str) -> None:
        """Nobody will tell more: what is open ends for this reason of a SHUTDOWN event."""
        for known in self._known.values():
            if known.root:
                self._complete(known, reason)

    def encode(self, record: Any) -> bytes:
        """A log line or an event as a `LogRecord`: at the latest moment, when the trace of its invocation is known."""
        if isinstance(record, function_logs.Line):
            own: Attributes = {"faas.invocation_id": record.request_id or None, **record.attributes}
            own = {key: value for key, value in own.items() if value is not None}
            return otlp.log_record(
                record.time_ns,
                time.time_ns(),
                record.body,
                own,
                record.severity,
                self._context(record.request_id),
            )
        time_ns, found, context = record
        severity = (17, "ERROR") if platform_events.has_failed(found) else (9, "INFO")
        context = self._context(str(found.get("faas.invocation_id", ""))) or context
        known: Attributes = {**self._identified(), **found}
        return otlp.log_record(
            time_ns, time.time_ns(), None, known, severity, context, str(found["event.name"])
        )

    def _of(self, request_id: str) -> Known:
        known = self._known.get(request_id)
        if known is None:
            known = self._known[request_id] = Known()
            if len(self._known) > MOST_KNOWN:
                oldest = self._known.pop(next(iter(self._known)))
                if oldest.root:
                    self._complete(oldest, "")
        return known

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
        for span in known.open.values():
            self._outbox.add(TRACES, span + ending, len(span) + len(ending))
        known.open.clear()
        known.ended.clear()

    def _platform(self, named: str, time_ns: int, record: dict[str, Any]) -> None:
        found = platform_events.facts(named, record)
        request_id = str(found.get("faas.invocation_id", ""))
        if request_id:
            self._note(named, request_id, found)
        self._is_init_reported = self._is_init_reported or named == "init_report"
        self._outbox.add(LOGS, (time_ns, found, _traced(record)), 500)

    def _note(self, named: str, request_id: str, found: Facts) -> None:
        known = self._of(request_id)
        if named == "start":
            self._last = self._writing = request_id
        elif named in ("runtime_done", "report"):
            known.facts.update(found)
            known.is_done = True
            if named == "report" and known.root:
                self._complete(known, "")

    def _context(self, request_id: str) -> Optional[Context]:
        known = self._known.get(request_id)
        return known.context if known is not None else None

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
