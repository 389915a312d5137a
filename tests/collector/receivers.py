"""The way of requests to an intake, for the tests of a single door."""

from dataclasses import dataclass, field

from coldlight_collector.http.messages import Budget
from coldlight_collector.intake import Accepted, Intake, Payload
from coldlight_collector.receiver import Receiver
from coldlight_storage.signals import Signal


@dataclass
class Recorder:
    """An intake that keeps what it is given, and answers with its outcome or raises it."""

    outcome: Accepted | Exception = field(default_factory=Accepted)
    taken: list[tuple[Signal, Payload]] = field(default_factory=list)

    async def __call__(self, signal: Signal, payload: Payload) -> Accepted:
        self.taken.append((signal, payload))
        if isinstance(self.outcome, Exception):
            raise self.outcome
        return self.outcome


def receiver(intake: Intake, budget: Budget | None = None, body_bytes: int = 64 << 20) -> Receiver:
    """Every tenant has the same intake; a body may have so many bytes once it is decompressed."""
    return Receiver(lambda _: intake, budget or Budget(), body_bytes)
