"""Where the shipper's threads meet: one lock, what is known, what waits, and who waits for whom."""

from __future__ import annotations

import json
import threading

from coldlight_lambda.shipper.ledger import Ledger
from coldlight_lambda.shipper.outbox import LOGS, TRACES, Outbox

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from coldlight_lambda.spans import Attributes

_LARGEST_BYTES = 512 << 10
_OLDEST_S = 2.0
"""What is waiting is sent without being asked for once it is so much, or so old."""


class Station:
    """`broken` counts what was not understood: it costs itself and nothing else."""

    def __init__(self, resource: Attributes, ship_logs: bool = True, init_type: str = "") -> None:
        """`init_type` is AWS_LAMBDA_INITIALIZATION_TYPE."""
        self.changed = threading.Condition()
        self.outbox = Outbox()
        self.ledger = Ledger(self.outbox, resource, init_type)
        self._ship_logs = ship_logs
        self.is_wanted = False
        """That the sender sends."""
        self.is_sending = False
        self.broken = 0
        self.refused = 0
        """Connections that were one too many."""

    def send(self, kind: bytes, request_id: str, content: bytes) -> None:
        """Takes a frame of the recorder."""
        with self.changed:
            try:
                self.ledger.frame(kind, request_id, content)
            except (ValueError, TypeError, AttributeError, IndexError):
                self.broken += 1
            self._look()

    def telemetry(self, body: bytes) -> None:
        """Takes a batch of the Telemetry API."""
        try:
            events = json.loads(body)
        except (ValueError, RecursionError):
            events = None
        with self.changed:
            if not isinstance(events, list):
                self.broken += 1
            else:
                for event in events:
                    self._event(event)
            self._look()

    def _event(self, event: Any) -> None:
        try:
            if self._ship_logs or event["type"] != "function":
                self.ledger.event(event)
        except (ValueError, TypeError, AttributeError, KeyError, RecursionError):
            self.broken += 1

    def _look(self) -> None:
        """Something has come: whoever waits looks again."""
        if self.outbox.waiting_bytes > _LARGEST_BYTES:
            self.is_wanted = True
        self.changed.notify_all()

    def tick(self) -> None:
        """Called now and then while the sandbox runs: what waits for long is sent in the middle of an invocation. What an init
        leaves waits for the first one: before that, nobody has said which sandbox this is."""
        with self.changed:
            self.ledger.complete_overdue()
            if self.outbox.age_s > _OLDEST_S and not self.ledger.is_in_init:
                self.want()

    def want(self) -> None:
        """Has the sender send what there is. Under the lock."""
        self.is_wanted = True
        self.changed.notify_all()

    def wait_until(self, holds: Callable[[], bool], timeout_s: float) -> bool:
        """Waits under the lock for what another thread does; gives whether it has come."""
        with self.changed:
            return self.changed.wait_for(holds, max(timeout_s, 0.0))

    def has_losses(self) -> bool:
        dropped = (*self.outbox.dropped.values(), self.ledger.dropped_frames, self.broken, self.refused)
        return any(dropped)

    def losses(self) -> Attributes:
        """What was dropped since this was last asked: a promise is to count it, and to say so. Under the lock."""
        told = {
            "coldlight.dropped.spans": self.outbox.dropped[TRACES],
            "coldlight.dropped.log_records": self.outbox.dropped[LOGS],
            "coldlight.dropped.frames": self.ledger.dropped_frames,
            "coldlight.dropped.telemetry": self.broken,
            "coldlight.dropped.connections": self.refused,
        }
        self.outbox.dropped = {TRACES: 0, LOGS: 0}
        self.ledger.dropped_frames = self.broken = self.refused = 0
        return {name: count for name, count in told.items() if count}
