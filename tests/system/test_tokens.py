"""Two tenants and one `coldlight up`: tokens from the command line, every sender, every reader, and the end of a token."""

import base64
import json
import re
from collections.abc import Iterator
from pathlib import Path

import boto3
import grpc
import pytest
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter as GrpcExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter as HttpExporter
from opentelemetry.proto.collector.trace.v1.trace_service_pb2_grpc import TraceServiceStub
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor, SpanExporter
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from tests.system.processes import ANY_PORTS, HTTP, coldlight, eventually, start
from typer.testing import CliRunner, Result

from coldlight_cli.main import app
from coldlight_storage.testing import clock_ns, span, traces_request

TRACES = "/api/v1/traces"
ROLES = ("ingest", "read")
TENANTS = ("a", "b")


def bearer(text: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {text}"}


def run(folder: Path, *arguments: str) -> Result:
    """`coldlight token ...`, in this process, as starting one takes seconds."""
    data = str(folder / "coldlight-data")
    return CliRunner().invoke(app, ["token", *arguments, "--data", data], env={"COLUMNS": "120"})


class Town:
    """A running service, and the tokens that were made for it, by tenant and role."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.tokens = {(tenant, role): self.create(tenant, role) for tenant in TENANTS for role in ROLES}
        self.up = start("up", "--memory", "1G", *ANY_PORTS, folder=folder)

    def command(self, *arguments: str) -> str:
        done = run(self.folder, *arguments)
        assert done.exit_code == 0, done.stderr
        return done.stdout

    def create(self, tenant: str, role: str) -> str:
        said = self.command("create", f"{role} of {tenant}", "--tenant", tenant, "--role", role)
        [text] = {str(found) for found in re.findall(r"cl_[0-9a-f]{12}_[0-9a-f]{64}", said)}
        if role == "ingest":
            assert f'export OTEL_EXPORTER_OTLP_HEADERS="Authorization=Bearer%20{text}"' in said
        return text

    def services(self, tenant: str) -> set[str]:
        """The services whose traces a reader of the tenant finds."""
        headers = bearer(self.tokens[tenant, "read"])
        answer = HTTP.get(self.up.query + TRACES, params={"limit": "100"}, headers=headers)
        assert answer.status_code == 200, answer.text
        return {trace["root"]["service"] for trace in answer.json()["traces"] if trace["root"]}


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    town = Town(tmp_path_factory.mktemp("town"))
    yield town
    assert town.up.stop() == 0


def finished_span(service: str) -> ReadableSpan:
    """A span that the SDK has made."""
    kept = InMemorySpanExporter()
    provider = TracerProvider(resource=Resource.create({"service.name": service}))
    provider.add_span_processor(SimpleSpanProcessor(kept))
    provider.get_tracer("tokens").start_span("a span").end()
    [span] = kept.get_finished_spans()
    return span


def export(exporter: SpanExporter, service: str) -> None:
    assert exporter.export([finished_span(service)]).name == "SUCCESS"
    exporter.shutdown()


def send_by_otlp_http(town: Town, token: str, service: str) -> None:
    headers = {"authorization": f"Bearer {token}"}
    export(HttpExporter(endpoint=f"{town.up.otlp_http}/v1/traces", headers=headers), service)


def send_by_otlp_grpc(town: Town, token: str, service: str) -> None:
    headers = {"authorization": f"Bearer {token}"}
    export(GrpcExporter(endpoint=town.up.otlp_grpc, insecure=True, headers=headers), service)


def send_by_zipkin(town: Town, token: str, service: str) -> None:
    sent = {"traceId": "a" * 16, "id": "b" * 16, "timestamp": 1, "localEndpoint": {"serviceName": service}}
    url = f"{town.up.zipkin}{'/api/v2/spans'}".replace("http://", f"http://shop:{token}@")
    assert HTTP.post(url, json=[sent]).status_code == 202


def send_by_boto3(town: Town, token: str, service: str) -> None:
    xray = boto3.client(
        "xray",
        endpoint_url=town.up.otlp_http,
        region_name="eu-west-1",
        aws_access_key_id=token,
        aws_secret_access_key="any",
    )
    times = {"start_time": clock_ns() / 1e9, "end_time": clock_ns(1) / 1e9}
    document = {"name": service, "id": "c" * 16, "trace_id": f"1-{'d' * 8}-{'d' * 24}", **times}
    answer = xray.put_trace_segments(TraceSegmentDocuments=[json.dumps(document)])
    assert answer["UnprocessedTraceSegments"] == []


SENDERS = {
    "otlp-http": send_by_otlp_http,
    "otlp-grpc": send_by_otlp_grpc,
    "zipkin": send_by_zipkin,
    "boto3": send_by_boto3,
}


def test_whatever_a_tenant_sends_its_reader_finds_and_no_other(town: Town) -> None:
    expected: dict[str, set[str]] = {tenant: set() for tenant in TENANTS}
    for tenant in TENANTS:
        for name, send in SENDERS.items():
            send(town, town.tokens[tenant, "ingest"], f"{name}-of-{tenant}")
            expected[tenant].add(f"{name}-of-{tenant}")
    eventually(lambda: {tenant: town.services(tenant) for tenant in TENANTS} == expected, "all spans")


def test_firehose_delivers_to_the_tenant_of_its_access_key(town: Town) -> None:
    for tenant in TENANTS:
        record = {"messageType": "DATA_MESSAGE", "owner": "1", "logGroup": "g", "logStream": "s"}
        line = {"traceId": "e" * 32, "said": tenant}
        events = [{"id": "1", "timestamp": 1, "message": json.dumps(line)}]
        data = base64.b64encode(json.dumps({**record, "logEvents": events}).encode()).decode()
        headers = {"X-Amz-Firehose-Access-Key": town.tokens[tenant, "ingest"]}
        delivery = {"requestId": "r-1", "timestamp": 1, "records": [{"data": data}]}
        answer = HTTP.post(f"{town.up.otlp_http}/aws/firehose", json=delivery, headers=headers)
        assert answer.status_code == 200, answer.text


def test_every_door_refuses_strangers_and_readers(town: Town) -> None:
    body = traces_request(span()).SerializeToString()
    kind = {"Content-Type": "application/x-protobuf"}

    def statuses(token: str) -> list[int]:
        paths = (
            f"{town.up.otlp_http}/v1/traces",
            f"{town.up.zipkin}/api/v2/spans",
            f"{town.up.otlp_http}/aws/firehose",
        )
        answers = [HTTP.post(path, content=body, headers=kind | bearer(token)).status_code for path in paths]
        return [*answers, HTTP.get(town.up.query + TRACES, headers=bearer(token)).status_code]

    assert statuses("guess") == [401, 401, 401, 401]
    assert statuses(town.tokens["a", "read"]) == [403, 403, 403, 200]
    assert HTTP.get(town.up.query + TRACES, headers=bearer(town.tokens["a", "ingest"])).status_code == 403
    for address in (town.up.otlp_http, town.up.zipkin, town.up.query):
        for path in ("/healthz", "/readyz"):
            assert HTTP.get(address + path).status_code == 200
        assert HTTP.get(f"{address}/metrics").status_code in (401, 404)


def test_nothing_tells_the_secrets(town: Town) -> None:
    listed = coldlight("token", "list", cwd=town.folder).stdout
    kept = b"".join(file.read_bytes() for file in (town.folder / "coldlight-data").glob("state.db*"))
    said = listed + town.up.banner + town.up.log.read_text()
    for text in town.tokens.values():
        identifier, secret = text.split("_")[1:]
        assert identifier in listed
        assert secret not in said
        assert secret[-4:] not in listed.replace(identifier, "")
        assert secret.encode() not in kept


def test_a_revoked_token_is_refused_within_seconds(town: Town) -> None:
    token = town.create("a", "ingest")
    url, kind = f"{town.up.otlp_http}/v1/traces", {"Content-Type": "application/x-protobuf"}

    def status() -> int:
        return HTTP.post(url, content=b"", headers=kind | bearer(token)).status_code

    eventually(lambda: status() == 200, "the new token to be known")
    said = town.command("revoke", token.split("_")[1])
    assert "is revoked since" in said
    eventually(lambda: status() == 401, "the token to be refused")
    with grpc.insecure_channel(town.up.otlp_grpc.removeprefix("http://")) as channel:
        export = TraceServiceStub(channel).Export  # type: ignore[no-untyped-call]
        with pytest.raises(grpc.RpcError) as refusal:
            export(traces_request(span()), metadata=[("authorization", f"Bearer {token}")], timeout=10)
        assert refusal.value.code() is grpc.StatusCode.UNAUTHENTICATED
    assert status() == 401


def test_mistakes_on_the_command_line_are_explained(tmp_path: Path) -> None:
    for arguments, expected in {
        ("create", "x", "--role", "boss"): "--role 'boss': use one of ingest, read, admin",
        (
            "create",
            "x",
            "--role",
            "read",
            "--tenant",
            "A!",
        ): "tenant 'A!' does not do: 1 to 32 of a-z, 0-9 and _",
        ("create", "x", "--role", "read", "--bytes-per-second", "fast"): "--bytes-per-second 'fast': a size",
        ("revoke", "0123"): "there is no token '0123'; `coldlight token list` shows",
    }.items():
        done = run(tmp_path, *arguments)
        assert (done.exit_code, done.stdout) == (1, "")
        assert done.stderr.startswith(f"error {expected}")
