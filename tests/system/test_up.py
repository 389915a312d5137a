"""`coldlight up` on embedded ClickHouse: what it says, where it listens, whom it lets in, when it refuses to start."""

import socket
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import grpc
import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2_grpc import TraceServiceStub
from tests.system.processes import ANY_PORTS, HTTP, Home, Service, coldlight, start

from coldlight_storage.testing import span, traces_request

NO_CLICKHOUSE = ("--clickhouse", "http://127.0.0.1:1")
TOKEN = "correct-horse-battery-staple"

Refused = dict[str, "subprocess.CompletedProcess[str]"]


def port(address: str) -> str:
    return address.rpartition(":")[2]


def test_the_banner_names_the_ports_that_were_picked(up: Service) -> None:
    ports = {port(address) for address in (up.otlp_http, up.otlp_grpc, up.zipkin, up.query)}
    assert len(ports) == 4
    for number in ports:
        socket.create_connection(("127.0.0.1", int(number))).close()


def test_the_banner_names_the_data_folder_and_the_way_on(up: Service) -> None:
    assert up.banner.startswith("Coldlight is up\n")
    assert "  ClickHouse  embedded, in " in up.banner
    assert "Ctrl-C" in up.banner
    assert "coldlight demo" in up.banner


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/metrics"])
def test_both_http_ports_tell_how_they_are(up: Service, path: str) -> None:
    for address in (up.otlp_http, up.query):
        answer = HTTP.get(address + path)
        assert answer.status_code == 200
        assert ("coldlight_journal_bytes" in answer.text) == (path == "/metrics")


def test_the_api_describes_itself(up: Service) -> None:
    description = up.get("/openapi.json")
    assert set(description["paths"]) >= {
        "/api/v1/traces",
        "/api/v1/traces/{trace_id}",
        "/api/v1/traces/{trace_id}/logs",
        "/healthz",
        "/readyz",
        "/metrics",
    }
    assert HTTP.get(f"{up.query}/docs").status_code == 200


@pytest.fixture(scope="module")
def refused(home: Home, tmp_path_factory: pytest.TempPathFactory) -> Refused:
    """Starts that cannot succeed, by what is wrong with them; they fail side by side."""
    up = home.service()
    starts = {
        "data": ("--data", str(home.folder / "data"), *ANY_PORTS),
        "OTLP/HTTP": (*NO_CLICKHOUSE, *ANY_PORTS, "--otlp-http-port", port(up.otlp_http)),
        "OTLP/gRPC": (*NO_CLICKHOUSE, *ANY_PORTS, "--otlp-grpc-port", port(up.otlp_grpc)),
        "Zipkin": (*NO_CLICKHOUSE, *ANY_PORTS, "--zipkin-port", port(up.zipkin)),
        "X-Ray": (*NO_CLICKHOUSE, *ANY_PORTS, "--xray-port", up.xray.rpartition(":")[2]),
        "query service": (*NO_CLICKHOUSE, *ANY_PORTS, "--query-port", port(up.query)),
        "public host": ("--host", "0.0.0.0", *ANY_PORTS),
    }

    def run(arguments: tuple[str, ...]) -> "subprocess.CompletedProcess[str]":
        return coldlight("up", *arguments, cwd=tmp_path_factory.mktemp("refused"))

    with ThreadPoolExecutor() as programs:
        return dict(zip(starts, programs.map(run, starts.values()), strict=True))


def test_a_second_process_on_the_folder_is_told_of_the_first(up: Service, refused: Refused) -> None:
    second = refused["data"]
    assert second.returncode == 1
    [line] = second.stderr.splitlines()
    assert line.startswith("error ")
    assert f"process {up.process.pid}" in line
    assert "--data" in line


@pytest.mark.parametrize("name", ["OTLP/HTTP", "OTLP/gRPC", "Zipkin", "X-Ray", "query service"])
def test_a_port_that_is_taken_is_named(up: Service, refused: Refused, name: str) -> None:
    taken = {
        "OTLP/HTTP": up.otlp_http,
        "OTLP/gRPC": up.otlp_grpc,
        "Zipkin": up.zipkin,
        "X-Ray": up.xray,
        "query service": up.query,
    }[name]
    assert refused[name].returncode == 1
    last = refused[name].stderr.splitlines()[-1]
    assert last.startswith(f"error {'the ' if name == 'query service' else ''}{name} cannot listen on ")
    assert taken.removeprefix("http://") in last
    assert "Traceback" not in refused[name].stderr


def test_a_public_address_without_a_token_is_refused(refused: Refused) -> None:
    assert refused["public host"].returncode == 1
    said = refused["public host"].stderr
    assert said.startswith("error other machines reach 0.0.0.0, and there is no token: ")
    assert "`coldlight token create " in said


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A service that wants a token."""
    service = start("up", *ANY_PORTS, folder=tmp_path_factory.mktemp("guarded"), COLDLIGHT_AUTH_TOKEN=TOKEN)
    yield service
    assert service.stop() == 0


STRANGERS: list[dict[str, str]] = [{}, {"Authorization": "Bearer wrong"}, {"Authorization": TOKEN}]
FRIEND = {"Authorization": f"Bearer {TOKEN}"}


def test_the_token_is_kept_to_itself(guarded: Service) -> None:
    assert TOKEN not in guarded.banner + guarded.log.read_text()


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
def test_a_load_balancer_needs_no_token(guarded: Service, path: str) -> None:
    for address in (guarded.otlp_http, guarded.zipkin, guarded.query):
        assert HTTP.get(address + path).status_code == 200


def test_otlp_over_http_needs_the_token(guarded: Service) -> None:
    def status(headers: dict[str, str]) -> int:
        kind = {"Content-Type": "application/x-protobuf"}
        return HTTP.post(f"{guarded.otlp_http}/v1/traces", content=b"", headers=kind | headers).status_code

    assert [status(stranger) for stranger in STRANGERS] == [401, 401, 401]
    assert status(FRIEND) == 200


def test_zipkin_needs_the_token_which_may_be_the_password_in_its_url(guarded: Service) -> None:
    def status(headers: dict[str, str], user: str = "") -> int:
        url = f"{guarded.zipkin}/api/v2/spans".replace("http://", f"http://{user}")
        return HTTP.post(url, content=b"[]", headers=headers).status_code

    assert [status(stranger) for stranger in STRANGERS] == [401, 401, 401]
    assert status(FRIEND) == 202
    assert (status({}, "shop:wrong@"), status({}, f"shop:{TOKEN}@")) == (401, 202)


@pytest.mark.parametrize("path", ["/api/v1/traces", "/openapi.json", "/docs", "/metrics"])
def test_readers_need_the_token(guarded: Service, path: str) -> None:
    def status(headers: dict[str, str]) -> int:
        return HTTP.get(guarded.query + path, headers=headers).status_code

    assert [status(stranger) for stranger in STRANGERS] == [401, 401, 401]
    assert status(FRIEND) == 200


def test_the_metrics_of_the_collector_need_the_token(guarded: Service) -> None:
    assert HTTP.get(f"{guarded.otlp_http}/metrics").status_code == 401
    assert HTTP.get(f"{guarded.otlp_http}/metrics", headers=FRIEND).status_code == 200


def test_otlp_over_grpc_needs_the_token(guarded: Service) -> None:
    with grpc.insecure_channel(guarded.otlp_grpc.removeprefix("http://")) as channel:
        export = TraceServiceStub(channel).Export  # type: ignore[no-untyped-call]
        for stranger in STRANGERS:
            metadata = [(name.lower(), value) for name, value in stranger.items()]
            with pytest.raises(grpc.RpcError) as refusal:
                export(traces_request(span()), metadata=metadata, timeout=10)
            assert refusal.value.code() is grpc.StatusCode.UNAUTHENTICATED
        export(traces_request(span()), metadata=[("authorization", f"Bearer {TOKEN}")], timeout=10)
