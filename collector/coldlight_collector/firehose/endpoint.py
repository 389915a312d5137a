"""The HTTP contract with Firehose, whoever's records it carries.

Firehose takes 200 alone for success, and every other answer for a reason to send the same again, for as long as the
stream says (at most two hours); then it keeps the records in S3, if it was told to. 413 it takes for good: the records
are lost. So 413 is never said. Every answer is JSON with the id of the request and the time.

Source: Amazon Data Firehose Developer Guide, "HTTP endpoint delivery request and response specifications".
"""

import asyncio
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

import orjson

from coldlight_collector.firehose.deliveries import payloads
from coldlight_collector.firehose.envelope import Envelope, open_envelope, read_document
from coldlight_collector.gate import Gate
from coldlight_collector.http.auth import Proof, authenticated, bearer
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


def routes(receiver: Receiver, gate: Gate) -> Routes:
    """The one path, open to Firehose streams whose access key `gate` takes for a token, and to bearers of one."""
    return authenticated({PATH: {"POST": _FirehoseReceiver(receiver).deliver}}, gate, refuse, _PROOF)


def refuse(refusal: Refusal) -> Response:
    """A refusal in Firehose's form, which knows neither 413 nor 429."""
    status = _STATUS.get(refusal.status, refusal.status)
    return _answer(status, refusal.headers, refusal.reason, refusal.retry_after_s)


def _token(headers: Mapping[str, str]) -> str | None:
    return headers.get("x-amz-firehose-access-key") or bearer(headers)


_PROOF = Proof(_token, "header X-Amz-Firehose-Access-Key: set the stream's access key to a token")
_STATUS: dict[int, int] = {
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: HTTPStatus.BAD_REQUEST,
    HTTPStatus.TOO_MANY_REQUESTS: HTTPStatus.SERVICE_UNAVAILABLE,
}


@dataclass(frozen=True)
class _FirehoseReceiver:
    receiver: Receiver

    async def deliver(self, request: Request) -> Response:
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
