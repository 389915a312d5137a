"""TLS on the collector's ports, with certificates of a real authority and the clients that people have."""

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator, Callable, Coroutine
from dataclasses import replace
from pathlib import Path
from typing import Any

import grpc
import pytest
import trustme
import uvloop
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter as GrpcExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter as HttpExporter
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor, SpanExporter
from tests.collector.firehose import Recorder
from tests.collector.gates import gate
from tests.collector.receivers import receiver

from coldlight_collector import front_door, otlp_grpc
from coldlight_collector.http.messages import Budget, Limits
from coldlight_collector.http.router import router
from coldlight_collector.http.server import HttpServer, serve
from coldlight_collector.otlp_grpc import GrpcLimits
from coldlight_collector.receiver import Receiver
from coldlight_collector.tls import Certificate
from coldlight_storage.signals import Signal

LIMITS = Limits(connections=3)
AUTHORITY = trustme.CA()
REQUEST = b"GET /v1/traces HTTP/1.1\r\nHost: x\r\n\r\n"


def issue(folder: Path, authority: trustme.CA = AUTHORITY) -> tuple[Path, Path]:
    """The files of a new certificate for this machine, in the place of any earlier ones."""
    made = authority.issue_cert("127.0.0.1")
    cert, key = folder / "cert.pem", folder / "key.pem"
    made.private_key_pem.write_to_path(key)
    cert.write_bytes(b"".join(blob.bytes() for blob in made.cert_chain_pems))
    return cert, key


@pytest.fixture
def certificate(tmp_path: Path) -> Certificate:
    return Certificate(*issue(tmp_path))


@pytest.fixture
def root(tmp_path: Path) -> str:
    """The file of the authority that clients trust."""
    AUTHORITY.cert_pem.write_to_path(tmp_path / "root.pem")
    return str(tmp_path / "root.pem")


def trusting(authority: trustme.CA = AUTHORITY) -> ssl.SSLContext:
    context = ssl.create_default_context()
    authority.configure_trust(context)
    return context


@contextlib.asynccontextmanager
async def serving(
    certificate: Certificate, stored: Recorder | None = None, limits: Limits = LIMITS
) -> AsyncIterator[HttpServer]:
    budget = Budget()
    intake = stored or Recorder()
    routes, refuse = front_door.receivers(Receiver(lambda _: intake, budget, 1 << 20), gate(), ())
    handler = router(routes, refuse)
    server = await serve(handler, refuse, "127.0.0.1", 0, limits, budget, certificate.context)
    try:
        yield server
    finally:
        await server.stop(1)


@contextlib.asynccontextmanager
async def connected(
    server: HttpServer, context: ssl.SSLContext | None = None
) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port, ssl=context)
    try:
        yield reader, writer
    finally:
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()


async def ask(server: HttpServer, context: ssl.SSLContext) -> bytes:
    """The first line of an answer over a connection of its own."""
    async with connected(server, context) as (reader, writer):
        writer.write(REQUEST)
        return await reader.readline()


def export_a_span(exporter: SpanExporter) -> None:
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    provider.get_tracer("shop").start_span("checkout").end()
    provider.shutdown()


def names(stored: Recorder) -> list[str]:
    requests = stored.requests(Signal.TRACES)
    return [request.resource_spans[0].scope_spans[0].spans[0].name for request in requests]


async def test_the_sdk_exports_over_https(
    certificate: Certificate, root: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for variable in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):  # they win over what the exporter is given
        monkeypatch.delenv(variable, raising=False)
    stored = Recorder()
    async with serving(certificate, stored) as server:
        url = f"https://127.0.0.1:{server.port}/v1/traces"
        await asyncio.to_thread(export_a_span, HttpExporter(url, certificate_file=root))
    assert names(stored) == ["checkout"]


async def test_the_sdk_exports_over_grpc_with_a_root_certificate(certificate: Certificate, root: str) -> None:
    stored = Recorder()
    server = await otlp_grpc.serve(receiver(stored), gate(), "127.0.0.1", 0, GrpcLimits(), tls=certificate)
    credentials = grpc.ssl_channel_credentials(Path(root).read_bytes())
    exporter = GrpcExporter(f"https://127.0.0.1:{server.port}", credentials=credentials)
    await asyncio.to_thread(export_a_span, exporter)
    await server.stop(1)
    assert names(stored) == ["checkout"]


async def test_plain_text_is_not_answered(certificate: Certificate) -> None:
    async with serving(certificate) as server:
        async with connected(server) as (reader, writer):
            writer.write(REQUEST)
            with contextlib.suppress(ConnectionError):
                assert b"HTTP" not in await reader.read()
        assert await ask(server, trusting()) == b"HTTP/1.1 405 Method Not Allowed\r\n"


async def greet_and_vanish(server: HttpServer) -> None:
    """Agrees on TLS, and is gone before anything is asked."""
    with contextlib.suppress(OSError):
        async with connected(server, trusting()) as (_, writer):
            writer.transport.abort()


async def suffer(certificate: Certificate) -> None:
    hurried = replace(LIMITS, header_timeout_s=0.2)
    async with serving(certificate, limits=hurried) as server, contextlib.AsyncExitStack() as stack:
        silent = [await stack.enter_async_context(connected(server)) for _ in range(10)]
        for _ in range(5):
            await greet_and_vanish(server)
        while server.connections:
            await asyncio.sleep(0.01)
        answers = await asyncio.gather(*(ask(server, trusting()) for _ in range(LIMITS.connections)))
        assert answers == [b"HTTP/1.1 405 Method Not Allowed\r\n"] * LIMITS.connections
        for reader, _ in silent:
            with contextlib.suppress(ConnectionError):
                assert await reader.read() == b""


@pytest.mark.parametrize("run", [asyncio.run, uvloop.run], ids=["asyncio", "uvloop"])
def test_who_stays_silent_is_cut_off_and_the_others_are_served(
    run: Callable[[Coroutine[Any, Any, None]], None], certificate: Certificate
) -> None:
    run(asyncio.wait_for(suffer(certificate), 30))


async def test_a_renewed_certificate_is_shown_to_whoever_connects_next(
    certificate: Certificate, tmp_path: Path
) -> None:
    other = trustme.CA()
    grpc_server = await otlp_grpc.serve(
        receiver(Recorder()), gate(), "127.0.0.1", 0, GrpcLimits(), tls=certificate
    )
    async with serving(certificate) as server:
        assert await ask(server, trusting())
        assert not certificate.renew()
        issue(tmp_path, other)
        assert certificate.renew()
        assert await ask(server, trusting(other))
        with pytest.raises(ssl.SSLCertVerificationError):
            await ask(server, trusting())
    credentials = grpc.ssl_channel_credentials(other.cert_pem.bytes())
    async with grpc.aio.secure_channel(f"127.0.0.1:{grpc_server.port}", credentials) as channel:
        await asyncio.wait_for(channel.channel_ready(), 10)
    await grpc_server.stop(0)


async def test_half_a_renewal_leaves_the_old_certificate_in_use(
    certificate: Certificate, tmp_path: Path
) -> None:
    AUTHORITY.issue_cert("127.0.0.1").private_key_pem.write_to_path(tmp_path / "key.pem")
    with pytest.raises(OSError, match="is not the key of the certificate"):
        certificate.renew()
    assert not certificate.renew()
    async with serving(certificate) as server:
        assert await ask(server, trusting())


# Files that will not do


def test_a_file_that_is_missing_is_named_with_its_flag(tmp_path: Path) -> None:
    cert, key = issue(tmp_path)
    with pytest.raises(OSError, match=r"--tls-cert: nowhere cannot be read: No such file or directory"):
        Certificate(Path("nowhere"), key)
    with pytest.raises(OSError, match=r"--tls-key: nowhere cannot be read"):
        Certificate(cert, Path("nowhere"))


def test_files_that_hold_something_else_are_named(tmp_path: Path) -> None:
    cert, key = issue(tmp_path)
    with pytest.raises(OSError, match="no certificate and key in PEM"):
        Certificate(key, key)
    key.write_text(
        "-----BEGIN ENCRYPTED PRIVATE KEY-----\nMIGrMFcGCSqGSIb3DQEFDTBKMCkG\n-----END ENCRYPTED PRIVATE KEY-----\n"
    )
    with pytest.raises(OSError, match="--tls-key"):
        Certificate(cert, key)
