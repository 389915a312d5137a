"""What set a function off: read from its event."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Optional

    from coldlight_lambda.spans import Context, Link, Value


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
    return Trigger({"faas.trigger": "other"})
