"""The OTLP/HTTP receiver: `POST /v1/traces`, `/v1/logs` and `/v1/metrics`, in protobuf and in JSON."""

from dataclasses import dataclass
from functools import partial
from http import HTTPStatus

from google.protobuf.json_format import MessageToJson
from google.protobuf.message import Message
from google.rpc.code_pb2 import Code
from google.rpc.error_details_pb2 import BadRequest
from google.rpc.status_pb2 import Status
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceResponse
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceResponse
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse

from coldlight_collector import otlp_json
from coldlight_collector.gate import Gate
from coldlight_collector.http.auth import authenticated
from coldlight_collector.http.decompress import ENCODINGS
from coldlight_collector.http.messages import Refusal, Request, Response, Routes
from coldlight_collector.intake import Accepted, Payload, Refused, Unavailable
from coldlight_collector.receiver import Receiver, UnknownMediaType, status_of
from coldlight_collector.validate import validate, validate_message
from coldlight_storage.signals import Signal
from coldlight_storage.stored import STORED_TYPE

PROTOBUF = "application/x-protobuf"
JSON = "application/json"

_MEDIA_TYPES = {PROTOBUF: PROTOBUF, "application/protobuf": PROTOBUF, JSON: JSON}
_RESPONSE_TYPE: dict[Signal, type[Message]] = {
    Signal.TRACES: ExportTraceServiceResponse,
    Signal.LOGS: ExportLogsServiceResponse,
    Signal.METRICS: ExportMetricsServiceResponse,
}
_COMPLETE = {
    PROTOBUF: Response(HTTPStatus.OK, b"", PROTOBUF),
    JSON: Response(HTTPStatus.OK, b"{}", JSON),
}
_MESSAGE_BYTES = 1024


_CODE = {
    HTTPStatus.UNAUTHORIZED: Code.UNAUTHENTICATED,
    HTTPStatus.FORBIDDEN: Code.PERMISSION_DENIED,
    HTTPStatus.NOT_FOUND: Code.NOT_FOUND,
    HTTPStatus.METHOD_NOT_ALLOWED: Code.UNIMPLEMENTED,
    HTTPStatus.REQUEST_TIMEOUT: Code.DEADLINE_EXCEEDED,
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: Code.RESOURCE_EXHAUSTED,
    HTTPStatus.TOO_MANY_REQUESTS: Code.RESOURCE_EXHAUSTED,
    HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE: Code.RESOURCE_EXHAUSTED,
    HTTPStatus.NOT_IMPLEMENTED: Code.UNIMPLEMENTED,
    HTTPStatus.SERVICE_UNAVAILABLE: Code.UNAVAILABLE,
}
"""What is not here is INVALID_ARGUMENT: the sender's mistake."""


def routes(receiver: Receiver, gate: Gate) -> Routes:
    """The three OTLP paths, open to whom `gate` lets in by a bearer token."""
    otlp = _OtlpReceiver(receiver)
    paths: Routes = {f"/v1/{signal}": {"POST": partial(otlp.export, signal)} for signal in Signal}
    return authenticated(paths, gate, refuse)


def refuse(refusal: Refusal) -> Response:
    """A refusal as `google.rpc.Status`, in the request's encoding (OTLP specification, "Failures")."""
    return _failure(refusal.status, refusal.reason, refusal.headers, refusal.retry_after_s)


@dataclass(frozen=True)
class _OtlpReceiver:
    receiver: Receiver

    async def export(self, signal: Signal, request: Request) -> Response:
        try:
            media_type = _require_media_type(request.headers)
            payload = await self.receiver.decode(
                request, partial(_decode, signal, media_type), media_type == JSON
            )
            accepted = await self.receiver.store(signal, payload, request)
        except Refused as refused:
            return _refused(refused, request.headers)
        if accepted.rejected or accepted.message:
            return _partial_success(signal, accepted, media_type)
        return _COMPLETE[media_type]


def _decode(signal: Signal, media_type: str, body: bytes) -> Payload:
    if media_type == PROTOBUF:
        return validate(signal, body)
    return validate_message(signal, otlp_json.decode(body, STORED_TYPE[signal]))


def _media_type(headers: dict[str, str]) -> str | None:
    """The encoding that a request declares; parameters and letter case do not matter (RFC 9110, 8.3.1)."""
    declared = headers.get("content-type", "")
    return _MEDIA_TYPES.get(declared) or _MEDIA_TYPES.get(declared.partition(";")[0].strip().lower())


def _require_media_type(headers: dict[str, str]) -> str:
    media_type = _media_type(headers)
    if media_type is None:
        declared = headers.get("content-type", "none")
        raise UnknownMediaType(f"Content-Type: {declared}: send {PROTOBUF} or {JSON}")
    return media_type


def _partial_success(signal: Signal, accepted: Accepted, media_type: str) -> Response:
    response = _RESPONSE_TYPE[signal]()
    partial_success = response.partial_success  # type: ignore[attr-defined]
    # rejected_spans, rejected_log_records, rejected_data_points: the first field of each.
    rejected = partial_success.DESCRIPTOR.fields_by_number[1].name
    setattr(partial_success, rejected, accepted.rejected)
    partial_success.error_message = _capped(accepted.message)
    return Response(HTTPStatus.OK, _encoded(response, media_type), media_type)


def _refused(refused: Refused, headers: dict[str, str]) -> Response:
    status = status_of(refused)
    retry_after_s = refused.retry_after_s if isinstance(refused, Unavailable) else 1
    return _failure(status, str(refused), headers, retry_after_s)


def _failure(status: int, reason: str, headers: dict[str, str], retry_after_s: int = 1) -> Response:
    """An answer in the request's encoding; in JSON, which a person can read, where that is not known.

    Who declares no OTLP encoding is no OTLP exporter, but somebody trying it with a browser or curl.
    """
    message = Status(code=_CODE.get(HTTPStatus(status), Code.INVALID_ARGUMENT), message=_capped(reason))
    if status == HTTPStatus.BAD_REQUEST:
        violation = BadRequest.FieldViolation(field="body", description=message.message)
        message.details.add().Pack(BadRequest(field_violations=[violation]))
    media_type = _media_type(headers) or JSON
    return Response(status, _encoded(message, media_type), media_type, _advice(status, retry_after_s))


def _advice(status: int, retry_after_s: int) -> tuple[tuple[str, str], ...]:
    if status in (HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE):
        return (("Retry-After", str(retry_after_s)),)
    if status == HTTPStatus.UNSUPPORTED_MEDIA_TYPE:
        return (("Accept", f"{PROTOBUF}, {JSON}"), ("Accept-Encoding", ", ".join(ENCODINGS)))
    return ()


def _encoded(message: Message, media_type: str) -> bytes:
    return (
        message.SerializeToString()
        if media_type == PROTOBUF
        else MessageToJson(message, indent=None).encode()
    )


def _capped(text: str) -> str:
    return text.encode("utf-8", "replace")[:_MESSAGE_BYTES].decode("utf-8", "ignore")
