"""The HTTP contract with Firehose, whoever's records it carries.

Firehose takes 200 alone for success, and every other answer for a reason to send the same again, for as long as the
stream says (at most two hours); then it keeps the records in S3, if it was told to. 413 it takes for good: the records
are lost. So 413 is never said. Every answer is JSON with the id of the request and the time.

Source: Amazon Data Firehose Developer Guide, "HTTP endpoint delivery request and response specifications".
"""

import asyncio
import hmac
import time
from collections.abc import Iterator
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

import orjson

from coldlight_collector.firehose.deliveries import payloads
from coldlight_collector.firehose.envelope import Envelope, open_envelope, read_document
from coldlight_collector.http.messages import Refusal, Request, Response, Routes
from coldlight_collector.intake import Payload, Refused, Unavailable
from coldlight_collector.receiver import Receiver
from coldlight_storage.signals import Signal

PATH = "/aws/firehose"

_JSON = "application/json"
_REQUEST_ID = "x-amz-firehose-request-id"
_MOST_MESSAGE_CHARACTERS = 8192
_MOST_ID_CHARACTERS = 256
_MOST_GROWTH = 4
"""All records of a request together, decompressed, in sizes of the largest body."""


def routes(receiver: Receiver, token: str | None) -> Routes:
    """The one path, open to Firehose streams whose access key is `token`, and to senders of the bearer token."""
    return {PATH: {"POST": _FirehoseReceiver(receiver, token).deliver}}


def refuse(refusal: Refusal) -> Response:
    """A refusal in Firehose's form; where HTTP's word would be 413, it is 400."""
    too_large = refusal.status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE
    status = HTTPStatus.BAD_REQUEST if too_large else refusal.status
    return _answer(status, refusal.headers, refusal.reason)


@dataclass(frozen=True)
class _FirehoseReceiver:
    receiver: Receiver
    token: str | None

    async def deliver(self, request: Request) -> Response:
        if not self._is_admitted(request.headers):
            reason = (
                "header X-Amz-Firehose-Access-Key: set the stream's access key to the token of the collector"
            )
            return _answer(HTTPStatus.UNAUTHORIZED, request.headers, reason)
        headers = request.headers
        try:
            document = await self.receiver.decode(request, read_document)
            headers = _identified(headers, document)
            await self._store(open_envelope(headers, time.time_ns(), document), request)
        except Unavailable as unavailable:
            return _answer(
                HTTPStatus.SERVICE_UNAVAILABLE, headers, str(unavailable), unavailable.retry_after_s
            )
        except Refused as refused:
            return _answer(HTTPStatus.BAD_REQUEST, headers, str(refused))
        return _answer(HTTPStatus.OK, headers)

    def _is_admitted(self, headers: dict[str, str]) -> bool:
        if self.token is None:
            return True
        key = headers.get("x-amz-firehose-access-key", "").encode()
        bearer = headers.get("authorization", "").encode()
        has_key = hmac.compare_digest(key, self.token.encode())
        return hmac.compare_digest(bearer, f"Bearer {self.token}".encode()) or has_key

    async def _store(self, envelope: Envelope, request: Request) -> None:
        """Stores payload by payload, so that a large delivery is never in memory as a whole.

        A delivery that is sent again makes the same bytes, so what was stored of it before is known.
        """
        converted = payloads(envelope, self.receiver.body_bytes * _MOST_GROWTH)
        while following := await self._next(converted):
            await self.receiver.store(*following, request)

    async def _next(self, converted: Iterator[tuple[Signal, Payload]]) -> tuple[Signal, Payload] | None:
        """In a thread: a small body may hold large records."""
        async with self.receiver.decoding:
            return await asyncio.to_thread(next, converted, None)


def _identified(headers: dict[str, str], document: dict[str, Any]) -> dict[str, str]:
    """The headers with the request's id, which some senders tell in the body alone."""
    told = document.get("requestId")
    if headers.get(_REQUEST_ID) or type(told) is not str:
        return headers
    return {**headers, _REQUEST_ID: told}


def _answer(status: int, headers: dict[str, str], reason: str = "", retry_after_s: int = 1) -> Response:
    """The request's id is in its headers, whatever became of it."""
    document: dict[str, str | int] = {
        "requestId": headers.get(_REQUEST_ID, "")[:_MOST_ID_CHARACTERS],
        "timestamp": time.time_ns() // 10**6,
    }
    if reason:
        document["errorMessage"] = reason[:_MOST_MESSAGE_CHARACTERS]
    advice = (("Retry-After", str(retry_after_s)),) if status == HTTPStatus.SERVICE_UNAVAILABLE else ()
    return Response(status, orjson.dumps(document), _JSON, advice)
