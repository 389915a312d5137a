"""Heads that were read before: a sender's requests differ in their bodies and their lengths, and in nothing else.

A head is parsed and checked once, by httptools. When the same bytes come again, but for the digits of Content-Length, they
mean the same, and a look into a dictionary takes the place of a dozen callbacks.
"""

from typing import NamedTuple

from coldlight_collector.http.messages import Request

_END = b"\r\n\r\n"
_LENGTH = b"ength: "
_FIELD = b"\r\ncontent-length: "
_MOST_DIGITS = 9


class _Whole(NamedTuple):
    """The bytes of one request, taken apart: the head without the digits of its Content-Length, the digits, the body."""

    rest_of_head: bytes
    digits: bytes
    body_at: int


class KnownHeads:
    """The heads that a server has read; all are forgotten when they become too many."""

    def __init__(self, most: int = 4096, longest_bytes: int = 2048) -> None:
        self._most = most
        self._longest_bytes = longest_bytes
        self._requests: dict[bytes, Request] = {}

    def read(self, data: bytes) -> Request | None:
        """The request that `data` is, from its first byte to its last, if its head is known."""
        whole = _take_apart(data)
        if whole is None:
            return None
        known = self._requests.get(whole.rest_of_head)
        if known is None:
            return None
        headers = {**known.headers, "content-length": whole.digits.decode()}
        return Request(known.method, known.path, known.query, headers, data[whole.body_at :])

    def learn(self, data: bytes, request: Request) -> None:
        """Remembers the head of a request, which httptools has read from `data` and nothing else."""
        whole = _take_apart(data)
        if whole is None or whole.body_at > self._longest_bytes:
            return
        # What was cut out must be that field's value and not, say, the end of the path.
        field_at = data.find(_LENGTH) + len(_LENGTH) - len(_FIELD)
        if data[field_at : field_at + len(_FIELD)].lower() != _FIELD:
            return
        if len(self._requests) >= self._most:
            self._requests.clear()
        self._requests[whole.rest_of_head] = request._replace(body=b"")


def _take_apart(data: bytes) -> _Whole | None:
    """None unless the body is as long as it is said to be."""
    end = data.find(_END)
    start = data.find(_LENGTH, 0, end) + len(_LENGTH)
    if end < 0 or start < len(_LENGTH):
        return None
    stop = data.find(b"\r", start)
    digits, body_at = data[start:stop], end + len(_END)
    if not digits.isdigit() or len(digits) > _MOST_DIGITS or len(data) - body_at != int(digits):
        return None
    return _Whole(data[:start] + data[stop:end], digits, body_at)
