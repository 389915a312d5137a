"""How much of the store one question may read, and what to say where that was not enough."""

from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True)
class Limits:
    """A transaction with more is shown as far as this, and says so."""

    rounds: int = 64
    traces: int = 1_000
    spans: int = 50_000


@dataclass(frozen=True)
class Reached:
    """Which limits cut the reading short."""

    rounds: bool = False
    traces: bool = False
    spans: bool = False
    crowded: tuple[str, ...] = ()

    def warnings(self, limits: Limits) -> Iterator[str]:
        if self.rounds:
            yield f"this is as far as {limits.rounds} steps of following lead; there is more behind"
        if self.traces:
            yield f"more than {limits.traces} traces belong to this question; the others were not read"
        if self.spans:
            yield f"more than {limits.spans} spans belong to this question; the others were not read"
        for key in self.crowded:
            yield f"too many spans have the key {key}; not all of them were followed"
