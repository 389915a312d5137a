"""Posts what waits to the collector: OTLP over HTTP, protobuf, gzip, on a connection that is kept.

A request that failed is made again, with the same bytes, when the sender is next asked: in the time of a later invocation.
While the collector does not answer, a circuit breaker keeps the tries apart, and nobody waits for them.
"""

from __future__ import annotations

import time

from coldlight_lambda import __version__, otlp
from coldlight_lambda.addresses import Address
from coldlight_lambda.log import tell
from coldlight_lambda.shipper.http1 import Connection
from coldlight_lambda.shipper.loops import forever
from coldlight_lambda.shipper.outbox import LOGS, pack

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from coldlight_lambda.shipper.http1 import Message
    from coldlight_lambda.shipper.outbox import Batch
    from coldlight_lambda.shipper.station import Station

TIMEOUT_S = 5.0
PROMPT_S = 0.2
"""A collector that takes longer is not waited for."""
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 1.0, 60.0
_LONG_S = 0.5
"""A request that was under way for so long at the sandbox's end is given up for a new try of it."""
_MOST_ATTEMPTS = 10
"""Of a request that the collector answers with a failure; one that does not reach it is kept while there is memory."""
_REPEATABLE = (408, 429, 500, 502, 503, 504)
"""As in the OTLP specification, and 500: what a gateway says in a bad moment. Coldlight knows a repeated request."""


class Sender:
    """`is_trusted`: the collector answered promptly when it was last asked, so an invocation's end may wait for it."""

    def __init__(self, station: Station, endpoint: str, token: str) -> None:
        """Raises ValueError for an endpoint that is no URL."""
        self._station = station
        self._connection = Connection(Address(endpoint))
        self._headers = {
            "Content-Type": "application/x-protobuf",
            "Content-Encoding": "gzip",
            "User-Agent": f"coldlight-lambda/{__version__}",
        }
        if token:
            self._headers["Authorization"] = f"Bearer {token}"
        self.is_trusted = True
        self.timeout_s = TIMEOUT_S
        self._failures = 0
        self._closed_until = 0.0
        self._last_tries = 0
        self._asked_at = 0.0
        self._is_welcome = True
        """The last request was taken: a good time to say what was dropped before."""
        self._refusals: set[int] = set()

    def start(self) -> None:
        forever("coldlight-sender", self._send_when_wanted)

    def hurry(self, timeout_s: float) -> None:
        """The sandbox is about to end: what there is is tried now, breaker or not; and again, should that fail on a
        connection that died while the sandbox was frozen. Under the station's lock."""
        self.timeout_s = timeout_s
        self._closed_until = 0.0
        self._last_tries = 2
        if self._station.is_sending and time.time() - self._asked_at > _LONG_S:
            self._connection.abort()
        self._station.want()

    def _send_when_wanted(self) -> None:
        station = self._station
        with station.changed:
            station.changed.wait_for(lambda: station.is_wanted)
            station.is_wanted, station.is_sending = False, True
        try:
            self._send_all()
        except Exception as error:  # noqa: BLE001 - a batch that cannot be made costs itself
            tell(f"records could not be sent: {type(error).__name__}: {error}")
        finally:
            with station.changed:
                station.is_sending = False
                station.changed.notify_all()

    def _send_all(self) -> None:
        """Sends until there is nothing left, or the collector does not take it."""
        while time.time() >= self._closed_until:
            batch = self._next()
            if batch is None:
                return
            batch.attempts += 1
            begun, self._asked_at = time.monotonic(), time.time()
            try:
                answer = self._connection.ask("POST", batch.path, self._headers, batch.body, self.timeout_s)
                status = answer.status
            except Exception as error:  # noqa: BLE001 - a strange name or answer fails in ways of its own
                self._fail(f"{type(error).__name__}: {error}")
                continue
            self._answered(batch, status, answer)
            self.is_trusted = not self._failures and time.monotonic() - begun < PROMPT_S

    def _next(self) -> Batch | None:
        """The oldest request, or a new one of what waits."""
        station = self._station
        with station.changed:
            batch = station.outbox.first()
            if batch is not None:
                return batch
            if station.has_losses() and self._is_welcome:
                record = otlp.log_record(
                    0, time.time_ns(), None, station.losses(), (13, "WARN"), None, "coldlight.dropped"
                )
                station.outbox.add(LOGS, record, len(record))
            taken = station.outbox.take()
            resource = station.ledger.resource
        if taken is None:
            return None
        path, records = taken
        try:
            batch = pack(path, resource, records, self._encoded if path == LOGS else bytes)
        except Exception:
            with station.changed:
                station.outbox.dropped[path] += len(records)
            raise
        with station.changed:
            station.outbox.put(batch)
        return batch

    def _encoded(self, record: Any) -> bytes:
        if isinstance(record, bytes):
            return record
        with self._station.changed:
            return self._station.ledger.encode(record)

    def _answered(self, batch: Batch, status: int, answer: Message) -> None:
        if status in _REPEATABLE and batch.attempts < _MOST_ATTEMPTS:
            self._fail(f"it answered {status}", _retry_after_s(answer))
            return
        if status >= 300 and status not in self._refusals:
            self._refusals.add(status)
            tell(f"the collector refuses what it is sent: {status} {answer.body[:200]!r}")
        with self._station.changed:
            self._station.outbox.remove(batch, is_lost=status >= 300)
        self._failures = 0
        self._is_welcome = status < 300

    def _fail(self, reason: str, pause_s: float = 0.0) -> None:
        """Keeps the next try apart: the longer, the more have failed. But for a last one, which has no later."""
        if not self._failures:
            tell(f"the collector cannot be reached, and will be tried again: {reason}")
        pause_s = max(pause_s, _FIRST_PAUSE_S * 2**self._failures)
        self._failures = min(self._failures + 1, 10)
        self._last_tries -= 1
        if self._last_tries <= 0:
            self._closed_until = time.time() + min(pause_s, _LONGEST_PAUSE_S)
        self.is_trusted = False


def _retry_after_s(answer: Message) -> float:
    given = answer.headers.get("retry-after", "")
    return float(given) if given.isascii() and given.isdigit() else 0.0
