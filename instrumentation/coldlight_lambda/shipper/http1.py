"""HTTP/1.1 (RFC 9112) as far as the shipper needs it, for both sides. `http.client` would cost 10 ms of every cold start."""

from __future__ import annotations

import select
import socket

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Optional

    from coldlight_lambda.addresses import Address

_LONGEST_HEAD = 64 << 10
_PIECE = 256 << 10


class BrokenMessage(OSError):
    """What came is no HTTP, or more of it than is taken."""


class Message:
    """A request or an answer: `first` is its first line; the names of `headers` are in lower case."""

    __slots__ = ("body", "first", "headers")

    def __init__(self, first: str, headers: dict[str, str], body: bytes) -> None:
        self.first = first
        self.headers = headers
        self.body = body

    @property
    def status(self) -> int:
        """Of an answer. Raises `BrokenMessage` if there is none in its first line."""
        parts = self.first.split(None, 2)
        if len(parts) < 2 or not (parts[1].isascii() and parts[1].isdigit() and len(parts[1]) == 3):
            raise BrokenMessage(f"no answer begins with {self.first[:80]!r}")
        return int(parts[1])


class Messages:
    """Takes messages out of a stream, however it is cut."""

    def __init__(self, longest: int) -> None:
        self._longest = longest
        self._data = bytearray()

    def feed(self, received: bytes) -> list[Message]:
        """The messages that are whole. Raises `BrokenMessage`."""
        self._data += received
        whole = []
        message = self._take()
        while message is not None:
            whole.append(message)
            message = self._take()
        return whole

    def _take(self) -> Optional[Message]:
        end = self._data.find(b"\r\n\r\n")
        if end < 0:
            if len(self._data) > _LONGEST_HEAD:
                raise BrokenMessage("a head that does not end")
            return None
        first, *lines = self._data[:end].decode("latin-1").lstrip("\r\n").split("\r\n")
        headers = {
            name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)
        }
        body = (
            self._chunked(end + 4)
            if "chunked" in headers.get("transfer-encoding", "")
            else self._plain(end + 4, headers)
        )
        return None if body is None else Message(first, headers, body)

    def _plain(self, begin: int, headers: dict[str, str]) -> Optional[bytes]:
        length = _number(headers.get("content-length", "0"), 10)
        if length > self._longest:
            raise BrokenMessage(f"a body of {length} bytes: at most {self._longest} are taken")
        if len(self._data) < begin + length:
            return None
        return self._cut(begin + length, [self._data[begin : begin + length]])

    def _chunked(self, at: int) -> Optional[bytes]:
        """RFC 9112, section 7.1; trailers are not expected, and would break the message behind them."""
        chunks: list[bytearray] = []
        total = 0
        while True:
            line_end = self._data.find(b"\r\n", at)
            if line_end < 0:
                return None
            length = _number(self._data[at:line_end].decode("latin-1").partition(";")[0].strip(), 16)
            total += length
            if total > self._longest:
                raise BrokenMessage(f"a body of more than {self._longest} bytes")
            begin, at = line_end + 2, line_end + 4 + length
            if len(self._data) < at:
                return None
            if not length:
                return self._cut(at, chunks)
            chunks.append(self._data[begin : begin + length])

    def _cut(self, end: int, pieces: list[bytearray]) -> bytes:
        del self._data[:end]
        return b"".join(pieces)


def _number(text: str, base: int) -> int:
    try:
        value = int(text, base)
    except ValueError:
        value = -1
    if value < 0:
        raise BrokenMessage(f"{text[:80]!r} is no length")
    return value


class Connection:
    """A connection to a server: made when it is needed, kept while it lasts. For one thread."""

    def __init__(self, address: Address) -> None:
        self._address = address
        self._socket: Optional[socket.socket] = None
        self._longest = 6 << 20

    def ask(
        self, method: str, path: str, headers: dict[str, str], body: bytes, timeout_s: Optional[float]
    ) -> Message:
        """An answer; `timeout_s` is for every step of it. Raises OSError, after which the connection is a new one."""
        try:
            connected = self._connected(timeout_s)
            connected.settimeout(timeout_s)
            connected.sendall(self._head(method, path, headers, len(body)) + body)
            answer = self._answer(connected)
        except BaseException:
            self.close()
            raise
        if answer.headers.get("connection", "").lower() == "close":
            self.close()
        return answer

    def close(self) -> None:
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def abort(self) -> None:
        """From another thread: an answer that is awaited will not come."""
        awaited = self._socket
        try:
            if awaited is not None:
                awaited.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass  # it has come to an end by itself

    def _head(self, method: str, path: str, headers: dict[str, str], length: int) -> bytes:
        address = self._address
        own = {"Host": address.authority, "Content-Length": str(length), **headers}
        lines = "".join([f"{name}: {value}\r\n" for name, value in own.items()])
        return f"{method} {address.path}{path} HTTP/1.1\r\n{lines}\r\n".encode("latin-1", "replace")

    def _answer(self, connected: socket.socket) -> Message:
        messages = Messages(self._longest)
        while True:
            received = connected.recv(_PIECE)
            if not received:
                raise BrokenMessage("the server hung up before it had answered")
            for message in messages.feed(received):
                if message.status >= 200:
                    return message

    def _connected(self, timeout_s: Optional[float]) -> socket.socket:
        if self._socket is not None and _is_over(self._socket):
            self.close()
        if self._socket is None:
            plain = socket.create_connection((self._address.host, self._address.port), timeout_s)
            plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._socket = _secured(plain, self._address.host) if self._address.is_secure else plain
        return self._socket


def _is_over(idle: socket.socket) -> bool:
    """Of a connection on which nothing is awaited: whatever there is to read, it is the other side's goodbye."""
    poll = select.poll()
    poll.register(idle, select.POLLIN)
    return bool(poll.poll(0))


def _secured(plain: socket.socket, host: str) -> socket.socket:
    import ssl  # 20 ms, for those who need it

    try:
        return ssl.create_default_context().wrap_socket(plain, server_hostname=host)
    except BaseException:
        plain.close()
        raise
