from typing import Any

from . import OPEN, payments


def handler(event: Any, context: Any) -> Any:
    return ["order", event, OPEN]


def paid(event: Any, context: Any) -> Any:
    """One handler that calls another one."""
    return ["paid", payments.handler(event, context)]
