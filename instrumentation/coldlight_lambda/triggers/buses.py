"""EventBridge: an event, which may be an upload to S3 or a function's result; and schedules, of its rules and of its Scheduler."""

from __future__ import annotations

from coldlight_lambda.contexts import upstream
from coldlight_lambda.triggers import Trigger
from coldlight_lambda.triggers.batches import Batch, messages
from coldlight_lambda.triggers.envelopes import Opened
from coldlight_lambda.triggers.reading import inside, items, last_part, text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Optional

    from coldlight_lambda.spans import Value

_SCHEDULERS = ("aws.events", "aws.scheduler")


def read(event: dict[str, Any]) -> Optional[Trigger]:
    source, kind = text(event, "source"), text(event, "detail-type")
    if not source or not kind:
        return None
    opened = Opened()
    opened.take_bus_event(event)
    if kind == "Scheduled Event" and source in _SCHEDULERS:
        return Trigger(_schedule(event), None, None, opened.keys)
    event_id = text(event, "id")
    batch = Batch()
    identity: dict[str, Value] = {"messaging.message.id": event_id} if event_id else {}
    batch.add("", opened.keys, upstream(opened.carried), identity)
    attributes = messages(batch, "eventbridge", "aws.eventbridge")
    del attributes["messaging.batch.message_count"]
    attributes.update(_event(event, event_id, source, kind))
    return batch.trigger(attributes)


def _event(event: dict[str, Any], event_id: str, source: str, kind: str) -> dict[str, Value]:
    """Semantic conventions, "CloudEvents": an EventBridge event says the same in other words. It does not say its bus or rule."""
    attributes: dict[str, Value] = {
        "coldlight.trigger.name": source,
        "cloudevents.event_id": event_id or None,
        "cloudevents.event_source": source,
        "cloudevents.event_type": kind,
    }
    if source == "aws.s3":
        detail = inside(event, "detail")
        attributes["aws.s3.bucket"] = text(inside(detail, "bucket"), "name") or None
        attributes["aws.s3.key"] = text(inside(detail, "object"), "key") or None
    return attributes


def _schedule(event: dict[str, Any]) -> dict[str, Value]:
    """Semantic conventions, "FaaS spans", "Timer"; the resource is the rule, or the schedule."""
    resources = items(event, "resources")
    arn = resources[0] if resources and isinstance(resources[0], str) else ""
    return {
        "faas.trigger": "timer",
        "coldlight.trigger": "schedule",
        "coldlight.trigger.name": last_part(arn, "/")[:256] or None,
        "faas.time": text(event, "time") or None,
    }
