"""Bytes in, requests out: one connection's parser, held to the limits while bytes still arrive."""

import math
from collections import deque
from collections.abc import Callable, Iterable
from functools import lru_cache
from http import HTTPStatus

import httptools

from coldlight_collector.http.known_heads import KnownHeads
from coldlight_collector.http.messages import Budget, Limits, Refusal, Request

_UNUSUAL = {"transfer-encoding", "expect", "upgrade"}
"""Headers that ask for more than to read the body; not many senders have them with every request."""


class RequestReader:
    """Puts requests together. What arrived whole waits in `ready`; a refusal is the last thing to arrive.

    The `on_` methods are called by httptools and stop it by raising `Refusal`.
    """

    def __init__(self, limits: Limits, budget: Budget, clock: Callable[[], float], heads: KnownHeads) -> None:
        self.ready: deque[Request | Refusal] = deque()
        self.finished = False
        """Nothing that follows is read: the client or a refusal ended the connection."""
        self.wants_continue = False
        """The client holds its body back until it is told "100 Continue"."""
        self.deadline = math.inf
        """When the part being received must be whole, by `clock`; infinite between requests."""
        self._limits = limits
        self._budget = budget
        self._clock = clock
        self._heads = heads
        self._between_requests = True
        self._parser = httptools.HttpRequestParser(self)
        self._arrived = 0
        self._suspect = False
        self._begin()

    def _begin(self) -> None:
        self._part = ""
        self._target = b""
        self._fields: list[tuple[bytes, bytes]] = []
        self._headers: dict[str, str] = {}
        self._body: bytes | bytearray = b""
        self._upgrading = False
        self._fruitless_bytes = 0

    @property
    def receiving(self) -> bool:
        """Whether a request has begun and is not whole yet."""
        return self._part != ""

    @property
    def began(self) -> float:
        """Since when the part being received has been arriving, by `clock`; infinite between requests."""
        return self.deadline - self._allowed_s()

    @property
    def brought(self) -> int:
        """Bytes that have arrived of that part."""
        return len(self._body) + self._fruitless_bytes

    def feed(self, data: bytes) -> None:
        """Reads what arrived. Nothing is raised for bad input: it ends in `ready` as a refusal."""
        begins_here = self._between_requests and not self.ready
        if begins_here and self._take_known(data):
            return
        before = self._arrived, self._part, len(self._body)
        self._suspect = self._fruitless_bytes + len(data) > self._limits.header_bytes
        try:
            self._parse(data)
            if self._part:
                self._watch_progress(before, len(data))
        except Refusal as refusal:
            self._end(refusal)
        if begins_here and self._between_requests and len(self.ready) == 1:
            self._learn_head(data)

    def time_out(self) -> None:
        """Refuses the request being received: it took longer than the limits allow."""
        reason = f"the {self._part} did not arrive within {self._allowed_s():g} s"
        self._end(self._refusal(HTTPStatus.REQUEST_TIMEOUT, reason))

    def renew(self) -> None:
        """Starts the time of the request being received anew: until now, the server did not read."""
        if self._part:
            self.deadline = self._clock() + self._allowed_s()

    def discard(self) -> None:
        """Lets go of everything that was read."""
        for request in self.ready:
            if isinstance(request, Request):
                self._budget.give(len(request.body))
        self.ready.clear()
        self._abandon()

    def on_message_begin(self) -> None:
        self._between_requests = False

    def on_url(self, part: bytes) -> None:
        self._part = "headers"
        self._target += part

    def on_header(self, name: bytes, value: bytes) -> None:
        self._fields.append((name, value))  # Also trailers, which go no further (RFC 9110, 6.5.1).

    def on_headers_complete(self) -> None:
        self._part = "body"
        self._check_fields()
        self._headers = headers = _merged(self._fields)
        if self._parser.should_upgrade():
            self._upgrading = True
            return
        if "transfer-encoding" in headers:
            self._check_transfer_encoding(headers["transfer-encoding"])
        if "expect" in headers:
            self._check_expectation(headers["expect"])
        if "host" not in headers and self._parser.get_http_version() != "1.0":
            raise self._refusal(HTTPStatus.BAD_REQUEST, "the Host header is missing (RFC 9112, 3.2)")
        self._check_body_size(int(headers.get("content-length", 0)))

    def on_body(self, piece: bytes) -> None:
        if len(self._body) + len(piece) > self._limits.body_bytes:
            raise self._too_large("the body")
        if not self._budget.take(len(piece)):
            raise self._over_budget()
        if not self._body:
            self._body = piece
            return
        if isinstance(self._body, bytes):
            self._body = bytearray(self._body)
        self._body += piece

    def on_message_complete(self) -> None:
        if self._upgrading:
            return
        if len(self.ready) >= self._limits.pipelined:
            reason = f"more than {self._limits.pipelined} requests wait: read the answers first"
            raise self._refusal(HTTPStatus.SERVICE_UNAVAILABLE, reason)
        method = self._parser.get_method().decode()
        path, _, query = _origin_form(self._target).partition("?")
        self.ready.append(Request(method, path, query, self._headers, bytes(self._body)))
        self.finished = not self._parser.should_keep_alive()
        self.wants_continue = False
        self.deadline = math.inf
        self._arrived += 1
        self._begin()
        self._between_requests = True

    def _take_known(self, data: bytes) -> bool:
        """Reads `data` if it is one request with a head that was read before."""
        request = self._heads.read(data)
        if (
            request is None
            or len(request.body) > self._limits.body_bytes
            or not self._budget.take(len(request.body))
        ):
            return False
        self.ready.append(request)
        return True

    def _learn_head(self, data: bytes) -> None:
        """Remembers the head of the request that `data` was. What needs a second look is read by the parser each time."""
        request = self.ready[0]
        if isinstance(request, Refusal) or self.finished:
            return
        if not request.headers.keys() & _UNUSUAL:
            self._heads.learn(data, request)

    def _parse(self, data: bytes) -> None:
        upgraded_at: int | None = None
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:
            upgraded_at = upgrade.args[0]
        except httptools.HttpParserCallbackError as error:
            raise error.__context__ or error from None
        except httptools.HttpParserError as error:
            if not self.finished:  # After "Connection: close", what follows is not looked at.
                raise self._refusal(HTTPStatus.BAD_REQUEST, f"no HTTP/1.1 request: {error}") from None
        # Not in the handler above: what is refused in there would come out as the upgrade itself.
        if upgraded_at is not None:
            self._decline_upgrade(data[upgraded_at:])

    def _decline_upgrade(self, rest: bytes) -> None:
        """Goes on in HTTP/1.1, as a server may (RFC 9110, 7.8): Java's client asks for h2c with every first POST.

        llhttp skips the body of such a request, so its head is read again without the wish.
        """
        method, version = self._parser.get_method(), self._parser.get_http_version()
        if method == b"CONNECT":
            raise self._refusal(HTTPStatus.NOT_IMPLEMENTED, "CONNECT is not served here: this is no proxy")
        kept = [b"%b: %b" % field for field in self._fields if field[0].lower() != b"upgrade"]
        request_line = b"%b %b HTTP/%b" % (method, self._target, version.encode("ascii"))
        self._parser = httptools.HttpRequestParser(self)
        self._begin()
        self._parse(b"\r\n".join([request_line, *kept, b"\r\n"]))
        self._parse(rest)

    def _watch_progress(self, before: tuple[int, str, int], size: int) -> None:
        """Holds a request that is still arriving to the time and the bytes its parts may take.

        httptools holds back an unfinished header or trailer, and llhttp swallows chunk extensions: no
        callback sees them before they are whole, however long they get. So bytes are counted that
        brought neither a request to its end nor a body forward.
        """
        arrived, part, body_size = before
        fruitful = arrived != self._arrived or body_size != len(self._body)
        self._fruitless_bytes = 0 if fruitful else self._fruitless_bytes + size
        if self._fruitless_bytes > self._limits.header_bytes:
            raise self._headers_too_large()
        if arrived != self._arrived or part != self._part:
            self.renew()

    def _allowed_s(self) -> float:
        return self._limits.body_timeout_s if self._part == "body" else self._limits.header_timeout_s

    def _check_fields(self) -> None:
        if len(self._fields) > self._limits.header_fields:
            reason = f"more than {self._limits.header_fields} headers: send fewer"
            raise self._refusal(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, reason)
        # A head that came in smaller lots has been counted by them: see `_watch_progress`.
        if self._suspect and _head_bytes(self._target, self._fields) > self._limits.header_bytes:
            raise self._headers_too_large()

    def _check_transfer_encoding(self, coding: str) -> None:
        if coding.lower() != "chunked":
            reason = f"Transfer-Encoding: {coding}: only chunked is served; compress with Content-Encoding"
            raise self._refusal(HTTPStatus.NOT_IMPLEMENTED, reason)

    def _check_expectation(self, expectation: str) -> None:
        if expectation.lower() != "100-continue":
            reason = f"Expect: {expectation}: only 100-continue is known"
            raise self._refusal(HTTPStatus.EXPECTATION_FAILED, reason)
        self.wants_continue = True

    def _check_body_size(self, declared: int) -> None:
        if declared > self._limits.body_bytes:
            raise self._too_large(f"Content-Length {declared}")
        if self._budget.held + declared > self._budget.limit:
            raise self._over_budget()

    def _end(self, refusal: Refusal) -> None:
        self.ready.append(refusal)
        self._abandon()

    def _abandon(self) -> None:
        self._budget.give(len(self._body))
        self._begin()
        self.finished = True
        self.wants_continue = False
        self.deadline = math.inf

    def _refusal(self, status: HTTPStatus, reason: str) -> Refusal:
        path = _origin_form(self._target).partition("?")[0]
        return Refusal(status, reason, path, _merged(self._fields[: self._limits.header_fields]))

    def _too_large(self, what: str) -> Refusal:
        reason = f"{what} is over the limit of {self._limits.body_bytes} bytes: send smaller batches"
        return self._refusal(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, reason)

    def _over_budget(self) -> Refusal:
        reason = "too many bytes are in flight: send again later"
        return self._refusal(HTTPStatus.SERVICE_UNAVAILABLE, reason)

    def _headers_too_large(self) -> Refusal:
        reason = f"the headers are over the limit of {self._limits.header_bytes} bytes: send less in them"
        return self._refusal(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, reason)


def _head_bytes(target: bytes, fields: Iterable[tuple[bytes, bytes]]) -> int:
    return len(target) + sum(len(name) + len(value) + 4 for name, value in fields)


def _merged(fields: Iterable[tuple[bytes, bytes]]) -> dict[str, str]:
    headers: dict[str, str] = {}
    for name, value in fields:
        key = _key(name)
        text = value.decode("latin-1")
        headers[key] = f"{headers[key]}, {text}" if key in headers else text
    return headers


@lru_cache(maxsize=1024)
def _key(name: bytes) -> str:
    """A header's name in lower case; ASCII, as the parser has made sure. Names are few: most are known."""
    return name.decode().lower()


def _origin_form(target: bytes) -> str:
    """Path and query of a request target; a proxy's absolute form (RFC 9112, 3.2.2) loses scheme and host."""
    text = target.decode("latin-1")
    if text.startswith("/") or "://" not in text:
        return text
    _, slash, rest = text.partition("://")[2].partition("/")
    return slash + rest or "/"
