"""One run of the function, while it lasts. Several may be under way at once (Managed Instances): each has its own."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from coldlight_lambda.spans import Span

MOST_SPANS = 10_000
"""Of one invocation; those beyond are counted on its own span."""


class Invocation:
    """`root` is its own span. `deadline_ms` is a Unix time; 0 when it is not known."""

    __slots__ = ("deadline_ms", "dropped_spans", "held", "open", "request_id", "root", "spans")

    def __init__(self, request_id: str, root: Span, deadline_ms: int) -> None:
        self.request_id = request_id
        self.root = root
        self.deadline_ms = deadline_ms
        self.open: dict[bytes, Span] = {}
        """Spans under way, by id, for whoever tells what the function did when its time was up."""
        self.held: dict[bytes, Span] = {}
        """Spans that have ended, by id, of which something is yet to be said: `recorder.hold`."""
        self.spans = 0
        self.dropped_spans = 0
