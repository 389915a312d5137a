"""What the records of an event add up to: one link for each whose sender is known, and the link keys of all.

A record's sender is a link, never the parent, also where a batch has one record only: OpenTelemetry's conventions for messaging
make links "the default mechanism to correlate producers and consumers", and a trace must not have another shape
because a queue was quiet.
"""

from __future__ import annotations

from coldlight_lambda.spans import Link
from coldlight_lambda.triggers import Trigger

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Optional

    from coldlight_lambda.spans import Context, Value

MOST_KEYS = 10_000
"""Link keys of one span (DESIGN.md, "Link keys"), and records that are looked at: no source of events sends more at once."""


class Batch:
    """Takes the records of an event one by one. `names` are those of the sources (queue, topic, table ...)."""

    __slots__ = ("count", "identity", "inner", "keys", "links", "names")

    def __init__(self) -> None:
        self.count = 0
        self.identity: dict[str, Value] = {}
        """Of the last record."""
        self.keys: list[str] = []
        self.inner: list[str] = []
        """Keys beyond a record's first: where not all fit, every record has one before any has two."""
        self.links: list[Link] = []
        self.names: set[str] = set()

    def add(self, name: str, keys: list[str], sender: Optional[Context], identity: dict[str, Value]) -> None:
        """A record: of this source, with these link keys (its own first), and what identifies it."""
        self.count += 1
        self.identity = identity
        if name:
            self.names.add(name)
        if keys:
            self.keys.append(keys[0])
            self.inner += keys[1:]
        if sender is not None:
            self.links.append(Link(sender, identity))

    def name(self) -> Optional[str]:
        """The source, where all records have the same one."""
        return next(iter(self.names)) if len(self.names) == 1 else None

    def trigger(self, attributes: dict[str, Value]) -> Trigger:
        """The trigger that this batch is, with what holds for all of its records."""
        found = list(dict.fromkeys(self.keys + self.inner))
        if len(found) > MOST_KEYS:
            attributes["coldlight.dropped_link_keys"] = len(found) - MOST_KEYS
        return Trigger(attributes, None, self.links, found[:MOST_KEYS])


def messages(batch: Batch, trigger: str, system: str) -> dict[str, Value]:
    """Attributes of a batch of messages (semantic conventions, "Messaging spans": operation type `process`)."""
    attributes: dict[str, Value] = {
        "faas.trigger": "pubsub",
        "coldlight.trigger": trigger,
        "coldlight.trigger.name": batch.name(),
        "messaging.system": system,
        "messaging.operation.type": "process",
        "messaging.operation.name": "process",
        "messaging.destination.name": batch.name(),
        "messaging.batch.message_count": batch.count,
    }
    if batch.count == 1:
        attributes.update(batch.identity)
    return attributes
