"""Trace context inside of a payload: only where the function's owner has asked for it, and only in a JSON object."""

from __future__ import annotations

import json

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Optional

choice = {"is_asked": False}
"""What `COLDLIGHT_PROPAGATE_IN_BODIES` says."""


def with_context(text: str, carrier: Mapping[str, str]) -> Optional[str]:
    """A JSON object's text with `traceparent` (and `tracestate`) as last members, named as CloudEvents' extension for
    distributed tracing names them; the rest of it stays to the letter. None for what is no object, or has them already."""
    try:
        parsed = json.loads(text)
    except ValueError:
        return None
    if not isinstance(parsed, dict) or "traceparent" in parsed:
        return None
    members = json.dumps(dict(carrier))[1:-1]
    return f"{text.rstrip()[:-1]}{', ' if parsed else ''}{members}}}"
