"""Events of no known service: somebody invoked the function with a payload of their own, or an IoT rule did.

An invocation's own request id is its link key without being said (DESIGN.md, "Link keys").
"""

from __future__ import annotations

from coldlight_lambda.contexts import upstream
from coldlight_lambda.spans import Link
from coldlight_lambda.triggers import Trigger
from coldlight_lambda.triggers.reading import carried_text, inside, text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Optional


def read(event: Any) -> Trigger:
    if not isinstance(event, dict):
        return Trigger({"faas.trigger": "other"})
    from coldlight_lambda.triggers.workflows import execution

    return execution(event) or _device(event) or _invocation(event)


def _invocation(event: dict[str, Any]) -> Trigger:
    """Callers with OpenTelemetry's botocore instrumentation write their context into `headers` of the payload; others into it."""
    parent = upstream({**carried_text(event), **carried_text(inside(event, "headers"))})
    return Trigger({"faas.trigger": "other"}, parent)


def _device(event: dict[str, Any]) -> Optional[Trigger]:
    """AWS IoT. A rule sends what its SQL selects, and nothing marks that: it is known where it selects `topic()` as `topic` and
    one of `clientid()` and `traceid()`; so are IoT's own events and questions (AWS IoT: "Lifecycle events", "Custom
    authentication", "Pre-provisioning hooks")."""
    name = _rule(event) or _lifecycle(event) or _question(event)
    if name is None:
        return None
    is_message = bool(text(event, "topic") or text(event, "eventType"))
    sender = upstream(carried_text(event))  # by MQTT 5's user properties, where the rule selects them
    return Trigger(
        {
            "faas.trigger": "pubsub" if is_message else "other",
            "coldlight.trigger": "iot",
            "coldlight.trigger.name": name,
            "messaging.system": "aws.iot" if is_message else None,
            "messaging.operation.type": "process" if is_message else None,
            "messaging.operation.name": "process" if is_message else None,
            "messaging.destination.name": text(event, "topic") or None,
        },
        None,
        [Link(sender)] if sender else None,
    )


def _rule(event: dict[str, Any]) -> Optional[str]:
    topic = text(event, "topic")
    is_selected = any(name in event for name in ("clientid", "clientId", "traceid", "traceId"))
    return topic if topic and is_selected else None


def _lifecycle(event: dict[str, Any]) -> Optional[str]:
    kind = text(event, "eventType")
    is_of_client = "clientId" in event and "principalIdentifier" in event and "sessionIdentifier" in event
    return kind if kind and is_of_client else None


def _question(event: dict[str, Any]) -> Optional[str]:
    if inside(event, "protocolData") and inside(event, "connectionMetadata"):
        return "custom authorizer"
    if text(event, "certificateId") and text(event, "templateArn"):
        return "provisioning hook"
    return None
