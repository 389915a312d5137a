"""The Zipkin receiver: `POST /api/v2/spans` in JSON and protobuf, `POST /api/v1/spans` in JSON.

Answers as Zipkin's server does: 202 without a body, or 400 with a sentence in plain text. Zipkin has no partial
success and refuses a whole request for one bad span. Here such a span is left out and counted, the rest is taken, and
the header `Coldlight-Partial-Success` of the 202 says so; only a request without any good span is refused.
"""

import time
from base64 import b64decode
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from hashlib import blake2b
from http import HTTPStatus

from coldlight_collector.gate import Gate
from coldlight_collector.http.auth import Proof, authenticated, bearer
from coldlight_collector.http.decompress import ENCODINGS
from coldlight_collector.http.messages import Refusal, Request, Response, Routes
from coldlight_collector.intake import Accepted, Malformed, Payload, Refused, Unavailable
from coldlight_collector.receiver import Receiver, UnknownMediaType, status_of
from coldlight_collector.validate import validate_message
from coldlight_collector.zipkin import to_otlp, v1_json, v2_json, v2_protobuf
from coldlight_collector.zipkin.span import Decoded
from coldlight_storage.signals import Signal

PARTIAL_SUCCESS = "Coldlight-Partial-Success"

_TEXT = "text/plain; charset=utf-8"
_PREFIXES = ("", "/zipkin")
"""Zipkin's API answers at both."""
_PROTOBUF = {"application/x-protobuf", "application/protobuf"}
_THRIFT = "application/x-thrift"
_MESSAGE_CHARACTERS = 1024


_Decode = Callable[[bytes], Decoded]


def routes(receiver: Receiver, gate: Gate) -> Routes:
    """Zipkin's paths for spans, open to whom `gate` lets in."""
    zipkin = _ZipkinReceiver(receiver)
    paths: Routes = {
        f"{prefix}/api/{version}/spans": {"POST": take}
        for prefix in _PREFIXES
        for version, take in (("v1", zipkin.take_v1), ("v2", zipkin.take_v2))
    }
    return authenticated(paths, gate, refuse, _PROOF)


def refuse(refusal: Refusal) -> Response:
    """A refusal in plain text, as Zipkin's senders log it."""
    return _failure(refusal.status, refusal.reason, refusal.retry_after_s)


def _token(headers: Mapping[str, str]) -> str | None:
    """Zipkin's senders can seldom be given a header, but a URL: http://anyone:TOKEN@host makes them send Basic."""
    scheme, _, credentials = headers.get("authorization", "").partition(" ")
    return _password(credentials) if scheme.lower() == "basic" else bearer(headers)


_PROOF = Proof(
    _token, "header Authorization: send Bearer and a token, or the token as the password in the URL"
)


def _password(credentials: str) -> str:
    """That of user:password in base64 (RFC 7617); "" of anything else."""
    try:
        return b64decode(credentials).decode().partition(":")[2]
    except ValueError:
        return ""


@dataclass(frozen=True)
class _ZipkinReceiver:
    receiver: Receiver

    async def take_v2(self, request: Request) -> Response:
        """Zipkin reads as JSON whatever is not declared as protobuf."""
        return await self._take(
            v2_protobuf.decode if _media_type(request) in _PROTOBUF else v2_json.decode, request
        )

    async def take_v1(self, request: Request) -> Response:
        return await self._take(v1_json.decode, request)

    async def _take(self, decode: _Decode, request: Request) -> Response:
        try:
            if _media_type(request) == _THRIFT:
                raise UnknownMediaType(f"Content-Type: {_THRIFT} is not served: send application/json")
            payload = await self.receiver.decode(request, partial(payload_of, decode))
            accepted = await self.receiver.store(Signal.TRACES, payload, request)
        except Refused as refused:
            return _refused(refused)
        return _accepted(accepted)


def _media_type(request: Request) -> str:
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


def payload_of(decode: _Decode, body: bytes) -> Payload:
    """The OTLP of a body; of an empty one there is none, as with Zipkin."""
    decoded = decode(body) if body else Decoded([], [])
    if decoded.rejected and not decoded.spans:
        raise Malformed(f"the body holds no sound span: {_counted(Counter(decoded.rejected))}")
    converted = to_otlp.convert(decoded.spans, time.time_ns() // 1000)
    payload = validate_message(Signal.TRACES, converted.request)
    # Sent again, the same spans come at another time: then they are known by what was sent, not by what is stored.
    name = blake2b(body).digest() if converted.tells_receipt else b""
    return replace(payload, outcome=_outcome(decoded, converted.repaired, payload.outcome), name=name)


def _outcome(decoded: Decoded, repaired: Counter[str], validated: Accepted) -> Accepted:
    """What decoding, conversion and validation have to say, together."""
    found: Mapping[str, Counter[str]] = {"rejected": Counter(decoded.rejected), "repaired": repaired}
    said = [f"{what}: {_counted(entries)}" for what, entries in found.items() if entries]
    if validated.message:
        said.append(validated.message)
    return Accepted(
        rejected=len(decoded.rejected) + validated.rejected,
        message="; ".join(said),
        repaired=repaired.total() + validated.repaired,
        unreadable=len(decoded.rejected),
        truncated=validated.truncated,
    )


def _counted(entries: Counter[str]) -> str:
    return ", ".join(f"{entry} ({count})" for entry, count in entries.most_common())


def _accepted(accepted: Accepted) -> Response:
    if not accepted.message:
        return Response(HTTPStatus.ACCEPTED)
    said = accepted.message[:_MESSAGE_CHARACTERS].encode("ascii", "replace").decode()
    return Response(HTTPStatus.ACCEPTED, headers=((PARTIAL_SUCCESS, said),))


def _refused(refused: Refused) -> Response:
    status = status_of(refused)
    return _failure(status, str(refused), refused.retry_after_s if isinstance(refused, Unavailable) else 1)


def _failure(status: int, reason: str, retry_after_s: int = 1) -> Response:
    body = reason[:_MESSAGE_CHARACTERS].encode(errors="replace") + b"\n"
    return Response(status, body, _TEXT, _advice(status, retry_after_s))


def _advice(status: int, retry_after_s: int) -> tuple[tuple[str, str], ...]:
    if status in (HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE):
        return (("Retry-After", str(retry_after_s)),)
    if status == HTTPStatus.UNAUTHORIZED:
        return (("WWW-Authenticate", 'Basic realm="Coldlight"'),)
    if status == HTTPStatus.UNSUPPORTED_MEDIA_TYPE:
        return (("Accept-Encoding", ", ".join(ENCODINGS)),)
    return ()
