"""Collectors that are slow, hang, hang up, refuse or are not there: the function answers as ever, and nothing is lost."""

import random
import ssl
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import trustme
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord
from tests.instrumentation.lambda_api.collectors import Collector
from tests.instrumentation.lambda_api.sandbox import Sandbox
from tests.otlp import attributes

from coldlight_lambda.shipper.cycle import PATIENCE_S

SandboxOf = Callable[..., Sandbox]
INVOCATIONS = 200


def invocations(collector: Collector) -> list[str]:
    return sorted(
        attributes(span)["faas.invocation_id"] for span in collector.spans() if span.name == "orders"
    )


def of_type(collector: Collector, name: str) -> list[LogRecord]:
    return [record for record in collector.logs() if record.event_name == name]


def test_spans_and_reports_of_a_busy_sandbox_arrive(sandbox_of: SandboxOf, collector: Collector) -> None:
    sandbox = sandbox_of("spans.some")
    chance = random.Random(1)
    collector.delay_s = 0.01
    asked = []
    for _ in range(INVOCATIONS):
        answer = sandbox.invoke(2)
        assert answer.body == b"2"
        asked.append(answer.request_id)
        time.sleep(chance.choice((0, 0, 0, 0.001, 0.01)))
    sandbox.shutdown()
    assert invocations(collector) == sorted(asked)
    assert len(collector.spans()) == 3 * INVOCATIONS
    reported = [
        attributes(record)["faas.invocation_id"] for record in of_type(collector, "aws.lambda.report")
    ]
    assert sorted(reported) == sorted(asked)


def test_nothing_is_lost_by_a_collector_of_changing_moods(
    sandbox_of: SandboxOf, collector: Collector
) -> None:
    sandbox = sandbox_of("spans.some")
    chance = random.Random(2)
    asked = []
    for _ in range(60):
        collector.resets = chance.random() < 0.2
        collector.statuses = [chance.choice((200, 200, 429, 500, 503))]
        collector.delay_s = chance.choice((0.0, 0.0, 0.05))
        asked.append(sandbox.invoke(2).request_id)
    collector.resets, collector.statuses, collector.delay_s = False, [200], 0.0
    sandbox.shutdown()
    assert invocations(collector) == sorted(asked)
    assert len(collector.spans()) == 3 * len(asked)


def test_spans_that_a_socket_cannot_take_at_once_arrive_all_the_same(
    sandbox_of: SandboxOf, collector: Collector
) -> None:
    sandbox = sandbox_of("spans.many")
    assert sandbox.invoke(1500).body == b"1500"
    sandbox.shutdown()
    assert len(collector.spans()) == 1501


@pytest.mark.parametrize("status", [429, 500, 503])
def test_what_the_collector_could_not_take_is_sent_again_later(
    sandbox_of: SandboxOf, collector: Collector, status: int
) -> None:
    collector.statuses = [status, 200]
    sandbox = sandbox_of("app.hello")
    asked = [sandbox.invoke("you").request_id for _ in range(3)]
    sandbox.shutdown()
    assert invocations(collector) == sorted(asked)


def test_what_the_collector_refuses_is_not_sent_again_but_counted(
    sandbox_of: SandboxOf, collector: Collector
) -> None:
    collector.statuses = [401]
    sandbox = sandbox_of("app.hello")
    sandbox.invoke("you")
    collector.statuses = [200]
    asked = [sandbox.invoke("you").request_id for _ in range(2)]
    sandbox.shutdown()
    assert invocations(collector) == sorted(asked)
    counts = [attributes(record) for record in of_type(collector, "coldlight.dropped")]
    assert sum(count.get("coldlight.dropped.spans", 0) for count in counts) == 1
    assert any("401" in line for line in sandbox.printed)


def test_a_collector_that_hangs_keeps_no_answer_and_is_waited_for_once(
    sandbox_of: SandboxOf, collector: Collector
) -> None:
    collector.hangs = True
    sandbox = sandbox_of("app.hello")
    waits = []
    for _ in range(6):
        answer = sandbox.invoke("you")
        assert answer.body
        waits.append(answer.total_s - answer.response_s)
    assert sum(wait >= PATIENCE_S * 0.9 for wait in waits) == 1
    assert collector.requests == 1


def test_what_a_hanging_collector_was_sent_arrives_once_it_works_again(
    sandbox_of: SandboxOf, collector: Collector
) -> None:
    collector.hangs = True
    sandbox = sandbox_of("app.hello")
    asked = [sandbox.invoke("you").request_id for _ in range(3)]
    collector.hangs = False
    sandbox.shutdown()
    assert invocations(collector) == sorted(asked)


def test_a_slow_collector_is_not_waited_for_and_gets_everything(
    sandbox_of: SandboxOf, collector: Collector
) -> None:
    collector.delay_s = 0.3
    sandbox = sandbox_of("app.hello")
    asked = [sandbox.invoke("you").request_id for _ in range(5)]
    sandbox.shutdown()
    assert invocations(collector) == sorted(asked)


def test_a_collector_that_hangs_up_gets_everything_in_the_end(
    sandbox_of: SandboxOf, collector: Collector
) -> None:
    collector.resets = True
    sandbox = sandbox_of("app.hello")
    asked = [sandbox.invoke("you").request_id for _ in range(3)]
    collector.resets = False
    sandbox.shutdown()
    assert invocations(collector) == sorted(asked)


def test_an_absent_collector_harms_nobody(sandbox_of: SandboxOf) -> None:
    sandbox = sandbox_of("app.hello", {"COLDLIGHT_ENDPOINT": "http://127.0.0.1:9"})
    assert [sandbox.invoke("you").is_error for _ in range(3)] == [False] * 3
    sandbox.shutdown()
    assert sandbox.deaths == []
    assert len([line for line in sandbox.printed if "cannot be reached" in line]) == 1


def test_a_collector_behind_tls_is_sent_to_if_its_certificate_is_good(
    sandbox_of: SandboxOf, collector: Collector, tmp_path: Path
) -> None:
    authority, context = trustme.CA(), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(context)
    authority.cert_pem.write_to_path(str(tmp_path / "authority.pem"))
    collector.secure(context)
    endpoint = {"COLDLIGHT_ENDPOINT": collector.url}
    for trusted in ({}, {"SSL_CERT_FILE": str(tmp_path / "authority.pem")}):
        sandbox = sandbox_of("app.hello", {**endpoint, **trusted})
        assert [sandbox.invoke("you").is_error for _ in range(2)] == [False] * 2
        sandbox.shutdown()
        assert len(collector.spans()) == (2 if trusted else 0)


def test_requests_carry_the_token_and_say_what_they_are(sandbox_of: SandboxOf, collector: Collector) -> None:
    sandbox = sandbox_of(
        "app.hello", {"COLDLIGHT_ENDPOINT": f"{collector.url}/", "COLDLIGHT_TOKEN": "secret"}
    )
    sandbox.invoke("you")
    sandbox.shutdown()
    assert {path for path, _, _ in collector.bodies} == {"/v1/traces", "/v1/logs"}
    for _, _, headers in collector.bodies:
        assert headers["Authorization"] == "Bearer secret"
        assert headers["Content-Type"] == "application/x-protobuf"
        assert headers["Content-Encoding"] == "gzip"
    [resource] = collector.resources()
    assert resource["service.name"] == resource["faas.name"] == "orders"
    assert resource["faas.max_memory"] == 512 << 20
    assert resource["host.arch"] in ("amd64", "arm64")
