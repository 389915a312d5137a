"""The joint of the collector: what every receiver hands over, and what it gets back."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from coldlight_storage.signals import Signal

if TYPE_CHECKING:
    from opentelemetry.trace import SpanContext


@dataclass(frozen=True)
class Accepted:
    """The request is on disk. OTLP's partial success: what of it was refused, and why.

    `rejected` counts spans, data points or log records. `message` is empty when all is well; with
    `rejected == 0` it is a warning (OTLP specification, "Partial Success"). `repaired` counts the fields
    that had to be changed to be stored, `truncated` those that had to be cut. `unreadable` of the rejected were no items of
    their format at all; the others lacked a valid id.
    """

    rejected: int = 0
    message: str = ""
    repaired: int = 0
    unreadable: int = field(default=0, compare=False)
    truncated: int = 0


class Refused(Exception):
    """The request was not taken; nothing of it will be stored. Its text goes to the sender."""


class Malformed(Refused):
    """The bytes are no OTLP request: sending them again cannot help."""


class TooLarge(Refused):
    """The request is over a size limit, before or after decompression."""


class Unavailable(Refused):
    """Not now (the journal is full or its disk fails): send again after `retry_after_s` seconds."""

    def __init__(self, reason: str, retry_after_s: int = 1) -> None:
        super().__init__(reason)
        self.retry_after_s = retry_after_s


@dataclass(frozen=True)
class Payload:
    """One decoded, validated request, ready for the journal.

    `body` is the OTLP protobuf request that will be stored; `items` its spans, data points or log records. `name` is
    what it is known by when it is sent again; without one, its content. `data` names the kinds of metric
    data inside, if that is known; `cause` is the collector's own span of it. `expanded_bytes` are those that its rows take
    in ClickHouse, before compression.
    """

    body: bytes
    items: int
    outcome: Accepted = Accepted()
    name: bytes = field(default=b"", compare=False)
    data: frozenset[str] | None = field(default=None, compare=False)
    cause: "SpanContext | None" = field(default=None, compare=False)
    expanded_bytes: int = field(default=0, compare=False)


Intake = Callable[[Signal, Payload], Awaitable[Accepted]]
"""Takes a request of a signal and returns once it is durable.

Raises `Unavailable` when it cannot be made durable now, `TooLarge` when it never can.
"""

Intakes = Callable[[str], Intake]
"""The intake of a tenant. Raises `Unavailable` for one that is not open."""


def each(intakes: Intakes, wrap: Callable[[Intake], Intake]) -> Intakes:
    """The same intakes, each of them wrapped, once."""
    wrapped: dict[str, Intake] = {}

    def intake(tenant: str) -> Intake:
        known = wrapped.get(tenant)
        if known is None:
            known = wrapped[tenant] = wrap(intakes(tenant))
        return known

    return intake
