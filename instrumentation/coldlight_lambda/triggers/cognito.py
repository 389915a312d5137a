"""Cognito user pools: their triggers (Cognito: "Customizing user pool workflows with Lambda triggers")."""

from __future__ import annotations

from coldlight_lambda.triggers import Trigger
from coldlight_lambda.triggers.reading import inside, text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Optional


def read(event: dict[str, Any]) -> Optional[Trigger]:
    """Who the user is stays in the event."""
    source, pool = text(event, "triggerSource"), text(event, "userPoolId")
    if not source or not pool:
        return None
    return Trigger(
        {
            "faas.trigger": "other",
            "coldlight.trigger": "cognito",
            "coldlight.trigger.name": pool,
            "coldlight.cognito.trigger_source": source,
            "coldlight.cognito.client_id": text(inside(event, "callerContext"), "clientId") or None,
        }
    )
