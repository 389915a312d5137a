"""The life of a sandbox as an extension lives it: invocations, one after the other, and the end."""

from __future__ import annotations

import time

from coldlight_lambda.shipper.pace import Pace

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from coldlight_lambda.shipper.attempts import Known
    from coldlight_lambda.shipper.sender import Sender
    from coldlight_lambda.shipper.station import Station

PATIENCE_S = 0.5
"""For so long an invocation's end waits for the collector: the next caller might be waiting behind it."""
_LOGS_S = 0.08
"""For so long it waits for the platform to say that the runtime is done: the lines of the log come with that."""
_LAST_FRAMES_S = 0.3
"""For so long it waits for frames that the platform's word has overtaken: there are many of them."""
_BLIND_S = 1.0
"""For so long it waits where the platform tells nothing, and the recorder's word is the only one."""
_MARGIN_S = 0.1
"""The end of an invocation belongs to its time, and must not be what makes it too long."""
_LAST_TELEMETRY_S = 0.3
_LAST_MARGIN_S = 0.3
_LAST_TRY_S = 1.2


class Cycle:
    """What happens at each event of the platform."""

    def __init__(
        self, station: Station, sender: Sender, has_telemetry: bool, is_internal: bool = False
    ) -> None:
        """Whoever is internal is not told of the end, and so keeps nothing for it."""
        self._is_internal = is_internal
        self._station = station
        self._sender = sender
        self._has_telemetry = has_telemetry
        self._pace = Pace()

    def invoke(self, event: dict[str, Any]) -> None:
        """Returns when the next event may be asked for: until then, the sandbox is not frozen."""
        request_id, deadline_ms = str(event.get("requestId", "")), int(event.get("deadlineMs") or 0)
        station = self._station
        self._pace.invoked(time.time())
        with station.changed:
            known = station.ledger.invoked(request_id, str(event.get("invokedFunctionArn", "")), deadline_ms)
            if not station.outbox.is_empty and not self._pace.is_first:
                station.want()  # but for the first, of whom hello tells whose they are
        self._wait_for_end(known, _left_s(deadline_ms))
        patience_s = min(PATIENCE_S, _left_s(deadline_ms))
        if patience_s > 0 and self._sends_now():
            self._send(known, patience_s)
        self._pace.ended(time.time())

    def _wait_for_end(self, known: Known, left_s: float) -> None:
        """The recorder tells the end, or else the platform does. Without telemetry an end that is lost would never be told,
        and without a recorder none is: what comes while nobody waits is sent with what the next invocation leaves."""
        station = self._station
        if self._has_telemetry:
            station.wait_until(known.is_over, left_s)
            station.wait_until(known.is_whole, min(_LAST_FRAMES_S, left_s))
        elif station.ledger.has_recorder:
            station.wait_until(known.is_over, min(_BLIND_S, left_s))

    def _sends_now(self) -> bool:
        outbox = self._station.outbox
        is_time = self._is_internal or self._pace.sends_at_end(outbox.age_s, outbox.waiting_bytes)
        return is_time and self._sender.is_trusted

    def _send(self, known: Known, patience_s: float) -> None:
        """Spans at once, and then the lines of the log, which the platform brings a moment later."""
        until = time.monotonic() + patience_s
        station = self._station
        with station.changed:
            station.want()
        if self._has_telemetry:
            station.wait_until(lambda: known.is_done, min(_LOGS_S, patience_s))
            with station.changed:
                station.want()
        if not station.wait_until(self._is_sent, until - time.monotonic()):
            self._sender.is_trusted = False  # it is slow: it gets its time while the next invocation runs

    def _is_sent(self) -> bool:
        return not self._station.is_wanted and not self._station.is_sending

    def shut_down(self, event: dict[str, Any]) -> None:
        """Sends what there is in the time that is left, about two seconds (`deadlineMs`)."""
        station = self._station
        left_s = float(event.get("deadlineMs") or 0) / 1000 - time.time() - _LAST_MARGIN_S
        until = time.monotonic() + min(max(left_s, 0.2), 1.7)
        if self._has_telemetry:
            station.wait_until(station.ledger.is_reported, min(_LAST_TELEMETRY_S, left_s))
        with station.changed:
            station.ledger.shut_down(str(event.get("shutdownReason", "")))
            self._sender.hurry(_LAST_TRY_S)
        station.wait_until(self._is_sent, until - time.monotonic())


def _left_s(deadline_ms: int) -> float:
    """Of an invocation's time: after it, only a SHUTDOWN can tell more."""
    return deadline_ms / 1000 - time.time() - _MARGIN_S
