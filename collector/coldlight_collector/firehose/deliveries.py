"""From a Firehose request to payloads: every record in its order, and nothing that it holds without a trace.

What cannot be read is stored as it was sent, as a log record `coldlight.firehose.unreadable` that says why: an error
would make Firehose send the same bytes again for hours, and the readable records with them.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

from coldlight_collector.any_value import Plain, add_attributes
from coldlight_collector.firehose import cloudwatch_logs, metric_streams
from coldlight_collector.firehose.builders import LogsBuilder, MetricsBuilder
from coldlight_collector.firehose.cloudwatch_logs import SCOPE, LogEvents
from coldlight_collector.firehose.envelope import Envelope, data_of, json_bytes
from coldlight_collector.firehose.records import (
    MOST_ITEMS,
    OPENTELEMETRY_0_7,
    Document,
    Json,
    Otlp,
    Unreadable,
    content_of,
    documents,
)
from coldlight_collector.firehose.resources import MetricSource, delivery_resource, metrics_resource
from coldlight_collector.intake import Malformed, Payload, Refused
from coldlight_collector.validate import validate_message
from coldlight_storage.signals import Signal

UNREADABLE = "coldlight.firehose.unreadable"

_MOST_ITEMS = 25_000
_MOST_BYTES = 8 * 2**20
"""Beyond either, a payload is closed and the next one begun, between two documents."""

_SEVERITY_WARN = 13
_STRANGERS = f"logEvents: not objects with a message, or more than {MOST_ITEMS} of them"


def payloads(envelope: Envelope, most_bytes: int) -> Iterator[tuple[Signal, Payload]]:
    """What is to be stored of a delivery, of which at most `most_bytes` are decompressed.

    The same delivery always gives the same payloads, byte by byte, so that a repeated one can be told. Log records
    come before data points: those have an id of their own (`log.record.uid`), should half a delivery be repeated.
    Raises `Malformed` when all there is are records of OpenTelemetry 0.7, before anything is given.
    """
    delivery = _Delivery(envelope, most_bytes)
    for number, record in enumerate(envelope.records):
        delivery.take(number, record)
        if delivery.is_full:
            yield from delivery.close()
    if delivery.is_outdated:
        raise Malformed(OPENTELEMETRY_0_7)
    yield from delivery.close()


@dataclass
class _Delivery:
    """The payloads under way, and the bytes that may still be decompressed."""

    envelope: Envelope
    room: int
    logs: LogsBuilder = field(default_factory=LogsBuilder)
    metrics: MetricsBuilder = field(default_factory=MetricsBuilder)
    size: int = 0
    unreadable: int = 0
    outdated: int = 0
    others: int = 0
    _events: LogEvents = field(init=False)

    def __post_init__(self) -> None:
        self._events = LogEvents(self.envelope)

    @property
    def is_full(self) -> bool:
        is_full = self.logs.items + self.metrics.items > _MOST_ITEMS or self.size > _MOST_BYTES
        return is_full and not self.is_outdated

    @property
    def is_outdated(self) -> bool:
        """Whether everything so far is of OpenTelemetry 0.7: a stream that is set up wrongly."""
        return bool(self.outdated) and not self.others

    def take(self, number: int, record: Any) -> None:
        """Adds one record. What of it cannot be read becomes one log record."""
        strange: list[Unreadable] = []
        try:
            content = content_of(data_of(record), self.room)
            self.room -= len(content)
            self.size += len(content)
        except Refused as refused:
            self.others += 1
            strange.append(Unreadable(_as_sent(record), str(refused)))
        else:
            for document in documents(content):
                strange.extend(self._add(document))
        if strange:
            self._add_unreadable(number, strange)

    def _add(self, document: Document) -> Iterator[Unreadable]:
        is_outdated = isinstance(document, Unreadable) and document.reason == OPENTELEMETRY_0_7
        self.outdated += is_outdated
        self.others += not is_outdated
        match document:
            case Unreadable():
                yield document
            case Otlp():
                self._add_otlp(document)
            case Json():
                try:
                    yield from self._add_json(document.fields)
                except Malformed as error:
                    yield Unreadable(document.content, str(error))

    def _add_json(self, fields: dict[str, Any]) -> Iterator[Unreadable]:
        """Raises `Malformed` for what is neither of the two, before anything of it is added."""
        if cloudwatch_logs.is_subscription(fields):
            strangers = self._events.add(fields, self.logs, self.metrics)
            if strangers:
                yield Unreadable(json_bytes(strangers), _STRANGERS)
        elif metric_streams.is_data_point(fields):
            self._add_data_point(fields)
        else:
            raise Malformed("neither a CloudWatch Logs message nor a data point of a metric stream")

    def _add_data_point(self, document: dict[str, Any]) -> None:
        names = ("metric_stream_name", "account_id", "region")
        source = MetricSource(*(metric_streams.text_of(document, name) for name in names))
        for measurement in metric_streams.measurements(document):
            self.metrics.add(source, partial(metrics_resource, source, self.envelope), measurement)

    def _add_otlp(self, message: Otlp) -> None:
        for resource_metrics in message.request.resource_metrics:
            if not resource_metrics.scope_metrics:
                continue  # nothing of it is stored
            sent = {attribute.key for attribute in resource_metrics.resource.attributes}
            more = {key: value for key, value in self.envelope.common_attributes.items() if key not in sent}
            add_attributes(resource_metrics.resource.attributes, more)
        self.metrics.extend(message.request, message.points)

    def _add_unreadable(self, number: int, parts: list[Unreadable]) -> None:
        self.unreadable += 1
        content = b"\n".join(part.content for part in parts)
        scope = self.logs.scope(UNREADABLE, partial(delivery_resource, self.envelope), SCOPE, {})
        record = self.logs.record(scope)
        record.time_unix_nano = record.observed_time_unix_nano = self.envelope.time_unix_nano
        record.severity_number, record.severity_text = _SEVERITY_WARN, "WARN"
        record.event_name = UNREADABLE
        try:
            record.body.string_value = content.decode()
        except UnicodeDecodeError:
            record.body.bytes_value = content
        attributes: dict[str, Plain] = {
            "event.name": UNREADABLE,
            "coldlight.firehose.reason": parts[0].reason,
            "coldlight.firehose.request_id": self.envelope.request_id,
            "coldlight.firehose.record": number,
        }
        add_attributes(record.attributes, attributes)
        self.size += len(content)

    def close(self) -> Iterator[tuple[Signal, Payload]]:
        """The payloads so far; empty ones are begun."""
        for signal, builder in ((Signal.LOGS, self.logs), (Signal.METRICS, self.metrics)):
            if builder.items:
                yield signal, self._payload(signal, builder.request)
        self.logs, self.metrics, self.size = LogsBuilder(), MetricsBuilder(), 0

    def _payload(self, signal: Signal, request: Any) -> Payload:
        payload = validate_message(signal, request)
        if signal is not Signal.LOGS or not self.unreadable:
            return payload
        rejected = payload.outcome.rejected + self.unreadable
        outcome = replace(payload.outcome, rejected=rejected, unreadable=self.unreadable)
        self.unreadable = 0
        return replace(payload, outcome=outcome)


def _as_sent(record: Any) -> bytes:
    """The bytes of a record that were sent, as far as base64 can be undone."""
    try:
        return data_of(record)
    except Malformed:
        return record.encode() if type(record) is str else json_bytes(record)
