"""The OTLP/gRPC receiver: the three `Export` methods, on raw bytes.

Raw, because the journal keeps the request as it came, and the one parse is the one of `validate`.
"""

import asyncio
import logging
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
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
from coldlight_collector.http.messages import Budget
from coldlight_collector.intake import (
    Accepted,
    Intakes,
    Malformed,
    Payload,
    Refused,
    TooLarge,
    Unavailable,
    each,
)
from coldlight_collector.receiver import AT_ONCE, LARGE_BYTES
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

Context = grpc.aio.ServicerContext[bytes, bytes]


@dataclass(frozen=True)
class GrpcLimits:
    """What a client may ask for, and for how long."""

    message_bytes: int = 64 << 20
    """The longest request, before and after decompression (OTLP recommends 64 MiB)."""
    connections: int = 4096
    """Open at once; what comes on top is closed, and its client connects again later. By address gRPC cannot count them."""
    streams: int = 256
    """Requests of one connection at a time; further ones wait at the client (RFC 9113, 5.1.2, advises 100 at least)."""
    in_flight: int = 1024
    """Requests being read, validated or stored; what is over is told to come again."""
    in_flight_of_one_address: int = 512
    """The same for each client address, so that none can have all places."""
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
    intakes: Intakes,
    gate: Gate,
    host: str,
    port: int,
    limits: GrpcLimits,
    budget: Budget | None = None,
    tally: Tally | None = None,
    trace: "SelfTrace | None" = None,
    tls: Certificate | None = None,
) -> GrpcServer:
    """Listen on `host:port` (0: any free port) and hand every valid request of whom `gate` lets in to its intake.

    `budget` counts the bytes of requests until the intake has stored them; give the one of the other
    receivers. A call shows its token in the metadata `authorization: Bearer <token>`. `tally` counts what comes,
    `trace` makes spans of it. With `tls`, plain text is not spoken. Raises `OSError`, naming the address, when it cannot
    listen there.
    """
    tally = tally or Tally()
    receiver = _Receiver(each(intakes, tally.counting), gate, limits, budget or Budget(), tally, trace)
    if trace:
        receiver.decode = trace.decoding(validate)
    server = grpc.aio.server(options=_options(limits))
    server.add_generic_rpc_handlers([_handlers(receiver, signal) for signal in Signal])
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
class _Receiver:
    """Counts the requests in flight; grpc's own `maximum_concurrent_rpcs` would answer
    RESOURCE_EXHAUSTED without RetryInfo, upon which clients drop their data."""

    intakes: Intakes
    gate: Gate
    limits: GrpcLimits
    budget: Budget
    tally: Tally
    trace: "SelfTrace | None" = None
    decode: Callable[[Signal, bytes], Payload] = validate
    in_flight: Counter[str] = field(default_factory=Counter)
    """By the client's address."""
    decoding: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(AT_ONCE))

    async def export(self, signal: Signal, context: Context) -> bytes:
        self.tally.requests += 1
        sender = self.gate.admit(_token(context))
        with self.place(_address(context)):
            return await self.store(signal, await self.read(context), sender)

    @contextmanager
    def place(self, address: str) -> Iterator[None]:
        """Has a place for a request for the length of a block. Entering it raises `Unavailable` when there is none."""
        if self.in_flight.total() >= self.limits.in_flight:
            raise Unavailable("too many requests are in flight: send again later")
        if self.in_flight[address] >= self.limits.in_flight_of_one_address:
            raise Unavailable("too many requests from this address are in flight: send again later")
        self.in_flight[address] += 1
        try:
            yield
        finally:
            self.in_flight[address] -= 1
            if not self.in_flight[address]:
                del self.in_flight[address]

    async def read(self, context: Context) -> bytes:
        try:
            async with asyncio.timeout(self.limits.read_timeout_s):
                body: object = await context.read()
        except TimeoutError:
            raise Unavailable(f"the request did not arrive within {self.limits.read_timeout_s} s") from None
        if not isinstance(body, bytes):  # grpc.aio.EOF
            raise Malformed("the call carries no request message: send one")
        self.tally.bytes += len(body)
        return body

    async def store(self, signal: Signal, body: bytes, sender: Sender) -> bytes:
        sender.spend(size=len(body))
        with self.budget.holding(len(body)):
            payload = await self.decoded(signal, body)
            accepted = await self.intakes(sender.tenant)(signal, payload)
        sender.spend(items=payload.items)
        return _response(signal, accepted)

    async def decoded(self, signal: Signal, body: bytes) -> Payload:
        if len(body) <= LARGE_BYTES:
            return self.decode(signal, body)
        async with self.decoding:
            return await asyncio.to_thread(self.decode, signal, body)


def _address(context: Context) -> str:
    """The client's, without its port (gRPC's `ipv4:192.0.2.1:5000`)."""
    return context.peer().rpartition(":")[0]


def _token(context: Context) -> str | None:
    return bearer({name: str(text) for name, text in context.invocation_metadata() or ()})


def _handlers(receiver: _Receiver, signal: Signal) -> grpc.GenericRpcHandler:
    # A streaming handler reads a unary call just as well, and reads it when told to: a request beyond the
    # bound is refused before its body takes any memory.
    async def export(_: AsyncIterator[bytes], context: Context) -> bytes:
        answer: Awaitable[bytes] = receiver.export(signal, context)
        if receiver.trace:
            answer = receiver.trace.receiving_call("otlp_grpc", answer)
        return await _guarded(answer, signal, context, receiver.tally)

    method: grpc.RpcMethodHandler[bytes, bytes] = grpc.stream_unary_rpc_method_handler(export)
    return grpc.method_handlers_generic_handler(_EXPORT[signal].service, {"Export": method})


async def _guarded(answer: Awaitable[bytes], signal: Signal, context: Context, tally: Tally) -> bytes:
    """`answer`, or its error as the status that makes the client do right.

    An exception left to grpc would reach the client as UNKNOWN, with its text, and cost the data.
    """
    try:
        return await answer
    except (Refused, Denied) as error:
        refusal: Refused | Denied = error
    except Exception:
        log.exception("OTLP/gRPC: a request for %s failed", signal)
        refusal = Unavailable("the collector failed on this request; its log says why")
    text = _capped(str(refusal))
    code, detail = _status(refusal, text)
    tally.refuse(HTTPStatus.TOO_MANY_REQUESTS if isinstance(refusal, Throttled) else _IN_HTTP[code])
    return await context.abort(code, text, _trailers(code, text, detail))


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
