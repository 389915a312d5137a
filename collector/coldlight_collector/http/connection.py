"""One client's connection: requests are answered one after the other, in the order they came."""

import asyncio
import logging
import math
from collections import Counter
from collections.abc import Callable
from email.utils import formatdate
from http import HTTPStatus
from typing import cast

from coldlight_collector.http.admission import Admission, Pace
from coldlight_collector.http.known_heads import KnownHeads
from coldlight_collector.http.messages import (
    Budget,
    Handler,
    Limits,
    Refusal,
    Refuse,
    Request,
    Response,
    encode,
)
from coldlight_collector.http.reader import RequestReader

_log = logging.getLogger(__name__)


class Service:
    """What the connections of one server share."""

    def __init__(self, handler: Handler, refuse: Refuse, limits: Limits, budget: Budget) -> None:
        loop = asyncio.get_running_loop()
        self.handler = handler
        self.refuse = refuse
        self.limits = limits
        self.budget = budget
        self.heads = KnownHeads()
        self.clock: Callable[[], float] = loop.time
        self.create_task = loop.create_task
        self.admission = Admission(limits.connections, limits.connections_of_one_address)
        self.connections: set[Connection] = set()
        self.answering: set[Connection] = set()
        self.refusals: Counter[int] = Counter()
        self.stopping = False
        self.emptied = asyncio.Event()
        self.check_clock()

    def check_clock(self) -> None:
        """Brings the `Date` of the answers up to date, and ends the connections whose time is up."""
        self.date = formatdate(usegmt=True).encode("ascii")
        now = self.clock()
        self.admission.look_again()
        for connection in tuple(self.connections):
            connection.enforce_deadlines(now)

    @staticmethod
    def address_of(transport: asyncio.BaseTransport) -> str:
        """The client's IP address."""
        peer = transport.get_extra_info("peername")
        return str(peer[0]) if peer else ""

    def check_emptied(self) -> None:
        """Tells a server that stops when its last connection is gone and its last answer given."""
        if self.stopping and not self.connections and not self.answering:
            self.emptied.set()

    def render(self, refusal: Refusal) -> Response:
        """A refusal's answer, counted by its status."""
        self.refusals[refusal.status] += 1
        return self.refuse(refusal)


class Connection(asyncio.Protocol):
    """A connection. At most one task answers, and it lives only while requests are ready."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._address: str | None = None
        self._reader = RequestReader(service.limits, service.budget, service.clock, service.heads)
        self._task: asyncio.Task[None] | None = None
        self._drained: asyncio.Future[None] | None = None
        self._reading_paused = False
        self._idle_since = math.inf
        self._may_idle_s = service.limits.header_timeout_s
        self._unread_since = math.inf

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        reason = self._enter()
        # A connection may have been accepted just before the server stopped to accept.
        if reason or self._service.stopping:
            self._turn_away(reason or "the collector is shutting down: connect to the next one")
            return
        self._service.connections.add(self)
        self._idle_since = self._service.clock()

    def data_received(self, data: bytes) -> None:
        if self._reader.finished:
            return  # Nobody reads on behind a refusal or "Connection: close".
        self._reader.feed(data)
        if self._reader.ready:
            self._start_answering()
        elif self._reader.wants_continue:
            self._invite_body()

    def eof_received(self) -> bool:
        """A client may close its half once it has asked (RFC 9112, 9.6): what is in hand is still answered."""
        self._reader.finished = True
        return self._task is not None

    def connection_lost(self, error: Exception | None) -> None:
        self._service.connections.discard(self)
        self._leave()
        self._reader.discard()
        self.resume_writing()
        self._service.check_emptied()

    def pause_writing(self) -> None:
        self._drained = asyncio.get_running_loop().create_future()
        self._unread_since = self._service.clock()

    def resume_writing(self) -> None:
        self._unread_since = math.inf
        if self._drained is not None and not self._drained.done():
            self._drained.set_result(None)
        self._drained = None

    def enforce_deadlines(self, now: float) -> None:
        """Ends the connection of a client that is idle or slow, or does not read. The server calls this steadily."""
        is_unread = now >= self._unread_since + self._service.limits.write_timeout_s
        is_idle = now >= self._idle_since + self._may_idle_s and not self._reader.receiving
        if is_unread or is_idle:
            self._transport.abort()
        elif now >= self._reader.deadline and not self._reading_paused:
            self._reader.time_out()
            self._start_answering()

    def pace(self, now: float) -> Pace | None:
        """How fast the client is for whom we wait, once that has been for as long as the limits' patience."""
        since = self._waiting_since()
        if now - since < self._service.limits.patience_s:
            return None
        return Pace(self._reader.brought / (now - since), since)

    def give_way(self) -> None:
        """Makes room for another client. Whoever was sending is told so, and to come again."""
        self._leave()
        if self._task is None and self._reader.receiving:
            self._turn_away("others wait for this connection, and nobody was slower: send again, and faster")
        else:
            self._transport.abort()
        self._reader.discard()

    def close_when_idle(self) -> None:
        """Closes at once if no request is in hand, and else after the last answer."""
        if self._task is None and not self._reader.receiving:
            self._transport.close()

    def abort(self) -> None:
        """Cuts the client off and cancels what is being done for it."""
        self._transport.abort()
        if self._task is not None:
            self._task.cancel()

    def _enter(self) -> str:
        """Why there is no room for this client, or nothing."""
        address = self._service.address_of(self._transport)
        reason = self._service.admission.enter(self, address, self._service.clock())
        self._address = None if reason else address
        return reason

    def _leave(self) -> None:
        if self._address is not None:
            self._service.admission.leave(self, self._address)
            self._address = None

    def _waiting_since(self) -> float:
        """Since when the client has been waited for; infinite while it waits for an answer."""
        if self._task is not None:
            return self._unread_since
        return self._reader.began if self._reader.receiving else self._idle_since

    def _turn_away(self, reason: str) -> None:
        refusal = Refusal(HTTPStatus.SERVICE_UNAVAILABLE, reason, "", {})
        self._reader.finished = True
        self._transport.write(
            encode(self._service.render(refusal), self._service.date, bodiless=False, last=True)
        )
        self._transport.close()

    def _start_answering(self) -> None:
        if self._task is None:
            self._idle_since = math.inf
            self._service.answering.add(self)
            self._task = self._service.create_task(self._answer_all())
        elif not self._reading_paused and not self._transport.is_closing():
            self._reading_paused = True
            self._transport.pause_reading()

    async def _answer_all(self) -> None:
        ready, transport = self._reader.ready, self._transport
        try:
            while ready and not transport.is_closing():
                request = ready.popleft()
                self._send(request, await self._answer(request))
                if self._drained is not None:
                    await self._drained
        except BaseException:
            transport.abort()
            raise
        finally:
            self._task = None
            self._service.answering.discard(self)
            if self._service.stopping:
                self._service.check_emptied()
        self._await_requests()

    async def _answer(self, request: Request | Refusal) -> Response:
        if isinstance(request, Refusal):
            return self._service.render(request)
        try:
            return await self._service.handler(request)
        except Exception:  # noqa: BLE001 - the edge: whatever it was, this sender is to try again
            _log.exception("%s %s failed", request.method, request.path)
            # Not 500: OTLP senders drop what is answered so (OTLP specification, "Failures").
            reason = "the request failed here: send it again later"
            failed = Refusal(HTTPStatus.SERVICE_UNAVAILABLE, reason, request.path, request.headers)
            return self._service.render(failed)
        finally:
            self._service.budget.give(len(request.body))

    def _send(self, request: Request | Refusal, response: Response) -> None:
        if self._transport.is_closing():
            return
        last = not self._reader.ready and (self._reader.finished or self._service.stopping)
        bodiless = isinstance(request, Request) and request.method == "HEAD"
        self._transport.write(encode(response, self._service.date, bodiless=bodiless, last=last))
        if last:
            self._close(linger=isinstance(request, Refusal))

    def _await_requests(self) -> None:
        if self._transport.is_closing():
            return
        self._resume_reading()
        if self._reader.finished:
            return
        self._idle_since = self._service.clock()
        self._may_idle_s = self._service.limits.idle_timeout_s
        if self._reader.wants_continue:
            self._invite_body()

    def _resume_reading(self) -> None:
        if self._reading_paused:
            self._reading_paused = False
            self._reader.renew()
            self._transport.resume_reading()

    def _invite_body(self) -> None:
        if self._task is None:  # Else the answers before it come first.
            self._reader.wants_continue = False
            self._transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")

    def _close(self, *, linger: bool) -> None:
        """Closes. A refused client may still be sending, and would lose the answer to a reset: let it finish."""
        if not linger or not self._transport.can_write_eof():
            self._transport.close()
            return
        try:
            self._transport.write_eof()
        except OSError:  # The client has reset the connection, and there is nobody left to wait for.
            self._transport.abort()
        self._idle_since = self._service.clock()
        self._may_idle_s = self._service.limits.linger_s
