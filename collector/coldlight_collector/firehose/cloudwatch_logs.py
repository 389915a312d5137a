"""CloudWatch Logs subscriptions: each log event becomes a log record, its message the body, unchanged.

Source: CloudWatch Logs User Guide, "Log group-level subscription filters" (message format, `emitSystemFields`).
"""

from dataclasses import dataclass, field, replace
from functools import partial
from itertools import islice
from typing import Any

from coldlight_collector.any_value import Plain, add_attributes
from coldlight_collector.firehose import emf, lambda_lines
from coldlight_collector.firehose.builders import LogsBuilder, MetricsBuilder
from coldlight_collector.firehose.envelope import Envelope, json_bytes
from coldlight_collector.firehose.metric_streams import text_of
from coldlight_collector.firehose.records import MOST_ITEMS
from coldlight_collector.firehose.resources import LogSource, log_resource
from coldlight_collector.intake import Malformed
from coldlight_collector.repair import mark

SCOPE = "coldlight.firehose"

_LAST_MS = 2**63 // 10**6
_EXTRACTED = "aws.log.extracted."
_MOST_SOURCES = 100
"""Accounts and regions in one message; each has a resource of its own."""
_LONGEST_NAME = 1024


def is_subscription(document: dict[str, Any]) -> bool:
    return "messageType" in document


@dataclass
class LogEvents:
    """Converts the messages of one Firehose request, and knows the events that it has already seen there."""

    envelope: Envelope
    _seen: set[tuple[str, str, str, int]] = field(default_factory=set)

    def add(self, document: dict[str, Any], logs: LogsBuilder, metrics: MetricsBuilder) -> list[Any]:
        """Adds the events of a message, and what they measure. Gives those that are no log events, or one too many.

        Raises `Malformed` for a message of another kind, before anything of it is added.
        """
        kind = text_of(document, "messageType")
        if kind == "CONTROL_MESSAGE":
            return []
        events = document.get("logEvents")
        if kind != "DATA_MESSAGE":
            raise Malformed(f"messageType: {kind[:40]}: expected DATA_MESSAGE or CONTROL_MESSAGE")
        if type(events) is not list:
            raise Malformed("logEvents: expected an array")
        message = _message(document, self.envelope.stream.region)
        strangers: list[Any] = []
        for event in islice(events, MOST_ITEMS):
            if type(event) is not dict or type(event.get("message")) is not str:
                strangers.append(event)
            elif self._is_new(message.source, event):
                self._add_event(event, message, logs, metrics)
        return [*strangers, *events[MOST_ITEMS:]]

    def _is_new(self, source: LogSource, event: dict[str, Any]) -> bool:
        """Two filters that match the same event deliver it twice. An event without an id is always new."""
        uid = event.get("id")
        if type(uid) is not str or not uid:
            return True
        identity = (source.group, source.stream, uid, hash((event["message"], str(event.get("timestamp")))))
        is_new = identity not in self._seen
        self._seen.add(identity)
        return is_new

    def _add_event(
        self, event: dict[str, Any], message: "_Message", logs: LogsBuilder, metrics: MetricsBuilder
    ) -> None:
        source = message.source_of(event)
        describe = partial(log_resource, source, self.envelope)
        record = logs.record(logs.scope((source, message.scope_key), describe, SCOPE, message.scope))
        _write(record, event, self.envelope.time_unix_nano)
        room = emf.MOST_POINTS
        for measurement in emf.measurements(event["message"], record.time_unix_nano):
            room -= measurement.weight
            message.room -= measurement.weight
            if room < 0 or message.room < 0:
                add_attributes(record.attributes, {"coldlight.truncated": ["metrics"]})
                return
            metrics.add(source, describe, measurement)


@dataclass
class _Message:
    """What all events of a message have in common, and what is left of its limits.

    `room` is for data points in its log events. `_sources` are the accounts and regions that these name.
    """

    source: LogSource
    scope: dict[str, Plain]
    scope_key: bytes
    room: int = MOST_ITEMS
    _sources: set[LogSource] = field(default_factory=set)

    def source_of(self, event: dict[str, Any]) -> LogSource:
        """Many accounts may write to one group: a subscription may put account and region into each event."""
        fields = _extracted(event)
        if not fields:
            return self.source
        account, region = _short(fields.get("@aws.account")), _short(fields.get("@aws.region"))
        source = replace(
            self.source, account=account or self.source.account, region=region or self.source.region
        )
        if len(self._sources) < _MOST_SOURCES:
            self._sources.add(source)
        return source if source in self._sources else self.source


def _message(document: dict[str, Any], region: str) -> _Message:
    group, stream = text_of(document, "logGroup"), text_of(document, "logStream")
    filters, level = document.get("subscriptionFilters"), document.get("policyLevel")
    scope: dict[str, Plain] = {
        "aws.log.subscription_filters": list(map(_short, filters)) if type(filters) is list else None,
        "aws.log.policy_level": _short(level) or None,
    }
    return _Message(LogSource(text_of(document, "owner"), region, group, stream), scope, json_bytes(scope))


def _extracted(event: dict[str, Any]) -> dict[str, Any]:
    fields = event.get("extractedFields")
    return fields if type(fields) is dict else {}


def _short(value: Any) -> str:
    """A name as AWS makes them, or nothing."""
    return value if type(value) is str and len(value) <= _LONGEST_NAME else ""


def _write(record: Any, event: dict[str, Any], received_unix_nano: int) -> None:
    message = event["message"]
    line = lambda_lines.read(message)
    uid = event.get("id")
    record.body.string_value = message
    record.observed_time_unix_nano = received_unix_nano
    record.severity_text, record.severity_number = line.severity_text, line.severity_number
    record.trace_id, record.span_id = line.trace_id, line.span_id
    extracted = {_EXTRACTED + name: _plain(value) for name, value in _extracted(event).items()}
    attributes: dict[str, Plain] = {
        "log.record.uid": uid if type(uid) is str else None,
        "faas.invocation_id": line.invocation_id or None,
    }
    add_attributes(record.attributes, {**attributes, **extracted})
    _write_time(record, event.get("timestamp"))


def _write_time(record: Any, timestamp: Any) -> None:
    """CloudWatch's milliseconds. What is no time is kept in an attribute, and the time of the delivery counts."""
    if type(timestamp) is int and 0 < timestamp < _LAST_MS:
        record.time_unix_nano = timestamp * 10**6
    else:
        record.time_unix_nano = record.observed_time_unix_nano
        mark(record.attributes, ["time_unix_nano"], {"time_unix_nano": str(timestamp)[:100]})


def _plain(value: Any) -> Plain:
    return value if type(value) in (str, bool, int, float) else json_bytes(value).decode()
