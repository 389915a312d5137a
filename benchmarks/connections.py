"""Many keep-alive connections that each send the next request when the answer to the one before is there.

Bare sockets and one epoll, because a sender on the machine that it measures must take as little of it as can be: two
system calls a request beside the wait, and a few microseconds of Python.
"""

import re
import select
import socket
import time
from array import array
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from heapq import heappop, heappush
from itertools import cycle, islice

RETRYABLE = {429, 502, 503, 504}
CONNECT_TIMEOUT_S = 10
SILENCE_S = 60
RECEIVE_BYTES = 65536
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_RETRY_AFTER = re.compile(rb"\r\nretry-after: *(\d+)", re.IGNORECASE)


@dataclass(frozen=True)
class Answer:
    """The status of a whole answer, whether there is a body, and the seconds that Retry-After asks for."""

    status: int
    body: bool
    retry_after_s: float


@lru_cache(64)  # answers differ in their Date, once a second: reading most of them is one look-up
def answer(received: bytes) -> Answer | None:
    """What was received, None while it is not whole. Raises `ConnectionError` for one without a length."""
    head, end, body = received.partition(b"\r\n\r\n")
    if not end:
        return None
    length = _LENGTH.search(head)
    if length is None:
        raise ConnectionError(f"an answer without Content-Length: {head!r}")
    if len(body) < int(length[1]):
        return None
    told = _RETRY_AFTER.search(head)
    return Answer(int(head[9:12]), bool(body), float(told[1]) if told else 0.1)


@dataclass
class Connection:
    """What one connection is at: its request, what of it is still to be sent, since when, and the answer so far."""

    socket: socket.socket
    request: bytes = b""
    unsent: bytes | memoryview = b""
    sent_s: float = 0.0
    received: bytes = b""

    def send(self, request: bytes) -> None:
        self.request, self.received, self.sent_s = request, b"", time.monotonic()
        if self.unsent:  # refused before it had left: its rest goes first
            self.unsent = bytes(self.unsent) + request
            return
        sent = self.socket.send(request)
        self.unsent = memoryview(request)[sent:] if sent < len(request) else b""

    def send_rest(self) -> None:
        if self.unsent:
            self.unsent = memoryview(self.unsent)[self.socket.send(self.unsent) :]

    def receive(self) -> Answer | None:
        """The answer, once it is whole. Raises `ConnectionError` when the collector closed the connection."""
        received = self.socket.recv(RECEIVE_BYTES)
        if not received:
            raise ConnectionError("the collector closed a connection")
        self.received += received
        return answer(self.received)


@dataclass
class Outcome:
    """Seconds from each request's first byte to its answer; how many were told to come again, and how many answers
    said that a part was refused."""

    latencies_s: "array[float]" = field(default_factory=lambda: array("d"))
    retries: int = 0
    partial: int = 0


@dataclass
class Exchange:
    """All connections of a run, by the number of their socket; `later` holds when whose request is sent again."""

    opened: Mapping[int, Connection]
    requests: Iterator[bytes]
    outcome: Outcome = field(default_factory=Outcome)
    later: list[tuple[float, int]] = field(default_factory=list)
    busy: int = 0

    def run(self, epoll: select.epoll) -> None:
        for connection, request in zip(self.opened.values(), self.requests, strict=False):
            self.busy += 1
            connection.send(request)
        while self.busy:
            ready = epoll.poll(self._wait_s(), len(self.opened))
            if not ready and not self.later:
                raise TimeoutError(f"no answer for {SILENCE_S} s")
            for number, event in ready:
                if event & select.EPOLLOUT:
                    self.opened[number].send_rest()
                if event & ~select.EPOLLOUT:
                    self._read(number)
            self._send_again()

    def _wait_s(self) -> float:
        return max(0.0, self.later[0][0] - time.monotonic()) if self.later else SILENCE_S

    def _read(self, number: int) -> None:
        connection = self.opened[number]
        found = connection.receive()
        if found is None:
            return
        if found.status == 200:
            self.outcome.partial += found.body
            self.outcome.latencies_s.append(time.monotonic() - connection.sent_s)
            self._next(connection)
        elif found.status in RETRYABLE:
            self.outcome.retries += 1
            heappush(self.later, (time.monotonic() + found.retry_after_s, number))
        else:
            raise ConnectionError(f"the collector answered {found.status}; items would be missing")

    def _next(self, connection: Connection) -> None:
        request = next(self.requests, None)
        if request is None:
            self.busy -= 1
        else:
            connection.send(request)

    def _send_again(self) -> None:
        while self.later and self.later[0][0] <= time.monotonic():
            connection = self.opened[heappop(self.later)[1]]
            connection.send(connection.request)


def send_all(addresses: Sequence[tuple[str, int]], connections: int, requests: Iterator[bytes]) -> Outcome:
    """Send every request over `connections` connections, spread evenly over the addresses.

    Raises `ConnectionError` when one is refused for good or a connection ends, `TimeoutError` when nothing has
    come for a minute."""
    opened = {each.socket.fileno(): each for each in map(_connect, islice(cycle(addresses), connections))}
    exchange = Exchange(opened, requests)
    with select.epoll() as epoll:
        for number in opened:
            epoll.register(number, select.EPOLLIN | select.EPOLLOUT | select.EPOLLET)
        try:
            exchange.run(epoll)
        finally:
            for each in opened.values():
                each.socket.close()
    return exchange.outcome


def _connect(address: tuple[str, int]) -> Connection:
    opened = socket.create_connection(address, CONNECT_TIMEOUT_S)
    opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    opened.setblocking(False)
    return Connection(opened)
