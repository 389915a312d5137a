"""Managed Instances: the runtime forks workers, each has its own invocations, and what they tell arrives mixed."""

import json
import socket
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from tests.instrumentation.lambda_api.collectors import Collector
from tests.instrumentation.lambda_api.sandbox import Sandbox
from tests.otlp import attributes
from tests.system.processes import eventually

from coldlight_lambda import frames, otlp
from coldlight_lambda.shipper import ears
from coldlight_lambda.shipper.ears import Ears
from coldlight_lambda.shipper.extension import MANAGED_INSTANCES
from coldlight_lambda.shipper.station import Station
from coldlight_lambda.spans import SERVER, Context, Span

SandboxOf = Callable[..., Sandbox]
INVOCATIONS = 40
WORKER = """
import logging, os, sys, time
from coldlight_lambda import recorder

def handler(event, context):
    for number in range(3):
        recorder.end(recorder.start(f"span {number}"))
    time.sleep(0.02)
    sys.stdout.write("printed\\n")
    logging.warning("of %s", context.aws_request_id)
    return os.getpid()
"""


@pytest.fixture
def task_root(tmp_path: Path) -> Path:
    folder = tmp_path / "task"
    folder.mkdir()
    (folder / "worker.py").write_text(WORKER)
    return folder


@pytest.mark.parametrize("shipper", ["extension", "thread"])
def test_whatever_workers_record_at_once_arrives(
    sandbox_of: SandboxOf, collector: Collector, task_root: Path, shipper: str
) -> None:
    sandbox = sandbox_of(
        "worker.handler", {"COLDLIGHT_SHIPPER": shipper}, managed=True, workers=4, task_root=task_root
    )
    sandbox.start()
    with ThreadPoolExecutor(8) as callers:
        answers = list(callers.map(sandbox.invoke, range(INVOCATIONS)))
    eventually(lambda: len(collector.spans()) == 4 * INVOCATIONS, "every span, without a shutdown")
    own = {span.span_id: span for span in collector.spans() if span.name == "orders"}
    assert {attributes(span)["faas.invocation_id"] for span in own.values()} == {
        answer.request_id for answer in answers
    }
    assert len({answer.value for answer in answers}) == 4
    below = [span for span in collector.spans() if span.name != "orders"]
    assert all(span.trace_id == own[span.parent_span_id].trace_id for span in below)
    assert "coldlight.completed_by" not in {key for span in own.values() for key in attributes(span)}


def test_a_log_line_belongs_to_the_invocation_that_it_names_and_else_to_none(
    sandbox_of: SandboxOf, collector: Collector, task_root: Path
) -> None:
    sandbox = sandbox_of("worker.handler", managed=True, workers=4, task_root=task_root, log_format="JSON")
    sandbox.start()
    with ThreadPoolExecutor(8) as callers:
        list(callers.map(sandbox.invoke, range(INVOCATIONS)))
    sandbox.shutdown()
    traces = {
        attributes(span)["faas.invocation_id"]: span.trace_id
        for span in collector.spans()
        if span.name == "orders"
    }
    lines = [record for record in collector.logs() if not record.event_name]
    warned = [record for record in lines if record.severity_text == "WARNING"]
    assert len(warned) == len(lines) - len(warned) == INVOCATIONS
    for record in warned:
        request_id = attributes(record)["faas.invocation_id"]
        assert record.body.string_value == f"of {request_id}"
        assert record.trace_id == traces[request_id]
    for record in lines:
        if record not in warned:
            assert not record.trace_id
            assert attributes(record) == {}


def root(number: int) -> bytes:
    return otlp.span(Span(Context(b"t" * 16, bytes([number]) * 8), b"", "orders", SERVER, 1))


def say(connection: socket.socket, number: int) -> None:
    for kind, content in (
        (frames.HELLO, b'{"service.name": "orders"}'),
        (frames.START, b"{}\0" + root(number)),
        (frames.END, root(number)),
    ):
        connection.sendall(frames.encode(kind, f"request {number}", content))


def test_a_hundred_workers_have_a_line_each(sandbox_of: SandboxOf, collector: Collector) -> None:
    sandbox = sandbox_of("app.hello", managed=True)
    sandbox.start()
    workers = [socket.create_connection(("127.0.0.1", sandbox.port)) for _ in range(100)]
    for number, worker in enumerate(workers):
        say(worker, number)
    eventually(lambda: len(collector.spans()) == 100, "a span of each")
    for worker in workers:
        worker.close()


def test_who_is_refused_for_there_are_too_many_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ears, "_MOST_CONNECTIONS", 1)
    station = Station({})
    with socket.create_server(("127.0.0.1", 0)) as recorder, socket.create_server(("127.0.0.1", 0)) as other:
        Ears(station, other, recorder).start()
        with (
            socket.create_connection(recorder.getsockname()),
            socket.create_connection(recorder.getsockname()) as refused,
        ):
            refused.settimeout(10)
            assert refused.recv(1) == b""
    assert station.has_losses()
    assert station.losses() == {"coldlight.dropped.connections": 1}
    assert not station.has_losses()


def test_a_report_that_overtakes_the_end_ends_nothing() -> None:
    station = Station({}, init_type=MANAGED_INSTANCES)
    report = {"requestId": "request 1", "status": "success", "metrics": {"durationMs": 1.0}}
    station.send(frames.START, "request 1", b"{}\0" + root(1))
    station.telemetry(json.dumps([{"type": "platform.report", "record": report}]).encode())
    station.tick()
    station.send(frames.END, "request 1", root(1))
    taken = station.outbox.take()
    assert taken is not None
    assert taken[1] == [root(1)]
