"""The way of requests to an intake, for the tests of a single door."""

from coldlight_collector.http.messages import Budget
from coldlight_collector.intake import Intake
from coldlight_collector.receiver import Receiver


def receiver(intake: Intake, budget: Budget | None = None, body_bytes: int = 64 << 20) -> Receiver:
    """Every tenant has the same intake; a body may have so many bytes once it is decompressed."""
    return Receiver(lambda _: intake, budget or Budget(), body_bytes)
