"""What every receiver over HTTP does with a body: decompress it, decode it, hand it on, within the limits."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from http import HTTPStatus
from typing import TypeVar

from coldlight_collector.http.decompress import UnknownEncoding, decompress
from coldlight_collector.http.messages import Budget, Request, Routes
from coldlight_collector.intake import Accepted, Intakes, Payload, Refused, TooLarge, Unavailable, each
from coldlight_collector.tallies import Tallies, Tally
from coldlight_storage.signals import Signal

T = TypeVar("T")

_SMALL_BYTES, _MEDIUM_BYTES = 16 * 1024, 256 * 1024
"""What Python decodes, and what one call in C does, before anybody else's request has waited for long."""
_LARGE_BYTES = 1 << 20
"""Beyond this even that one call gets a thread: `validate` has loops of its own, in which the others get their turn (worst pause
of a 10 MiB request 37 ms for 112), though not in its protobuf parse. Below it the switches would cost more than they save."""
_AT_ONCE = 2
"""Large bodies being decoded: each may grow to the limit before the budget learns of it."""


class UnknownMediaType(Refused):
    """The body is in a format that is not served."""


_STATUS: dict[type, HTTPStatus] = {
    UnknownMediaType: HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
    UnknownEncoding: HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
    TooLarge: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    Unavailable: HTTPStatus.SERVICE_UNAVAILABLE,
    Refused: HTTPStatus.BAD_REQUEST,
}


def status_of(refused: Refused) -> HTTPStatus:
    """How HTTP says it."""
    return next(_STATUS[kind] for kind in type(refused).__mro__ if kind in _STATUS)


@dataclass(frozen=True)
class Receiver:
    """The way of a request from its body to the intake.

    A body may have `body_bytes` bytes once it is decompressed. `budget` counts the bodies held until an intake has
    stored them. `tallies` count what comes.
    """

    intakes: Intakes
    budget: Budget
    body_bytes: int
    tallies: Tallies = field(default_factory=Tallies)
    decoding: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(_AT_ONCE))

    def counted_by(self, tally: Tally) -> "Receiver":
        """The same way, which `tally` counts."""
        return replace(self, intakes=each(self.intakes, tally.counting))

    def watched(self, name: str, routes: Routes) -> Routes:
        """The routes of a receiver; one that traces what it does traces them, too."""
        return routes

    async def decode(self, request: Request, decode: Callable[[bytes], T], is_slow: bool = True) -> T:
        """What `decode` makes of the plain body; `is_slow` says that Python does it, not one call in C.

        Raises `TooLarge`, `Malformed` or `UnknownEncoding` for the compression, and what `decode` raises.
        """
        body, encoding = request.body, request.headers.get("content-encoding", "")
        if not encoding and len(body) <= (_SMALL_BYTES if is_slow else _LARGE_BYTES):
            return decode(decompress(body, encoding, self.body_bytes))
        if encoding and len(body) <= _SMALL_BYTES:
            at_once = _SMALL_BYTES if is_slow else _MEDIUM_BYTES
            try:
                plain = decompress(body, encoding, min(at_once, self.body_bytes))
            except TooLarge:
                pass  # small as it came, it grows too much for here
            else:
                return decode(plain)
        # A thread frees the event loop while zlib works and between the steps of a decoder in Python; protobuf
        # holds the interpreter's lock to its end, wherever it runs.
        async with self.decoding:
            return await asyncio.to_thread(lambda: decode(decompress(body, encoding, self.body_bytes)))

    async def store(self, signal: Signal, payload: Payload, request: Request) -> Accepted:
        """Returns once the payload is durable. Raises `Unavailable` when that cannot be now, `TooLarge` when it never can."""
        sender = request.sender
        assert sender, "a request is let in before it is read"
        with self.budget.holding(0 if payload.body is request.body else len(payload.body)):
            accepted = await self.intakes(sender.tenant)(signal, payload)
        sender.spend(items=payload.items)
        return accepted
