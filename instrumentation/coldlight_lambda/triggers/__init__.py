"""What set a function off: read from its event.

One file a family of triggers, of which each has `read(event)`; `detect` looks at a few keys that tell them apart, and loads
the one file that this function needs. `coldlight.trigger` names what docs/lambda-layer.md lists.
"""

from __future__ import annotations

from importlib import import_module

from coldlight_lambda.contexts import from_traceparent
from coldlight_lambda.recorder import contained
from coldlight_lambda.triggers.reading import lowered

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Optional

    from coldlight_lambda.spans import Context, Link, Span, Value

_BY_SOURCE = {
    "aws:sqs": "queues",
    "aws:sns": "topics",
    "aws:kinesis": "streams",
    "aws:dynamodb": "tables",
    "aws:s3": "objects",
}
"""By the `eventSource` of the first of an event's `Records`: a batch is of one source."""

_BY_KEY = (
    ("detail-type", "buses"),
    ("bootstrapServers", "kafka"),
    ("awslogs", "logs"),
    ("deliveryStreamArn", "streams"),
    ("triggerSource", "cognito"),
    ("requestPayload", "results"),
    ("responseContext", "results"),
    ("methodArn", "web"),
    ("authorizationToken", "graphs"),
    ("requestContext", "web"),
    ("info", "graphs"),
    ("fieldName", "graphs"),
    ("Execution", "workflows"),
    ("DurableExecutionArn", "workflows"),
)
"""A key that only one family has, or that one family has before the next is asked."""


class Trigger:
    """`parent` is the span that called, if one did and said so; `links` those of a batch's records, of which each has one.
    `consumed` are the link keys of every record (DESIGN.md, "Link keys")."""

    __slots__ = ("attributes", "consumed", "links", "parent")

    def __init__(
        self,
        attributes: dict[str, Value],
        parent: Optional[Context] = None,
        links: Optional[list[Link]] = None,
        consumed: Optional[list[str]] = None,
    ) -> None:
        self.attributes = attributes
        self.parent = parent
        self.links = links or []
        self.consumed = consumed or []


def detect(event: Any, context: Any) -> Trigger:
    """The trigger of an event. Never raises: an event that is not understood is one of nobody in particular."""
    return contained(trigger_of, event, context) or Trigger({"faas.trigger": "other"})


def trigger_of(event: Any, context: Any) -> Trigger:
    """As `detect`. What raises here is a bug of ours, for every shape of an event is expected."""
    name = family(event)
    read = import_module(f"{__name__}.{name}").read if name else None
    trigger: Optional[Trigger] = read(event) if read else None
    if trigger is None:
        from coldlight_lambda.triggers.invokes import read as read_any

        trigger = read_any(event)
    client = getattr(context, "client_context", None)
    if client is not None:
        _take_client_context(trigger, client)
    return trigger


def family(event: Any) -> str:
    """The file that reads events of this shape; empty when no key says so."""
    if isinstance(event, list):
        return "graphs" if event and isinstance(event[0], dict) and "info" in event[0] else ""
    if not isinstance(event, dict):
        return ""
    records = event.get("Records")
    if records and isinstance(records, list) and isinstance(records[0], dict):
        source = records[0].get("eventSource") or records[0].get("EventSource")
        return _BY_SOURCE.get(source, "") if isinstance(source, str) else ""
    for key, name in _BY_KEY:
        if key in event:
            return name
    return ""


def _take_client_context(trigger: Trigger, client: Any) -> None:
    """Of a direct invocation: `custom` of the ClientContext that the caller gave (Lambda API, "Invoke").

    It is the one cause of the invocation, whatever the payload is a copy of; only headers of the payload come before it.
    """
    custom = getattr(client, "custom", None)
    if not isinstance(custom, dict) or trigger.parent is not None:
        return
    named = lowered(custom)
    trigger.parent = from_traceparent(named.get("traceparent", ""), named.get("tracestate", ""))
    if trigger.parent is not None:
        trigger.attributes.setdefault("coldlight.trigger", "lambda")


def answered(span: Span, result: Any) -> None:
    """Sets `http.response.status_code` on the span of an invocation by HTTP, from what the function returned, and for 5xx
    the error. Other spans are left as they are."""
    if span.attributes.get("faas.trigger") == "http":
        from coldlight_lambda.triggers.web import take_answer

        take_answer(span, result)
