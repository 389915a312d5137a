"""The Telemetry API's side of the platform: events, held back and put together as the subscriber asked.

AWS Lambda Developer Guide, "Lambda Telemetry API reference" and "Event schema reference".
"""

import json
import threading
import time
from datetime import UTC, datetime
from typing import Any

import httpx

Event = dict[str, Any]


def event(kind: str, record: Any) -> Event:
    moment = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return {"time": moment, "type": kind, "record": record}


class Telemetry:
    """A stream to one subscriber. While the sandbox is frozen nothing moves."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._events: list[Event] = []
        self._since = 0.0
        self._is_frozen = False
        self._is_over = False
        self.url = ""
        self._buffering: dict[str, int] = {}
        self._types: list[str] = []
        self.told: list[Event] = []

    def subscribe(self, subscription: dict[str, Any]) -> None:
        """What was told before is told to the new subscriber, too."""
        self.url = subscription["destination"]["URI"].replace("sandbox.localdomain", "127.0.0.1")
        self._types = subscription["types"]
        self._buffering = {
            "maxItems": 10_000,
            "maxBytes": 262_144,
            "timeoutMs": 1000,
            **subscription["buffering"],
        }
        threading.Thread(target=self._run, daemon=True).start()

    def tell(self, kind: str, record: Any) -> None:
        with self._changed:
            if not self._events:
                self._since = time.monotonic()
            told = event(kind, record)
            self._events.append(told)
            self.told.append(told)
            self._changed.notify_all()

    def freeze(self, is_frozen: bool) -> None:
        with self._changed:
            self._is_frozen = is_frozen
            self._changed.notify_all()

    def end(self) -> None:
        with self._changed:
            self._is_over = True
            self._changed.notify_all()

    def _run(self) -> None:
        with httpx.Client(timeout=5) as client:
            while batch := self._batch():
                wanted = [told for told in batch if told["type"].partition(".")[0] in self._types]
                try:
                    client.post(self.url, content=json.dumps(wanted).encode())
                except httpx.HTTPError:
                    return  # whoever listened is gone

    def _batch(self) -> list[Event]:
        """The next events, once they have waited as long as they may; none when it is over."""
        with self._changed:
            while not self._is_over:
                waited_s = time.monotonic() - self._since
                left_s = self._buffering["timeoutMs"] / 1000 - waited_s
                if self._events and not self._is_frozen and left_s <= 0:
                    taken, self._events = self._events, []
                    return taken
                self._changed.wait(left_s if self._events and not self._is_frozen else None)
            return []
