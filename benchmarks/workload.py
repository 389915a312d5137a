"""What is sent to a system."""

from dataclasses import dataclass

from benchmarks.payload import ATTRIBUTES_PER_SPAN
from benchmarks.signals import TRACES, Signal

SHAPES = {512: 16, 5: 128}
"""Items a request and connections: an OpenTelemetry SDK's full batches, and Lambda sandboxes after one invocation."""


@dataclass(frozen=True)
class Workload:
    """`items` in all, after a warm-up, over `connections` that each wait for their answers. `attributes` are a span's."""

    signal: Signal
    items_per_request: int
    connections: int
    items: int
    warm_up: int
    attributes: int

    @property
    def name(self) -> str:
        few = f", {self.attributes} attributes each" if self.attributes != ATTRIBUTES_PER_SPAN else ""
        return f"{self.items_per_request} {self.signal.items} a request{few}"


def workload(
    items_per_request: int, items: int, signal: Signal = TRACES, attributes: int = ATTRIBUTES_PER_SPAN
) -> Workload:
    """A shape of `SHAPES`, of so many items in all. Raises KeyError for another shape."""
    connections, warm_up = SHAPES[items_per_request], min(items // 4, 100_000)
    return Workload(signal, items_per_request, connections, items, warm_up, attributes)
