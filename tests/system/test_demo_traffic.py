"""The demo's traffic, as an OTLP/HTTP receiver sees it."""

import socket
import time
from collections import Counter
from typing import Any

import pytest
from tests.system.demo_receiver import SERVER, Seen, Told, plain_map, receiver, tell

from coldlight_cli.demo import DemoError, run
from coldlight_cli.demo.services import item_key
from coldlight_storage.signals import Signal

CLIENT, PRODUCER, CONSUMER = 3, 4, 5
ERROR = 2
SECONDS = 900


@pytest.fixture(autouse=True)
def _no_settings_of_the_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_HEADERS", "OTEL_SDK_DISABLED"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(scope="module")
def told() -> Told:
    """One run of the demo as it comes out of the box."""
    with receiver() as received:
        return tell(received, run(received.url))


def test_all_that_was_reported_arrives(told: Told) -> None:
    assert told.result.spans == len(told.spans) > 500
    assert told.result.logs == len(told.logs) > 500
    assert told.result.data_points == sum(len(points_of(metric)) for metric in told.metrics) > 100


def test_every_kind_of_trace_occurs_and_is_named(told: Told) -> None:
    kinds = {"ordinary", "slow", "failed", "timeout", "retry", "rejected", "crash", "cold_start"}
    assert set(told.result.traces) == kinds
    assert all(told.trace(kind) for kind in kinds)


def test_a_sandbox_is_a_resource_of_its_own(told: Told) -> None:
    assert {seen.service for seen in told.spans} == {
        *("orders-api", "order-worker", "payment", "thumbnailer", "notifications", "nightly-report")
    }
    payment = told.invocations("payment")[0].resource
    assert payment["cloud.resource_id"] == "arn:aws:lambda:eu-central-1:123456789012:function:payment:4"
    assert (payment["cloud.provider"], payment["cloud.region"]) == ("aws", "eu-central-1")
    assert payment["cloud.account.id"] == "123456789012"
    assert (payment["faas.name"], payment["faas.version"]) == ("payment", "4")
    assert payment["faas.max_memory"] == 256 << 20
    assert payment["telemetry.sdk.language"] == "python"
    instances = {seen.resource["faas.instance"] for seen in told.spans}
    colds = [seen for seen in told.spans if seen.attributes.get("faas.coldstart")]
    assert len(instances) == len(colds)


def test_an_order_is_stored_and_sent_to_the_queue(told: Told) -> None:
    [root] = [seen for seen in told.trace("ordinary") if not seen.item.parent_span_id]
    assert (root.item.kind, root.item.name, root.service) == (SERVER, "/orders", "orders-api")
    assert root.attributes["faas.trigger"] == "http"
    assert root.attributes["http.response.status_code"] == 201
    assert root.attributes["coldlight.link.consumed"][0].startswith("apigateway:")
    calls = [(child.item.name, child.item.kind) for child in told.children(root)]
    assert calls == [("DynamoDB.PutItem", CLIENT), ("send order-queue", PRODUCER)]


def test_a_batch_has_a_link_for_every_message(told: Told) -> None:
    producers = {seen.item.span_id for seen in told.spans if seen.item.name == "send order-queue"}
    sizes = []
    for invocation in told.invocations("order-worker"):
        [batch] = told.children(invocation)
        messages = told.children(batch)
        assert batch.item.kind == CONSUMER
        assert len(batch.item.links) == batch.attributes["messaging.batch.message_count"] == len(messages)
        assert {link.span_id for link in batch.item.links} <= producers
        sizes.append(len(messages))
    assert max(sizes) > 1


def test_a_message_is_linked_to_the_span_that_sent_it_and_has_its_key(told: Told) -> None:
    by_id = {seen.item.span_id: seen for seen in told.spans}
    messages = told.where(
        lambda seen: "messaging.message.id" in seen.attributes and seen.item.kind == CONSUMER
    )
    assert messages
    for message in messages:
        [link] = message.item.links
        sender = by_id[link.span_id]
        assert link.trace_id == sender.item.trace_id != message.item.trace_id
        assert message.attributes["coldlight.link.consumed"] == sender.attributes["coldlight.link.produced"]


def test_payment_continues_the_trace_of_its_caller(told: Told) -> None:
    by_id = {seen.item.span_id: seen for seen in told.spans}
    for payment in told.invocations("payment"):
        caller = by_id[payment.item.parent_span_id]
        assert (caller.item.name, caller.service) == ("Lambda.Invoke", "order-worker")
        assert caller.item.trace_id == payment.item.trace_id
        key = f"lambda:{payment.attributes['faas.invocation_id']}"
        assert caller.attributes["coldlight.link.produced"] == [key]


def test_what_was_consumed_was_produced_once_unless_it_came_from_outside(told: Told) -> None:
    produced = Counter(
        key
        for seen in told.spans
        for key in seen.attributes.get("coldlight.link.produced", ())
        if not key.startswith("dynamodb:")
    )
    inner = told.where(lambda seen: seen.service not in ("orders-api", "nightly-report"))
    consumed = {key for seen in inner for key in seen.attributes.get("coldlight.link.consumed", ())}
    assert {key.partition(":")[0] for key in consumed} == {"sqs", "s3req", "s3obj", "eventbridge"}
    assert all(produced[key] == 1 for key in consumed)


def test_a_declined_card_leaves_an_exception_with_its_stack_trace(told: Told) -> None:
    [payment] = [
        seen for seen in told.trace("failed") if seen.attributes.get("error.type") == "CardDeclined"
    ][:1]
    [event] = payment.item.events
    exception = plain_map(event.attributes)
    assert payment.item.status.code == ERROR
    assert event.name == "exception"
    assert exception["exception.type"] == "CardDeclined"
    assert exception["exception.stacktrace"].startswith("Traceback (most recent call last):\n  File")
    assert exception["exception.stacktrace"].endswith(exception["exception.message"])
    logged = [seen for seen in told.logs if seen.item.span_id == payment.item.span_id]
    assert any(seen.attributes.get("exception.type") == "CardDeclined" for seen in logged)


def test_a_payment_that_times_out_is_stopped_and_its_message_comes_again(told: Told) -> None:
    stopped = [
        seen for seen in told.trace("timeout") if seen.attributes.get("error.type") == "Sandbox.Timedout"
    ]
    [payment] = [seen for seen in stopped if seen.item.kind == SERVER][:1]
    assert payment.item.end_time_unix_nano - payment.item.start_time_unix_nano == 6_000_000_000
    [call_to_the_bank] = told.children(payment)
    assert call_to_the_bank.attributes["error.type"] == "Sandbox.Timedout"
    assert not payment.item.events
    request_id = payment.attributes["faas.invocation_id"]
    [report] = [
        seen
        for seen in told.events("aws.lambda.report")
        if seen.attributes["faas.invocation_id"] == request_id
    ]
    assert report.attributes["aws.lambda.status"] == "timeout"
    again = told.where(lambda seen: seen.attributes.get("shop.message.receive_count") == 2)
    assert again
    assert all(seen.item.status.code != ERROR for seen in again)


def test_a_retried_invocation_repeats_its_request_id_and_link_key(told: Told) -> None:
    def identity(seen: Seen) -> tuple[str, str]:
        return seen.attributes["faas.invocation_id"], seen.attributes["coldlight.link.consumed"][0]

    mails = told.invocations("notifications")
    attempts = Counter(identity(seen) for seen in mails)
    failed = {identity(seen) for seen in mails if seen.item.status.code == ERROR}
    assert failed
    assert {identity for identity, count in attempts.items() if count == 2} == failed


def test_every_invocation_is_reported_by_the_platform(told: Told) -> None:
    servers = told.where(lambda seen: seen.item.kind == SERVER)
    reports = told.events("aws.lambda.report")
    ids = Counter(seen.attributes["faas.invocation_id"] for seen in servers)
    assert Counter(seen.attributes["faas.invocation_id"] for seen in reports) == ids
    assert len(told.events("aws.lambda.init_report")) == sum(
        seen.attributes["faas.coldstart"] for seen in servers
    )
    for seen in reports:
        facts = {key.removeprefix("aws.lambda."): value for key, value in seen.attributes.items()}
        whole_ms = facts["duration_ms"] + facts.get("init_duration_ms", 0)
        assert whole_ms <= facts["billed_duration_ms"] < whole_ms + 1
        assert facts["max_memory_used_mb"] <= facts["memory_size_mb"]


def test_log_records_have_severity_body_and_the_context_of_a_span(told: Told) -> None:
    spans = {(seen.item.trace_id, seen.item.span_id) for seen in told.spans}
    assert all((seen.item.trace_id, seen.item.span_id) in spans for seen in told.logs)
    assert {seen.item.severity_text for seen in told.logs} == {"INFO", "WARN", "ERROR"}
    assert all(seen.item.body.string_value for seen in told.logs)


def test_everything_happened_in_the_time_asked_for(told: Told) -> None:
    now_ns = time.time_ns()
    for seen in told.spans:
        started, ended = seen.item.start_time_unix_nano, seen.item.end_time_unix_nano
        assert now_ns - (SECONDS + 60) * 10**9 < started <= ended < now_ns


def test_what_a_span_called_happened_within_it(told: Told) -> None:
    by_id = {seen.item.span_id: seen.item for seen in told.spans}
    for seen in told.spans:
        if parent := by_id.get(seen.item.parent_span_id):
            assert parent.start_time_unix_nano <= seen.item.start_time_unix_nano
            assert seen.item.end_time_unix_nano <= parent.end_time_unix_nano


def points_of(metric: Any) -> list[Any]:
    return list(getattr(metric, metric.WhichOneof("data")).data_points)


def test_metrics_of_every_kind_cover_the_time_asked_for(told: Told) -> None:
    kinds = {metric.name: metric.WhichOneof("data") for metric in told.metrics}
    assert kinds["shop.queue.backlog"] == "gauge"
    assert kinds["faas.invocations"] == "sum"
    assert kinds["faas.invoke_duration"] == "histogram"
    assert kinds["shop.order.value"] == "exponential_histogram"
    times = {point.time_unix_nano for metric in told.metrics for point in points_of(metric)}
    assert max(times) - min(times) > SECONDS // 2 * 10**9


def test_counts_of_a_metric_agree_with_the_spans(told: Told) -> None:
    durations = [metric for metric in told.metrics if metric.name == "faas.invoke_duration"]
    last = max(point.time_unix_nano for metric in durations for point in points_of(metric))
    counted = sum(
        point.count for metric in durations for point in points_of(metric) if point.time_unix_nano == last
    )
    assert counted == len(told.where(lambda seen: seen.item.kind == SERVER))


def test_a_new_version_is_released_on_the_way(told: Told) -> None:
    versions = {seen.resource["faas.version"] for seen in told.invocations("orders-api")}
    assert versions == {"7", "8"}


def course(told: Told) -> Counter[tuple[str, str, int]]:
    return Counter((seen.service, seen.item.name, seen.item.status.code) for seen in told.spans)


def test_the_same_seed_gives_the_same_course_with_new_ids(told: Told) -> None:
    with receiver() as received:
        again = tell(received, run(received.url))
    assert course(again) == course(told)
    assert not {seen.item.trace_id for seen in again.spans} & {seen.item.trace_id for seen in told.spans}


def test_few_requests_and_many_are_fine() -> None:
    steps: list[tuple[int, int]] = []
    with receiver() as received:
        one = run(received.url, requests=1, progress=lambda done, total: steps.append((done, total)))
        many = run(received.url, requests=400, seconds=300, seed=7)
    assert steps == [(1, 1)]
    assert one.spans + many.spans == len(tell(received, many).spans)


def test_the_endpoint_and_headers_of_opentelemetry_are_respected(monkeypatch: pytest.MonkeyPatch) -> None:
    with receiver() as received:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", f"{received.url}/")
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_HEADERS", "authorization=Bearer%20t")
        run(requests=1, headers={"x-shop": "1"})
    assert {(seen["authorization"], seen["x-shop"]) for seen in received.headers} == {("Bearer t", "1")}


def test_an_endpoint_where_nothing_answers_is_said_at_once() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        url = f"http://127.0.0.1:{taken.getsockname()[1]}"
    with pytest.raises(DemoError, match=rf"^nothing answers at {url}: start Coldlight with `coldlight up`$"):
        run(url, progress=lambda *_: pytest.fail("the demo went on"))


def test_a_receiver_that_refuses_is_said_at_once_with_its_reason() -> None:
    with receiver() as received:
        received.status[Signal.TRACES] = 401
        with pytest.raises(DemoError, match=r"did not take an empty request: .*401.*Unauthorized"):
            run(received.url)


@pytest.mark.parametrize(("signal", "what"), [(Signal.LOGS, "log records"), (Signal.METRICS, "data points")])
def test_a_refused_batch_ends_the_demo_with_an_error(signal: Signal, what: str) -> None:
    with receiver() as received:
        received.status[signal] = 400
        with pytest.raises(DemoError, match=rf"did not take \d+ {what}: .*400"):
            run(received.url)


@pytest.mark.parametrize(
    "endpoint", ["127.0.0.1:4318", "ftp://127.0.0.1", "http://", "http://[::1", "http://h:x"]
)
def test_an_endpoint_that_is_no_url_is_refused(endpoint: str) -> None:
    with pytest.raises(DemoError, match=r"is no endpoint: write a URL such as http://127\.0\.0\.1:4318"):
        run(endpoint)


@pytest.mark.parametrize("wrong", [{"requests": 0}, {"seconds": 10}])
def test_too_little_traffic_is_refused(wrong: dict[str, int]) -> None:
    with pytest.raises(DemoError, match="1 or more requests, and 300 or more seconds"):
        run("http://127.0.0.1:1", **wrong)  # type: ignore[arg-type]


def test_a_disabled_sdk_is_said() -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OTEL_SDK_DISABLED", "true")
        with pytest.raises(DemoError, match="OTEL_SDK_DISABLED"):
            run()


def test_the_key_of_an_item_is_as_the_layer_makes_it() -> None:
    assert item_key("orders", {"pk": {"S": "a"}}) == "dynamodb:orders#83c10959759d7aeb254f2883a47758a1"
