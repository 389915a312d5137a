"""Invocations as three tell of them, each in its own time: the Extensions API, the recorder, and the platform's telemetry.

A request id is no name of an invocation: an asynchronous retry has that of the attempt before it, and may come to the same
sandbox. So whoever tells says when one begins. The recorder and the Extensions API tell of what is now; telemetry does not
move while the sandbox is frozen, and may be behind by whole attempts.
"""

from __future__ import annotations

import time
from collections import deque

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Optional

    from coldlight_lambda.shipper.platform_events import Facts
    from coldlight_lambda.spans import Context

EXTENSIONS, RECORDER, TELEMETRY = "extensions", "recorder", "telemetry"
MOST_KNOWN = 2_000
"""Are remembered, for log lines and reports come late; a Managed Instance runs up to 1,600 at once."""


class Known:
    """What is known of one invocation. `root` is its own span as of now, without an end; empty before and after."""

    __slots__ = (
        "begun_by",
        "context",
        "deadline_ms",
        "ended",
        "facts",
        "has_ended",
        "is_done",
        "open",
        "reported_at",
        "request_id",
        "root",
        "started_ns",
    )

    def __init__(self, request_id: str) -> None:
        self.request_id = request_id
        self.begun_by: set[str] = set()
        self.root = b""
        self.open: dict[bytes, bytes] = {}
        self.ended: set[bytes] = set()
        """Ids of spans: one that a snapshot shows as open may have ended on its way here."""
        self.context: Optional[Context] = None
        self.started_ns = time.time_ns()
        self.deadline_ms = 0
        self.facts: Facts = {}
        """Of `platform.runtimeDone` and `platform.report`."""
        self.has_ended = False
        """The recorder, or the ledger, has ended its span."""
        self.is_done = False
        """The platform says that the runtime is done with it: then its log lines are here, too."""
        self.reported_at = 0.0
        """When the platform's last word came: a Unix time in seconds."""

    def is_over(self) -> bool:
        """By the recorder's word or by the platform's."""
        return self.has_ended or self.is_done

    def is_whole(self) -> bool:
        """Whether the recorder has nothing more to tell of what is over: it has told the end, or died."""
        return not self.root or self.facts.get("aws.lambda.status") != "success"


class Attempts:
    """All that are known, the oldest first."""

    def __init__(self) -> None:
        self._order: deque[Known] = deque()
        self._by_id: dict[str, list[Known]] = {}

    def __iter__(self) -> Iterator[Known]:
        return iter(list(self._order))

    @property
    def newest(self) -> Optional[Known]:
        return self._order[-1] if self._order else None

    def begin(self, request_id: str, teller: str) -> Known:
        """The invocation whose beginning is told: one that another teller was faster with, or a new one."""
        told = self._by_id.get(request_id, [])
        candidates = told if teller == TELEMETRY else told[-1:]
        known = next((known for known in candidates if teller not in known.begun_by), None)
        known = known or self._add(request_id)
        known.begun_by.add(teller)
        return known

    def find(self, request_id: str, teller: str) -> Optional[Known]:
        """The invocation that a teller tells of now: the last that it has begun, else the newest."""
        told = self._by_id.get(request_id, [])
        return next(
            (known for known in reversed(told) if teller in known.begun_by), told[-1] if told else None
        )

    def of(self, request_id: str, teller: str) -> Known:
        """The same, or a new one: its beginning was lost."""
        return self.find(request_id, teller) or self._add(request_id)

    def _add(self, request_id: str) -> Known:
        known = Known(request_id)
        self._order.append(known)
        self._by_id.setdefault(request_id, []).append(known)
        return known

    def forget(self) -> list[Known]:
        """Forgets the oldest if they are too many, and gives them."""
        surplus = [self._order.popleft() for _ in range(len(self._order) - MOST_KNOWN)]
        for known in surplus:
            told = self._by_id[known.request_id]
            told.remove(known)
            if not told:
                del self._by_id[known.request_id]
        return surplus
