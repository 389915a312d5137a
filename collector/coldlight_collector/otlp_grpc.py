"""The OTLP/gRPC receiver: the three `Export` methods, on raw bytes.

Raw, because the journal keeps the request as it came, and the one parse is the one of `validate`. Compressed, too, for gRPC
would give each of many small requests the memory that it asks for, whatever the others have.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from http import HTTPStatus
from typing import TYPE_CHECKING

import grpc
import grpc.aio
from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import Message
from google.rpc.error_details_pb2 import BadRequest, RetryInfo
from google.rpc.status_pb2 import Status
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceResponse
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceResponse
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse

from coldlight_collector.gate import Gate, Sender, Throttled
from coldlight_collector.http.auth import bearer
from coldlight_collector.http.messages import Request
from coldlight_collector.intake import Accepted, Malformed, Refused, TooLarge, Unavailable
from coldlight_collector.places import Places
from coldlight_collector.receiver import Receiver
from coldlight_collector.tallies import Tally
from coldlight_collector.tls import Certificate
from coldlight_collector.validate import validate
from coldlight_storage.access import Denied, Forbidden, Unauthenticated, Undecided
from coldlight_storage.signals import Signal

if TYPE_CHECKING:
    from coldlight_collector.self_trace import SelfTrace

log = logging.getLogger(__name__)

_MESSAGE_CHARACTERS = 512
"""What a client reads of an error: trailers carry it three times, and clients take 8 KiB of them."""

_GZIP, _ZLIB = b"\x1f\x8b", b"\x78"
"""RFC 1952, 2.3.1; RFC 1950, 2.2: gRPC's "deflate" has zlib's frame."""

Context = grpc.aio.ServicerContext[bytes, bytes]


@dataclass(frozen=True)
class GrpcLimits:
    """What a client may ask for, and for how long."""

    message_bytes: int = 64 << 20
    """The longest request as it is sent (OTLP recommends 64 MiB)."""
    connections: int = 4096
    """Open at once; what comes on top is closed, and its client connects again later. By address gRPC cannot count them."""
    streams: int = 256
    """Requests of one connection at a time; further ones wait at the client (RFC 9113, 5.1.2, advises 100 at least)."""
    in_flight: int = 1024
    """Requests being read, validated or stored; what is over is told to come again."""
    in_flight_of_one_address: int = 512
    """The same for each client address."""
    slow: int = 8
    """Of these, so many may take longer than `patience_s` to arrive, and half as many of one address: while gRPC reads a request it
    takes the memory, and says nothing of it before the last byte. Eight of 64 MiB are what all requests may hold."""
    patience_s: float = 1.0
    read_timeout_s: float = 10.0
    """How long a request may take to arrive once its headers have; and a connection, TLS and HTTP/2, to be agreed on."""
    ping_interval_s: float = 10.0
    """How often a client may ping, also while it has no request under way."""
    connection_age_s: float = 600.0
    """After which a connection is asked to move on, so that new collectors get their share."""
    connection_idle_s: float = 75.0
    """After which a connection without a request under way is closed; metrics come every 60 s."""
    connection_grace_s: float = 30.0
    """How long an aged connection may finish what it has begun."""


@dataclass(frozen=True)
class GrpcServer:
    """A running receiver. `port` is the one in use, also where 0 was asked for."""

    port: int
    _server: grpc.aio.Server

    async def stop(self, grace_s: float) -> None:
        """Refuse new requests, give those under way `grace_s` seconds, then cancel them."""
        await self._server.stop(grace_s)


async def serve(
    receiver: Receiver,
    gate: Gate,
    host: str,
    port: int,
    limits: GrpcLimits,
    trace: "SelfTrace | None" = None,
    tls: Certificate | None = None,
) -> GrpcServer:
    """Listen on `host:port` (0: any free port) and give `receiver` every request of whom `gate` lets in.

    A call shows its token in the metadata `authorization: Bearer <token>`. `trace` makes spans of the calls. With `tls`,
    plain text is not spoken. Raises `OSError`, naming the address, when it cannot listen there.
    """
    tally = receiver.tallies["otlp_grpc"]
    calls = _Calls(receiver.counted_by(tally), gate, limits, tally, trace)
    server = grpc.aio.server(options=_options(limits))
    server.add_generic_rpc_handlers([_handlers(calls, signal) for signal in Signal])
    address = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    try:
        if tls:
            bound = server.add_secure_port(address, tls.grpc_credentials())
        else:
            bound = server.add_insecure_port(address)
    except RuntimeError as error:
        raise OSError(
            f"OTLP/gRPC cannot listen on {address}: is the port taken, or the host not here?"
        ) from error
    await server.start()
    return GrpcServer(bound, server)


def _options(limits: GrpcLimits) -> list[tuple[str, int]]:
    return [
        ("grpc.max_receive_message_length", limits.message_bytes),
        ("grpc.per_message_decompression", 0),
        ("grpc.max_allowed_incoming_connections", limits.connections),
        ("grpc.max_concurrent_streams", limits.streams),
        ("grpc.so_reuseport", 0),  # a second collector on this port must fail, not share it
        ("grpc.keepalive_permit_without_calls", 1),
        # A tenth less, or the jitter of the network would make punctual clients look too eager.
        ("grpc.http2.min_ping_interval_without_data_ms", int(limits.ping_interval_s * 900)),
        ("grpc.max_connection_age_ms", int(limits.connection_age_s * 1000)),
        ("grpc.max_connection_idle_ms", int(limits.connection_idle_s * 1000)),
        ("grpc.max_connection_age_grace_ms", int(limits.connection_grace_s * 1000)),
        ("grpc.server_handshake_timeout_ms", int(limits.read_timeout_s * 1000)),
    ]


@dataclass(frozen=True)
class _Export:
    """One signal's service, its response, and the field that counts what was refused."""

    service: str
    response: Callable[..., Message]
    rejected: str


_EXPORT: dict[Signal, _Export] = {
    Signal.TRACES: _Export(
        "opentelemetry.proto.collector.trace.v1.TraceService", ExportTraceServiceResponse, "rejected_spans"
    ),
    Signal.LOGS: _Export(
        "opentelemetry.proto.collector.logs.v1.LogsService", ExportLogsServiceResponse, "rejected_log_records"
    ),
    Signal.METRICS: _Export(
        "opentelemetry.proto.collector.metrics.v1.MetricsService",
        ExportMetricsServiceResponse,
        "rejected_data_points",
    ),
}


@dataclass
class _Calls:
    """Counts the requests in flight; grpc's own `maximum_concurrent_rpcs` would answer
    RESOURCE_EXHAUSTED without RetryInfo, upon which clients drop their data."""

    receiver: Receiver
    gate: Gate
    limits: GrpcLimits
    tally: Tally
    trace: "SelfTrace | None" = None
    in_flight: Places = field(init=False)
    slow: Places = field(init=False)

    def __post_init__(self) -> None:
        limits = self.limits
        self.in_flight = Places(limits.in_flight, limits.in_flight_of_one_address)
        self.slow = Places(limits.slow, max(1, limits.slow // 2))

    async def export(self, signal: Signal, context: Context) -> bytes:
        self.tally.requests += 1
        sender = self.gate.admit(_token(context))
        address = _address(context)
        if not self.in_flight.take(address):
            raise Unavailable(
                "too many requests are in flight, or too many from this address: send again later"
            )
        try:
            return await self.store(signal, await self.read(context, address), sender)
        finally:
            self.in_flight.give(address)

    async def read(self, context: Context, address: str) -> bytes:
        async with self.in_time(address):
            body: object = await context.read()
        if not isinstance(body, bytes):  # grpc.aio.EOF
            raise Malformed("the call carries no request message: send one")
        self.tally.bytes += len(body)
        return body

    @asynccontextmanager
    async def in_time(self, address: str) -> AsyncIterator[None]:
        """Raises `Unavailable` where the block takes too long, or is slow and there are too many of that kind."""
        loop, has_place = asyncio.get_running_loop(), False

        def be_slow() -> None:
            nonlocal has_place
            has_place = self.slow.take(address)
            if not has_place:
                deadline.reschedule(loop.time())

        late = loop.call_later(self.limits.patience_s, be_slow)
        try:
            async with asyncio.timeout(self.limits.read_timeout_s) as deadline:
                yield
        except TimeoutError:
            reason = (
                f"the request did not arrive within {self.limits.read_timeout_s} s, or too many come slowly"
            )
            raise Unavailable(f"{reason}: send again later") from None
        finally:
            late.cancel()
            if has_place:
                self.slow.give(address)

    async def store(self, signal: Signal, body: bytes, sender: Sender) -> bytes:
        sender.spend(size=len(body))
        request = Request("POST", "", "", {"content-encoding": _encoding(body)}, body, sender)
        with self.receiver.budget.holding(len(body)):
            payload = await self.receiver.decode(request, partial(validate, signal), is_slow=False)
            return _response(signal, await self.receiver.store(signal, payload, request))


def _address(context: Context) -> str:
    """The client's, without its port (gRPC's `ipv4:192.0.2.1:5000`)."""
    return context.peer().rpartition(":")[0]


def _encoding(body: bytes) -> str:
    """How a message is compressed. gRPC has a flag for it, which does not get here, but no request of OTLP begins like that: with
    a field of another number than 1, and for gzip of a wire type that there is not."""
    if body.startswith(_GZIP):
        return "gzip"
    return "deflate" if body.startswith(_ZLIB) and int.from_bytes(body[:2]) % 31 == 0 else ""


def _token(context: Context) -> str | None:
    return bearer({name: str(text) for name, text in context.invocation_metadata() or ()})


def _handlers(calls: _Calls, signal: Signal) -> grpc.GenericRpcHandler:
    # A streaming handler reads a unary call just as well, and reads it when told to: a request beyond the
    # bound is refused before its body takes any memory.
    async def export(_: AsyncIterator[bytes], context: Context) -> bytes:
        answer: Awaitable[bytes] = calls.export(signal, context)
        if calls.trace:
            answer = calls.trace.receiving_call("otlp_grpc", answer)
        return await _guarded(answer, signal, context, calls.tally)

    method: grpc.RpcMethodHandler[bytes, bytes] = grpc.stream_unary_rpc_method_handler(export)
    return grpc.method_handlers_generic_handler(_EXPORT[signal].service, {"Export": method})


async def _guarded(answer: Awaitable[bytes], signal: Signal, context: Context, tally: Tally) -> bytes:
    """`answer`, or its error as the status that makes the client do right.

    An exception left to grpc would reach the client as UNKNOWN, with its text, and cost the data.
    """
    try:
        return await answer
    except (Refused, Denied) as error:
        refusal = _refusal(error, tally)
    except Exception:
        log.exception("OTLP/gRPC: a request for %s failed", signal)
        refusal = _refusal(Unavailable("the collector failed on this request; its log says why"), tally)
    # Not where an exception is at hand: gRPC keeps a call with the error that aborts it, and that would have the other one in it,
    # its frames, and the request in these, until the garbage collector comes by.
    return await context.abort(*refusal)


_Refusal = tuple[grpc.StatusCode, str, tuple[tuple[str, bytes], ...]]
"""Code, text and trailers."""


def _refusal(error: Refused | Denied, tally: Tally) -> _Refusal:
    """What a client is told, counted."""
    text = _capped(str(error))
    code, detail = _status(error, text)
    tally.refuse(HTTPStatus.TOO_MANY_REQUESTS if isinstance(error, Throttled) else _IN_HTTP[code])
    return code, text, _trailers(code, text, detail)


def _response(signal: Signal, accepted: Accepted) -> bytes:
    """The Export*ServiceResponse: empty on full success (OTLP, "Full Success")."""
    if not accepted.rejected and not accepted.message:
        return b""
    export = _EXPORT[signal]
    partial = {export.rejected: accepted.rejected, "error_message": _capped(accepted.message)}
    return export.response(partial_success=partial).SerializeToString()


_IN_HTTP = {
    grpc.StatusCode.INVALID_ARGUMENT: HTTPStatus.BAD_REQUEST,
    grpc.StatusCode.UNAUTHENTICATED: HTTPStatus.UNAUTHORIZED,
    grpc.StatusCode.PERMISSION_DENIED: HTTPStatus.FORBIDDEN,
    grpc.StatusCode.RESOURCE_EXHAUSTED: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    grpc.StatusCode.UNAVAILABLE: HTTPStatus.SERVICE_UNAVAILABLE,
}
"""HTTP's word for a refusal, by which refusals are counted."""


def _status(refusal: Refused | Denied, text: str) -> tuple[grpc.StatusCode, Message | None]:
    """The code and the detail of a refusal (OTLP, "OTLP/gRPC Response", "OTLP/gRPC Throttling").

    RESOURCE_EXHAUSTED goes without RetryInfo where the request is too large: with it, a client would send it for ever.
    """
    match refusal:
        case Unavailable(retry_after_s=seconds) | Undecided(retry_after_s=seconds):
            return grpc.StatusCode.UNAVAILABLE, RetryInfo(retry_delay=Duration(seconds=seconds))
        case Throttled(retry_after_s=seconds):
            return grpc.StatusCode.RESOURCE_EXHAUSTED, RetryInfo(retry_delay=Duration(seconds=seconds))
        case TooLarge():
            return grpc.StatusCode.RESOURCE_EXHAUSTED, None
        case Unauthenticated():
            return grpc.StatusCode.UNAUTHENTICATED, None
        case Forbidden():
            return grpc.StatusCode.PERMISSION_DENIED, None
        case _:
            violation = BadRequest.FieldViolation(field="body", description=text)
            return grpc.StatusCode.INVALID_ARGUMENT, BadRequest(field_violations=[violation])


def _trailers(code: grpc.StatusCode, text: str, detail: Message | None) -> tuple[tuple[str, bytes], ...]:
    """The details where gRPC puts them, and RetryInfo once more where the Python SDK looks for it."""
    status = Status(code=int(code.value[0]), message=text)
    if detail is not None:
        status.details.add().Pack(detail)
    details = ("grpc-status-details-bin", status.SerializeToString())
    if not isinstance(detail, RetryInfo):
        return (details,)
    return details, ("google.rpc.retryinfo-bin", detail.SerializeToString())


def _capped(text: str) -> str:
    return text[:_MESSAGE_CHARACTERS].encode(errors="replace").decode()
