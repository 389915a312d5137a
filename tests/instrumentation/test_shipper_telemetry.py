"""What the platform tells: as log records, in the trace of their invocation, whatever else comes in between."""

import copy
import json
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord
from tests.instrumentation.lambda_api.collectors import Collector
from tests.instrumentation.lambda_api.functions import ARN, NAME, REGION
from tests.instrumentation.lambda_api.sandbox import Sandbox
from tests.otlp import attributes
from tests.system.processes import eventually

from coldlight_lambda import frames
from coldlight_lambda.shipper.station import Station

SandboxOf = Callable[..., Sandbox]


def lines(collector: Collector) -> list[LogRecord]:
    return [record for record in collector.logs() if not record.event_name]


def of_type(collector: Collector, name: str) -> list[LogRecord]:
    return [record for record in collector.logs() if record.event_name == name]


def events(collector: Collector) -> dict[str, dict[str, Any]]:
    return {record.event_name: attributes(record) for record in collector.logs() if record.event_name}


def test_platform_events_say_whose_they_are_and_what_the_platform_measured(
    sandbox_of: SandboxOf, collector: Collector
) -> None:
    sandbox = sandbox_of("app.hello")
    answer = sandbox.invoke("you")
    sandbox.shutdown()
    told = events(collector)
    assert sorted(told) == [
        "aws.lambda.init_report",
        "aws.lambda.init_runtime_done",
        "aws.lambda.init_start",
        "aws.lambda.report",
        "aws.lambda.runtime_done",
        "aws.lambda.start",
    ]
    report = told["aws.lambda.report"]
    assert report["event.name"] == "aws.lambda.report"
    assert report["faas.invocation_id"] == answer.request_id
    assert (report["faas.name"], report["cloud.region"]) == (NAME, REGION)
    assert (report["cloud.resource_id"], report["cloud.account.id"]) == (ARN, "123456789012")
    assert report["faas.instance"].endswith("0123456789abcdef0123456789abcdef")
    assert report["aws.lambda.memory_size_mb"] == 512
    assert report["aws.lambda.source"] == "telemetry"
    assert {event["faas.instance"] for event in told.values()} == {report["faas.instance"]}
    assert told["aws.lambda.init_report"]["aws.lambda.init_duration_ms"] > 0
    assert "aws.lambda.duration_ms" not in told["aws.lambda.init_report"]
    assert told["aws.lambda.runtime_done"]["aws.lambda.response_latency_ms"] == 11.5


def test_lines_of_a_text_log_have_their_severity_and_their_trace(
    sandbox_of: SandboxOf, collector: Collector
) -> None:
    sandbox = sandbox_of("app.logs")
    answer = sandbox.invoke("x")
    sandbox.shutdown()
    [own] = collector.spans()
    printed, warned = lines(collector)
    assert printed.body.string_value == "printed"
    assert (warned.severity_text, warned.severity_number) == ("WARNING", 13)
    for record in (printed, warned):
        assert (record.trace_id, record.span_id) == (own.trace_id, own.span_id)
        assert attributes(record)["faas.invocation_id"] == answer.request_id


def test_lines_of_a_json_log_become_a_message_with_attributes(
    sandbox_of: SandboxOf, collector: Collector
) -> None:
    sandbox = sandbox_of("app.logs", log_format="JSON")
    answer = sandbox.invoke("x")
    sandbox.shutdown()
    [warned] = [record for record in lines(collector) if record.severity_text == "WARNING"]
    assert warned.body.string_value == "warned of x"
    assert attributes(warned) == {"faas.invocation_id": answer.request_id, "logger": "root"}


def test_an_error_in_a_json_log_is_an_exception(sandbox_of: SandboxOf, collector: Collector) -> None:
    sandbox = sandbox_of("app.broken", log_format="JSON")
    sandbox.invoke("x")
    sandbox.shutdown()
    [failed] = lines(collector)
    assert failed.body.string_value == "no such order: x"
    told = attributes(failed)
    assert told["exception.type"] == "ValueError"
    assert "_deep" in told["exception.stacktrace"]


def test_an_init_that_fails_is_told_with_what_it_logged(sandbox_of: SandboxOf, collector: Collector) -> None:
    assert sandbox_of("fails_at_import.handler").invoke("x").is_error
    assert events(collector)["aws.lambda.init_runtime_done"]["aws.lambda.status"] == "error"
    assert any("AttributeError" in line.body.string_value for line in lines(collector))


def test_without_logs_only_the_platforms_events_are_sent(sandbox_of: SandboxOf, collector: Collector) -> None:
    sandbox = sandbox_of("app.logs", {"COLDLIGHT_LOGS": "false"})
    sandbox.invoke("x")
    sandbox.shutdown()
    assert lines(collector) == []
    assert "aws.lambda.report" in events(collector)


def test_an_older_platform_is_subscribed_to_in_its_own_version(
    sandbox_of: SandboxOf, collector: Collector
) -> None:
    sandbox = sandbox_of("app.hello", schemas=("2022-07-01",))
    sandbox.invoke("you")
    sandbox.shutdown()
    assert "aws.lambda.report" in events(collector)


def test_where_there_is_no_telemetry_spans_come_all_the_same(
    sandbox_of: SandboxOf, collector: Collector
) -> None:
    sandbox = sandbox_of("app.hello", has_telemetry=False)
    sandbox.invoke("you")
    sandbox.shutdown()
    assert len(collector.spans()) == 1
    assert collector.logs() == []


def test_where_nobody_says_that_an_invocation_is_over_nobody_waits_for_it(
    sandbox_of: SandboxOf, collector: Collector
) -> None:
    sandbox = sandbox_of("app.hello", wrapper=False, has_telemetry=False)
    assert all(sandbox.invoke("you").total_s < 5 for _ in range(2))


LOSES_ITS_END = """
from coldlight_lambda import frames, recorder

class Loses:
    def __init__(self, sink):
        self.sink = sink

    def send(self, kind, request_id, content):
        if kind != frames.END:
            self.sink.send(kind, request_id, content)

def handler(event, context):
    recorder.sink = Loses(recorder.sink)
"""


@pytest.mark.parametrize("has_telemetry", [True, False])
def test_an_end_that_is_lost_is_not_waited_for_until_the_time_is_up(
    sandbox_of: SandboxOf, collector: Collector, tmp_path: Path, has_telemetry: bool
) -> None:
    (tmp_path / "loses.py").write_text(LOSES_ITS_END)
    sandbox = sandbox_of("loses.handler", task_root=tmp_path, has_telemetry=has_telemetry)
    assert all(sandbox.invoke().total_s < 15 for _ in range(2))
    sandbox.shutdown()
    assert [attributes(span)["coldlight.completed_by"] for span in collector.spans()] == ["shipper"] * 2


def test_a_restored_sandbox_has_an_instance_of_its_own(sandbox_of: SandboxOf, collector: Collector) -> None:
    restored = {"AWS_LAMBDA_INITIALIZATION_TYPE": "snap-start", "AWS_LAMBDA_LOG_STREAM_NAME": ""}
    for environment in (restored, restored, {**restored, "COLDLIGHT_SHIPPER": "thread"}):
        sandbox = sandbox_of("app.hello", environment)
        for _ in range(2):
            sandbox.invoke("you")
        sandbox.shutdown()
    instances = [resource["faas.instance"] for resource in collector.resources()]
    assert len(set(instances)) == 3
    told = {attributes(record)["faas.instance"] for record in of_type(collector, "aws.lambda.runtime_done")}
    assert told == set(instances)


def test_what_a_snapshot_was_taken_of_names_no_instance() -> None:
    station = Station({"faas.name": "orders"}, init_type="snap-start")
    restored = [copy.deepcopy(station.ledger) for _ in range(2)]
    assert "faas.instance" not in station.ledger.resource
    for ledger in restored:
        ledger.invoked("request 1", "", 5)
    assert len({ledger.resource["faas.instance"] for ledger in restored}) == 2


def test_a_long_init_is_told_with_the_first_invocation_that_knows_whose_it_is(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("coldlight_lambda.shipper.station._OLDEST_S", -1.0)
    station = Station({})
    station.telemetry(b'[{"type": "platform.initStart", "record": {}}]')
    station.tick()
    assert not station.is_wanted
    station.send(frames.HELLO, "", b'{"faas.instance": "stream"}')
    station.telemetry(b'[{"type": "platform.start", "record": {"requestId": "request 1"}}]')
    station.tick()
    assert station.is_wanted
    assert station.ledger.resource["faas.instance"] == "stream"


def test_a_function_without_the_wrapper_has_its_logs_all_the_same(
    sandbox_of: SandboxOf, collector: Collector
) -> None:
    sandbox = sandbox_of("app.logs", wrapper=False)
    answer = sandbox.invoke("x", trace="Root=1-5759e988-bd862e3fe1be46a994272793")
    sandbox.shutdown()
    assert len(lines(collector)) == 2
    assert attributes(lines(collector)[0])["faas.invocation_id"] == answer.request_id
    [report] = [record for record in collector.logs() if record.event_name == "aws.lambda.start"]
    assert report.trace_id.hex() == "5759e988bd862e3fe1be46a994272793"


def test_a_managed_instance_is_sent_while_it_runs(sandbox_of: SandboxOf, collector: Collector) -> None:
    sandbox = sandbox_of("app.logs", managed=True)
    sandbox.start()
    [extension] = sandbox.api.extensions.values()
    assert extension.events == ["SHUTDOWN"]
    asked = [sandbox.invoke("x").request_id for _ in range(3)]
    eventually(lambda: len(collector.spans()) == 3, "three invocations, without a shutdown")
    assert sorted(attributes(span)["faas.invocation_id"] for span in collector.spans()) == sorted(asked)


def test_a_broken_batch_costs_itself(sandbox_of: SandboxOf, collector: Collector) -> None:
    sandbox = sandbox_of("app.hello")
    sandbox.start()
    url = sandbox.api.telemetry.url
    good = {"time": "2026-01-02T03:04:05.678Z", "type": "function", "record": "good\n"}
    batches: list[Any] = [
        b"{",
        b"[1, null, {}]",
        b'{"type":"function"}',
        json.dumps([{"type": "platform.new"}, good]),
    ]
    assert [httpx.post(url, content=batch).status_code for batch in batches] == [200] * 4
    sandbox.invoke("you")
    sandbox.shutdown()
    assert [record.body.string_value for record in lines(collector)] == ["good"]
    assert lines(collector)[0].time_unix_nano == 1767323045678000000
    assert len(collector.spans()) == 1
    dropped = events(collector)["coldlight.dropped"]
    assert dropped["coldlight.dropped.telemetry"] == 4


def test_whoever_speaks_nonsense_to_the_shipper_loses_the_connection_and_no_more(
    sandbox_of: SandboxOf, collector: Collector
) -> None:
    sandbox = sandbox_of("app.hello")
    sandbox.start()
    telemetry_port = int(sandbox.api.telemetry.url.rpartition(":")[2])
    nonsense = [
        b"\0" * 100,
        b"GET / HTTP/1.1\r\n\r\n",
        b"P\xff\0\0\0\0" + b"\xff" * 255 + b"P",
        b"S\0\0\0\0\1{",
    ]
    for port in (sandbox.port, telemetry_port):
        for stream in nonsense:
            with socket.create_connection(("127.0.0.1", port)) as connection:
                connection.sendall(stream)
    sandbox.invoke("you")
    sandbox.shutdown()
    assert len(collector.spans()) == 1
