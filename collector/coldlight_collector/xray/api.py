"""X-Ray over HTTP: `PutTraceSegments`, `PutTelemetryRecords`, and what SDKs ask a daemon about sampling.

Requests and answers are those of the AWS X-Ray API reference; refusals are AWS's JSON errors, whose kind is a header.
"""

import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

import orjson

from coldlight_collector.gate import Gate
from coldlight_collector.http.auth import Proof, authenticated, bearer
from coldlight_collector.http.messages import Refusal, Request, Response, Routes
from coldlight_collector.intake import Malformed, Refused, TooLarge, Unavailable
from coldlight_collector.json_body import parse_json
from coldlight_collector.receiver import Receiver
from coldlight_collector.xray import sampling
from coldlight_collector.xray.documents import Rejection, Translation, translate
from coldlight_storage.signals import Signal

_JSON = "application/json"
_ACCESS_KEY = re.compile(r"AWS4-[A-Z0-9-]+ (?:.*, *)?Credential=([^,]*?)(?:/[^/,]*){4},", re.DOTALL)
_KIND = {
    HTTPStatus.FORBIDDEN: "AccessDeniedException",
    HTTPStatus.NOT_FOUND: "UnknownOperationException",
    HTTPStatus.METHOD_NOT_ALLOWED: "UnknownOperationException",
    HTTPStatus.REQUEST_TIMEOUT: "RequestTimeoutException",
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "RequestEntityTooLargeException",
    HTTPStatus.TOO_MANY_REQUESTS: "ThrottledException",
    HTTPStatus.SERVICE_UNAVAILABLE: "ServiceUnavailableException",
}
"""What is not here is InvalidRequestException: the sender's mistake."""


def routes(receiver: Receiver, gate: Gate) -> Routes:
    """The paths of the API, open to whom `gate` lets in: by the access key id of a signature, or a bearer token.

    What SDKs ask about sampling is answered to anybody: they cannot sign it, and it is always the same.
    """
    api = _Api(receiver)
    guarded = {
        "/TraceSegments": {"POST": api.put_trace_segments},
        "/TelemetryRecords": {"POST": api.put_telemetry_records},
    }
    return {
        **authenticated(guarded, gate, _deny, _PROOF),
        "/GetSamplingRules": {"POST": _get_sampling_rules},
        "/SamplingTargets": {"POST": _get_sampling_targets},
    }


def refuse(refusal: Refusal) -> Response:
    """A refusal as AWS's JSON error: its kind in `x-amzn-ErrorType`, its reason in `message`."""
    return _failure(refusal.status, refusal.reason, refusal.retry_after_s)


_MOST_DOCUMENTS = 10_000


@dataclass(frozen=True)
class _Api:
    receiver: Receiver

    async def put_trace_segments(self, request: Request) -> Response:
        try:
            translation = await self.receiver.decode(request, _translate)
            await self.receiver.store(Signal.TRACES, translation.payload, request)
        except Refused as refused:
            return _refused(refused)
        return _json({"UnprocessedTraceSegments": list(map(_unprocessed, translation.rejections))})

    async def put_telemetry_records(self, request: Request) -> Response:
        """Daemons tell how they fare; that is read for its form and left at that."""
        try:
            await self.receiver.decode(request, _read_telemetry)
        except Refused as refused:
            return _refused(refused)
        return _json({})


async def _get_sampling_rules(_: Request) -> Response:
    return _json(sampling.rules())


async def _get_sampling_targets(_: Request) -> Response:
    return _json(sampling.targets(int(time.time())))


def _translate(body: bytes) -> Translation:
    documents = _read_list(body, "TraceSegmentDocuments")
    if len(documents) > _MOST_DOCUMENTS:
        raise TooLarge(f"TraceSegmentDocuments: more than {_MOST_DOCUMENTS} in one request; X-Ray takes 50")
    if not all(isinstance(document, str) for document in documents):
        raise Malformed("TraceSegmentDocuments: expected strings, each of them a document in JSON")
    return translate(documents)


def _read_telemetry(body: bytes) -> None:
    _read_list(body, "TelemetryRecords")


def _read_list(body: bytes, field: str) -> list[Any]:
    request = parse_json(body)
    entries = request.get(field) if isinstance(request, dict) else None
    if not isinstance(entries, list):
        raise Malformed(f"{field}: expected an array")
    return entries


def _unprocessed(rejection: Rejection) -> dict[str, str]:
    answer = {"ErrorCode": rejection.code, "Message": str(rejection)}
    return answer if rejection.segment_id is None else {"Id": rejection.segment_id, **answer}


def _token(headers: Mapping[str, str]) -> str | None:
    """The access key id of a signature (Signature Version 4, "Authorization header"), or a bearer token.

    The signature itself proves nothing here: it is made with a secret that only AWS knows, too.
    """
    found = _ACCESS_KEY.match(headers.get("authorization", ""))
    return found[1] if found else bearer(headers)


_PROOF = Proof(
    _token, "header Authorization: sign with a token as the access key id, or send it as a bearer token"
)


def _deny(refusal: Refusal) -> Response:
    """AWS says 403 to strangers, and knows two kinds of them."""
    if refusal.status != HTTPStatus.UNAUTHORIZED:
        return refuse(refusal)
    is_missing = _token(refusal.headers) is None
    kind = "MissingAuthenticationTokenException" if is_missing else "UnrecognizedClientException"
    return _error(HTTPStatus.FORBIDDEN, kind, refusal.reason)


def _refused(refused: Refused) -> Response:
    if isinstance(refused, Unavailable):
        return _failure(HTTPStatus.SERVICE_UNAVAILABLE, str(refused), refused.retry_after_s)
    is_large = isinstance(refused, TooLarge)
    return _failure(HTTPStatus.REQUEST_ENTITY_TOO_LARGE if is_large else HTTPStatus.BAD_REQUEST, str(refused))


def _failure(status: int, reason: str, retry_after_s: int = 1) -> Response:
    kind = _KIND.get(HTTPStatus(status), "InvalidRequestException")
    is_later = status in (HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE)
    later = (("Retry-After", str(retry_after_s)),) if is_later else ()
    return _error(status, kind, reason, later)


def _error(status: int, kind: str, reason: str, headers: tuple[tuple[str, str], ...] = ()) -> Response:
    body = orjson.dumps({"message": reason})
    return Response(status, body, _JSON, (("x-amzn-ErrorType", kind), *headers))


def _json(answer: dict[str, Any]) -> Response:
    return Response(HTTPStatus.OK, orjson.dumps(answer), _JSON)
