"""What AWS's own X-Ray SDK and boto3 send, found again through the query API."""

import json
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.system.processes import ANY_PORTS, HTTP, Home, Service, environment, eventually, start

TOKEN = "correct-horse-battery-staple"
ROOT, FACADE = "1-5759e988-bd862e3fe1be46a994272793", "53995c3f42cd8ad8"
IN_LAMBDA = {
    "LAMBDA_TASK_ROOT": "/var/task",
    "_X_AMZN_TRACE_ID": f"Root={ROOT};Parent={FACADE};Sampled=1;Lineage=1:73f724a8:0",
}


def run(up: Service, role: str, key: str = "AKIDEXAMPLE", **variables: str) -> Any:
    """What the program says that it sent."""
    address = up.otlp_http.replace("0.0.0.0", "127.0.0.1")
    told = {
        "COLLECTOR": address,
        "AWS_XRAY_DAEMON_ADDRESS": up.xray,
        "AWS_DEFAULT_REGION": "eu-west-1",
        "AWS_ACCESS_KEY_ID": key,
        "AWS_SECRET_ACCESS_KEY": "any",
        "AWS_EC2_METADATA_DISABLED": "true",
    }
    done = subprocess.run(
        [sys.executable, Path(__file__).with_name("xray_sender.py"), role],
        env=environment(**told, **variables),
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stderr == ""
    return json.loads(done.stdout)


def otlp_trace_id(trace_id: str) -> str:
    return trace_id.removeprefix("1-").replace("-", "")


def by_name(trace: Any) -> dict[str, Any]:
    return {span["name"]: span for span in trace["spans"]}


@pytest.fixture(scope="module")
def service(home: Home) -> tuple[Any, dict[str, Any]]:
    """What the service sent, and its spans by name."""
    up = home.service()
    sent = run(up, "service")
    return sent, by_name(up.trace(otlp_trace_id(sent["trace_id"]), spans=5))


def test_the_sdk_sends_a_segment_with_its_subsegments(service: Any) -> None:
    sent, spans = service
    root = spans["orders-api"]
    assert (root["span_id"], root["parent_span_id"], root["kind"]) == (sent["segment"], None, "server")
    assert {"checkout", "pay", "xray"} < spans.keys()
    assert (spans["checkout"]["parent_span_id"], spans["checkout"]["kind"]) == (sent["segment"], "internal")
    assert {span["service"] for span in spans.values()} == {"orders-api"}
    assert all(span["duration_ns"] > 0 for span in spans.values())


def test_the_sdk_tells_who_asked_for_what(service: Any) -> None:
    root = service[1]["orders-api"]
    assert root["attributes"] == {
        "enduser.id": "u-1",
        "url.full": "https://shop.example/orders",
        "http.request.method": "POST",
        "http.response.status_code": 503,
        "aws.xray.fault": True,
    }
    assert root["status"] == {"code": "error", "message": ""}
    assert root["resource"]["telemetry.sdk.name"] == "X-Ray for Python"
    assert root["resource"]["telemetry.sdk.language"] == "python"


def test_annotations_and_metadata_of_the_sdk(service: Any) -> None:
    attributes = service[1]["checkout"]["attributes"]
    assert {key: attributes[key] for key in ("customer", "items", "gift")} == {
        "customer": "c-1",
        "items": 3,
        "gift": True,
    }
    assert attributes["aws.xray.metadata.shop"] == {"cart": {"lines": [{"sku": "a", "price": 2.5}, None]}}


def test_an_exception_that_the_sdk_saw(service: Any) -> None:
    pay = service[1]["pay"]
    [event] = pay["events"]
    assert (pay["status"], event["name"]) == ({"code": "error", "message": "card declined"}, "exception")
    assert event["attributes"]["exception.type"] == "ValueError"
    assert "\tat fail(xray_sender.py: " in event["attributes"]["exception.stacktrace"]


def test_calls_of_patched_libraries_are_client_spans(service: Any) -> None:
    _, spans = service
    aws = spans["xray"]
    assert (aws["kind"], aws["attributes"]["rpc.system"]) == ("client", "aws-api")
    assert aws["attributes"]["rpc.method"] == "PutTelemetryRecords"
    assert aws["attributes"]["cloud.region"] == "eu-west-1"
    http = [span for span in spans.values() if span["attributes"].get("url.full", "").endswith("/healthz")]
    assert [span["kind"] for span in http] == ["client"]
    assert http[0]["attributes"]["http.response.status_code"] == 200
    assert http[0]["attributes"]["server.address"] == "127.0.0.1"


def test_inside_lambda_one_span_stands_for_the_segment_of_the_invocation(up: Service) -> None:
    run(up, "lambda", **IN_LAMBDA)
    trace = up.trace(otlp_trace_id(ROOT), spans=4)
    spans = by_name(trace)
    facade = spans.pop("segment not received")
    assert (facade["span_id"], facade["parent_span_id"], facade["kind"]) == (FACADE, None, "server")
    assert facade["attributes"] == {"coldlight.synthesised": True, "coldlight.partial": True}
    assert spans["## handler"]["parent_span_id"] == spans["after"]["parent_span_id"] == FACADE
    assert (
        spans["load"]["parent_span_id"] == spans["save"]["parent_span_id"] == spans["## handler"]["span_id"]
    )
    assert (spans["load"]["kind"], spans["save"]["kind"]) == ("internal", "client")
    assert len(trace["spans"]) == trace["span_count"] + 1 == 5


def test_a_complete_segment_wins_over_one_in_progress_whichever_came_last(up: Service) -> None:
    assert run(up, "boto3") == {"code": "InvalidId"}
    [span] = up.trace("581cf771a006649127e371903a2de979")["spans"]
    assert "coldlight.partial" not in span["attributes"]
    assert (span["start_time_unix_nano"], span["duration_ns"]) == (1478293361271000000, 178432100)


def test_datagrams_that_are_not_of_x_ray_are_counted(up: Service) -> None:
    host, _, port = up.xray.rpartition(":")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.sendto(b"hello", (host, int(port)))
    counter = 'coldlight_xray_rejected_segments_total{code="InvalidHeader"} 1.0'
    eventually(lambda: counter in HTTP.get(f"{up.otlp_http}/metrics").text, counter)


@pytest.fixture(scope="module")
def public(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A Coldlight that other machines reach."""
    folder = tmp_path_factory.mktemp("public")
    arguments = ("--data", str(folder / "data"), "--host", "0.0.0.0", *ANY_PORTS)
    started = start("up", *arguments, folder=folder, COLDLIGHT_AUTH_TOKEN=TOKEN)
    yield started
    started.stop()


def test_the_sdk_is_told_to_sample_everything_though_it_cannot_sign(public: Service) -> None:
    assert run(public, "sampler") == {"rules": [["Default", 1.0]], "rates": [1.0]}


def test_wherever_others_need_a_token_udp_is_for_this_machine_only(public: Service) -> None:
    assert public.otlp_http.startswith("http://0.0.0.0:")
    assert public.xray.startswith("127.0.0.1:")


def test_boto3_signs_with_the_token_as_its_access_key(public: Service) -> None:
    assert run(public, "boto3", TOKEN) == {"code": "InvalidId"}
    with pytest.raises(subprocess.CalledProcessError) as refused:
        run(public, "boto3")
    assert "UnrecognizedClientException" in refused.value.stderr
