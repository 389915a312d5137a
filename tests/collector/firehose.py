"""What Firehose sends, byte by byte as AWS makes it, and the collector's endpoint to send it to."""

import base64
import gzip
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx

from coldlight_collector.intake import Accepted, Payload
from coldlight_storage.signals import Signal
from coldlight_storage.testing import NOON, sent_form

NOON_MS = int(NOON.timestamp()) * 1000
ACCOUNT = "123456789012"
ARN = f"arn:aws:firehose:eu-west-1:{ACCOUNT}:deliverystream/to-coldlight"
REQUEST_ID = "ed4acda5-034f-9f42-bba1-f29aea6d7d8f"
INVOCATION = "79b4f56e-95b1-4643-9700-2807f4e68189"
LOG_STREAM = "2026/11/23/[$LATEST]0123456789abcdef0123456789abcdef"
LAMBDA = {"logGroup": "/aws/lambda/orders", "logStream": LOG_STREAM}
HEADERS = {
    "X-Amz-Firehose-Protocol-Version": "1.0",
    "X-Amz-Firehose-Request-Id": REQUEST_ID,
    "X-Amz-Firehose-Source-Arn": ARN,
    "Content-Type": "application/json",
}


@dataclass
class Recorder:
    """An intake that keeps what it is given, and raises its failure once it has taken `patience` payloads."""

    failure: Exception | None = None
    patience: int = 0
    taken: list[tuple[Signal, Payload]] = field(default_factory=list)

    async def __call__(self, signal: Signal, payload: Payload) -> Accepted:
        if self.failure and len(self.taken) >= self.patience:
            raise self.failure
        self.taken.append((signal, payload))
        return payload.outcome

    def requests(self, signal: Signal) -> list[Any]:
        """The OTLP requests that were stored."""
        return [sent_form(payload.body, kind) for kind, payload in self.taken if kind is signal]

    def log_records(self) -> list[Any]:
        return [
            record
            for request in self.requests(Signal.LOGS)
            for resource_logs in request.resource_logs
            for scope_logs in resource_logs.scope_logs
            for record in scope_logs.log_records
        ]

    def bodies(self) -> list[str]:
        """The text of every log record that is not the platform's."""
        return [record.body.string_value for record in self.log_records() if not record.event_name]

    def log_resources(self) -> list[dict[str, Any]]:
        requests = self.requests(Signal.LOGS)
        return [plain(group.resource.attributes) for request in requests for group in request.resource_logs]

    def metric_resources(self) -> list[dict[str, Any]]:
        requests = self.requests(Signal.METRICS)
        return [
            plain(group.resource.attributes) for request in requests for group in request.resource_metrics
        ]

    def metrics(self) -> list[tuple[str, Any]]:
        """Every metric, with the name of its scope."""
        return [
            (scope_metrics.scope.name, metric)
            for request in self.requests(Signal.METRICS)
            for resource_metrics in request.resource_metrics
            for scope_metrics in resource_metrics.scope_metrics
            for metric in scope_metrics.metrics
        ]


def plain(attributes: Any) -> dict[str, Any]:
    """OTLP attributes as a dictionary."""
    return {attribute.key: _plain_value(attribute.value) for attribute in attributes}


def _plain_value(value: Any) -> Any:
    match value.WhichOneof("value"):
        case "array_value":
            return [_plain_value(item) for item in value.array_value.values]
        case "kvlist_value":
            return plain(value.kvlist_value.values)
        case None:
            return None
        case name:
            return getattr(value, name)


def log_event(message: str, number: int = 1, **fields: Any) -> dict[str, Any]:
    """Log event `number`, written so many milliseconds after noon."""
    return {"id": f"{number:056}", "timestamp": NOON_MS + number, "message": message, **fields}


def subscription(*events: Any, **fields: Any) -> dict[str, Any]:
    """A message of CloudWatch Logs with events of one log stream."""
    return {
        "messageType": "DATA_MESSAGE",
        "owner": ACCOUNT,
        "logGroup": "shop",
        "logStream": "host-1",
        "subscriptionFilters": ["everything"],
        "logEvents": list(events),
        **fields,
    }


def control_message() -> dict[str, Any]:
    event = log_event("CWL CONTROL MESSAGE: Checking health of destination Firehose.")
    return subscription(
        event, messageType="CONTROL_MESSAGE", owner="CloudwatchLogs", logGroup="", logStream=""
    )


def gzipped(*documents: Any) -> bytes:
    """Each document a gzip member of its own, as CloudWatch Logs writes it."""
    return b"".join(gzip.compress(json.dumps(document).encode(), mtime=0) for document in documents)


def delivery(*records: bytes, request_id: str = REQUEST_ID) -> dict[str, Any]:
    """The body of a request with these records."""
    encoded = [{"data": base64.b64encode(record).decode()} for record in records]
    return {"requestId": request_id, "timestamp": NOON_MS, "records": encoded}


async def deliver(
    client: httpx.AsyncClient, *records: bytes, headers: Mapping[str, str] | None = None
) -> httpx.Response:
    return await post(client, json.dumps(delivery(*records)).encode(), headers)


async def post(
    client: httpx.AsyncClient, body: bytes, headers: Mapping[str, str] | None = None
) -> httpx.Response:
    return await client.post("/aws/firehose", content=body, headers={**HEADERS, **(headers or {})})
