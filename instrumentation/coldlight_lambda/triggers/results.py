"""Destinations of Lambda: what became of an asynchronous invocation, or of a batch that was given up
(Lambda: "Adding a destination", "Retaining records of asynchronous invocations")."""

from __future__ import annotations

from coldlight_lambda.triggers import Trigger
from coldlight_lambda.triggers.envelopes import result_keys
from coldlight_lambda.triggers.reading import inside, number, text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Optional


def read(event: dict[str, Any]) -> Optional[Trigger]:
    context = inside(event, "requestContext")
    keys = result_keys(event)
    if not keys:
        return None
    function = text(context, "functionArn").partition(":function:")[2].partition(":")[0]
    return Trigger(
        {
            "faas.trigger": "other",
            "coldlight.trigger": "destination",
            "coldlight.trigger.name": function or None,
            "coldlight.destination.condition": text(context, "condition") or None,
            "coldlight.destination.invoke_count": number(context, "approximateInvokeCount"),
        },
        None,
        None,
        keys,
    )
