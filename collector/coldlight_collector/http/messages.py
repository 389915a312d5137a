"""What a handler is given and what it gives back, and the limits both are held to."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from http import HTTPStatus
from typing import NamedTuple

from coldlight_collector.gate import Sender
from coldlight_collector.intake import Unavailable


class Request(NamedTuple):
    """One whole request. Header names are lower case; a repeated header is joined by ", " (RFC 9110, 5.3).

    A tuple, because it is made in a third of the time that a frozen dataclass takes.
    """

    method: str
    path: str
    query: str
    headers: dict[str, str]
    body: bytes
    sender: Sender | None = None
    """Who is let in; None before that is decided."""


@dataclass(frozen=True)
class Response:
    """One answer. `Content-Length`, `Date` and `Connection` are the server's to write."""

    status: int
    body: bytes = b""
    content_type: str = ""
    headers: tuple[tuple[str, str], ...] = ()


class Refusal(Exception):
    """A request that no handler saw: its status, why, and as much of its head as had arrived.

    `retry_after_s` counts where the status says "not now".
    """

    def __init__(
        self, status: int, reason: str, path: str, headers: dict[str, str], retry_after_s: int = 1
    ) -> None:
        super().__init__(reason)
        self.status = status
        self.reason = reason
        self.path = path
        self.headers = headers
        self.retry_after_s = retry_after_s


Handler = Callable[[Request], Awaitable[Response]]
"""Answers a request. What it raises is logged and answered with 503, which OTLP senders try again."""


async def answered(response: Response) -> Response:
    """What a handler gives back whose answer is known at once."""
    return response


Refuse = Callable[[Refusal], Response]
"""Renders a refusal in the form that the senders on that path read."""

Routes = Mapping[str, Mapping[str, Handler]]
"""Exact path -> method -> handler."""


@dataclass(frozen=True)
class Limits:
    """What one connection may ask for, and for how long."""

    connections: int = 4096
    """Open at once; for what comes on top the slowest make room, and if nobody is slow it is answered with 503 and closed."""
    connections_of_one_address: int = 4096
    """The same for each client address."""
    header_bytes: int = 16 * 1024
    """Request line and headers together."""
    header_fields: int = 100
    body_bytes: int = 64 * 1024 * 1024
    """As sent, before decompression (OTLP recommends 64 MiB)."""
    pipelined: int = 64
    """Requests of one connection that may wait for their turn."""
    header_timeout_s: float = 10
    """From the first byte of a request, or from the start of a connection, to the end of the headers."""
    body_timeout_s: float = 30
    """From the end of the headers to the end of the body."""
    idle_timeout_s: float = 75
    """Between an answer and the next request."""
    write_timeout_s: float = 30
    """How long a client may leave answers unread."""
    patience_s: float = 1
    """How long a client may keep us waiting before it has to make room for others."""
    linger_s: float = 5
    """How long a refused client may go on sending before it is cut off: closed earlier, it would lose the answer."""


@dataclass
class Budget:
    """Bytes that may be held at once, by all connections together: of bodies, and of what they expand to."""

    limit: int = 512 * 1024 * 1024
    held: int = field(default=0, init=False)

    def take(self, size: int) -> bool:
        """Holds `size` more bytes, or answers False and holds none of them."""
        if self.held + size > self.limit:
            return False
        self.held += size
        return True

    def give(self, size: int) -> None:
        """Lets go of `size` bytes taken earlier."""
        self.held -= size

    def holding(self, size: int) -> "Held":
        """Holds `size` bytes for the length of a block. Entering it raises `Unavailable` when that is too much now."""
        return Held(self, size)


class Held:
    """Bytes of a budget, held from the start of a block to its end. A class, for a generator costs three times as much."""

    __slots__ = ("_budget", "_size")

    def __init__(self, budget: Budget, size: int) -> None:
        self._budget = budget
        self._size = size

    def __enter__(self) -> None:
        if not self._budget.take(self._size):
            raise Unavailable("too many bytes are in flight: send again later")

    def __exit__(self, *_: object) -> None:
        self._budget.give(self._size)


def encode(response: Response, date: bytes, *, bodiless: bool, last: bool) -> bytes:
    """The bytes of an answer: without its body after HEAD (`bodiless`), `last` on its connection or not."""
    head = _head(response.status, response.content_type, len(response.body), response.headers, last)
    return b"".join((head, date, b"\r\n\r\n", b"" if bodiless else response.body))


@lru_cache(maxsize=1024)
def _head(
    status: int, content_type: str, length: int, headers: tuple[tuple[str, str], ...], last: bool
) -> bytes:
    """All lines but the value of `Date`, the last of them. Few answers differ, so most are made already."""
    lines = [f"HTTP/1.1 {status} {HTTPStatus(status).phrase}"]
    lines.append(f"Connection: {'close' if last else 'keep-alive'}")
    if content_type:
        lines.append(f"Content-Type: {content_type}")
    if status != HTTPStatus.NO_CONTENT:  # RFC 9110, 8.6
        lines.append(f"Content-Length: {length}")
    lines += (f"{name}: {value}" for name, value in headers)
    return "\r\n".join([*lines, "Date: "]).encode("latin-1")
