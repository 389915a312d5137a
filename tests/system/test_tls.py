"""`coldlight up` with a certificate: every port that strangers reach speaks TLS, and a renewal needs no restart."""

import ssl
from pathlib import Path

import httpx
import pytest
import trustme
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse
from tests.collector.test_tls import issue
from tests.system.processes import ANY_PORTS, Service, coldlight, eventually, start

from coldlight_storage.testing import span, traces_request

NO_CLICKHOUSE = ("--clickhouse", "http://127.0.0.1:1")


def client(authority: trustme.CA) -> httpx.Client:
    context = ssl.create_default_context()
    authority.configure_trust(context)
    return httpx.Client(verify=context)


def flags(cert: Path, key: Path) -> tuple[str, ...]:
    return ("up", *NO_CLICKHOUSE, *ANY_PORTS, "--tls-cert", str(cert), "--tls-key", str(key))


def is_trusted(authority: trustme.CA, service: Service) -> bool:
    try:
        with client(authority) as https:
            return all(
                https.get(f"{address}/healthz").status_code == 200
                for address in (service.otlp_http, service.zipkin, service.query)
            )
    except httpx.TransportError:
        return False


def test_http_and_queries_are_served_over_tls_and_a_renewal_is_taken_up(tmp_path: Path) -> None:
    first, second = trustme.CA(), trustme.CA()
    service = start(*flags(*issue(tmp_path, first)), folder=tmp_path)
    with client(first) as https:
        body = traces_request(span()).SerializeToString()
        headers = {"Content-Type": "application/x-protobuf"}
        answer = https.post(f"{service.otlp_http}/v1/traces", content=body, headers=headers)
        assert ExportTraceServiceResponse.FromString(answer.content) == ExportTraceServiceResponse()
        assert https.get(f"{service.query}/openapi.json").status_code == 200
    assert is_trusted(first, service)
    assert not is_trusted(second, service)
    issue(tmp_path, second)
    eventually(lambda: is_trusted(second, service), "the renewed certificate")
    eventually(lambda: not is_trusted(first, service), "the end of the old certificate")
    service.stop()


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (("--tls-cert", "cert.pem"), "--tls-cert: TLS takes a certificate and its key: set tls_key"),
        (("--tls-cert", "cert.pem", "--tls-key", "cert.pem"), "--tls-key: cert.pem cannot be read"),
    ],
)
def test_files_that_will_not_do_are_named_with_their_flag(
    tmp_path: Path, given: tuple[str, ...], said: str
) -> None:
    ended = coldlight("up", *NO_CLICKHOUSE, *ANY_PORTS, *given, cwd=tmp_path)
    assert ended.returncode != 0
    assert said in ended.stderr
