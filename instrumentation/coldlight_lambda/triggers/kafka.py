"""Kafka, of MSK and self-managed: batches by topic and partition (Lambda: "Using Lambda with Amazon MSK", "... self-managed Apache Kafka")."""

from __future__ import annotations

from coldlight_lambda.contexts import CARRIED, upstream
from coldlight_lambda.triggers.batches import MOST_KEYS, Batch, messages
from coldlight_lambda.triggers.reading import LONGEST, inside, items, number, text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Optional

    from coldlight_lambda.spans import Value
    from coldlight_lambda.triggers import Trigger

_MOST_HEADERS = 256


def read(event: dict[str, Any]) -> Optional[Trigger]:
    if not isinstance(event.get("records"), dict):
        return None
    clusters = _clusters(event)
    batch = Batch()
    for partition in inside(event, "records").values():
        if isinstance(partition, list):
            for record in partition[: MOST_KEYS - batch.count]:
                _add(batch, clusters, record)
    return batch.trigger(messages(batch, "kafka", "kafka"))


def _clusters(event: dict[str, Any]) -> list[str]:
    """What the cluster may be called: by its ARN, and by its first bootstrap server's host, which is all that clients know."""
    servers = event.get("bootstrapServers")
    first = servers.partition(",")[0] if isinstance(servers, str) else ""
    host = first.strip().rpartition(":")[0] or first.strip()
    arn = text(event, "eventSourceArn") or text(event, "eventSourceARN")
    return [name for name in (arn, host) if name and len(name) <= LONGEST]


def _add(batch: Batch, clusters: list[str], record: object) -> None:
    topic, partition, offset = text(record, "topic"), number(record, "partition"), number(record, "offset")
    if not topic or partition is None or offset is None:
        return
    keys = [f"kafka:{cluster}:{topic}:{partition}:{offset}" for cluster in clusters]
    sender = upstream(_carried(items(record, "headers")))
    identity: dict[str, Value] = {
        "messaging.destination.partition.id": str(partition),
        "messaging.kafka.offset": offset,
    }
    batch.add(topic, keys, sender, identity)


def _carried(headers: list[Any]) -> dict[str, str]:
    """`[{"name": bytes}, ...]`; of several of one name the last one counts, as Kafka's own clients have it."""
    found = {}
    for header in headers[:_MOST_HEADERS]:
        for name in header if isinstance(header, dict) else ():
            if isinstance(name, str) and name.lower() in CARRIED:
                found[name.lower()] = _decoded(header[name])
    return found


def _decoded(value: object) -> str:
    """Bytes as a list of numbers (signed or not, or as decimal strings), or as a map from places to numbers."""
    if isinstance(value, str):
        return value
    try:
        if isinstance(value, dict):
            value = [value[place] for place in sorted(value, key=int)]
        if isinstance(value, list) and len(value) <= LONGEST:
            return bytes([int(byte) & 0xFF for byte in value]).decode("utf-8", "replace")
    except (ValueError, TypeError, OverflowError):
        pass  # then it is something else, and tells nothing
    return ""
