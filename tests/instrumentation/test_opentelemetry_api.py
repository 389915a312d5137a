import asyncio
import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import boto3
import pytest
from opentelemetry import context, propagate, trace
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.util._once import Once
from tests.instrumentation.http_echo import Echo, echo
from tests.instrumentation.injection import harm
from tests.instrumentation.recordings import ERROR, Recording, recording
from tests.otlp import attributes

from coldlight_lambda import recorder
from coldlight_lambda.patches import opentelemetry_api
from coldlight_lambda.spans import CLIENT

SUPPRESS = context._SUPPRESS_INSTRUMENTATION_KEY


@pytest.fixture
def recorded(monkeypatch: pytest.MonkeyPatch) -> Iterator[Recording]:
    """The layer in a process whose OpenTelemetry API has no provider yet."""
    monkeypatch.setattr(trace, "_TRACER_PROVIDER", None)
    monkeypatch.setattr(trace, "_TRACER_PROVIDER_SET_ONCE", Once())
    monkeypatch.setattr(opentelemetry_api, "_state", {})
    with recording() as found:
        yield found


@pytest.fixture
def no_sdk(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "opentelemetry.sdk.trace", None)


@pytest.fixture(params=["with the SDK", "with the API alone"])
def installed(request: pytest.FixtureRequest) -> str:
    kind: str = request.param
    if kind == "with the API alone":
        request.getfixturevalue("no_sdk")
    return kind


def call(name: str) -> None:
    """Something that a patch of ours records."""
    span = recorder.start(name, CLIENT)
    if span is not None:
        recorder.end(span)


def parents(recorded: Recording, request_id: str = "request-1") -> dict[str, str]:
    """Of each span the name of its parent, all of one trace."""
    root, spans = recorded.root(request_id), recorded.spans(request_id)
    names = {root.span_id: "root", **{span.span_id: span.name for span in spans}}
    assert {span.trace_id for span in spans} <= {root.trace_id}
    return {span.name: names[span.parent_span_id] for span in spans}


def test_spans_of_the_function_and_ours_are_of_one_trace(recorded: Recording, installed: str) -> None:
    tracer = trace.get_tracer("shop", "1.0")

    def handler() -> None:
        with tracer.start_as_current_span("checkout", attributes={"cart.items": 3}) as span:
            span.add_event("priced", {"total": 9.5})
            call("GET")
            with tracer.start_as_current_span("pay"):
                pass
        call("PUT")

    recorded.invoke(handler)
    assert parents(recorded) == {"GET": "checkout", "pay": "checkout", "checkout": "root", "PUT": "root"}
    (checkout,) = [span for span in recorded.spans() if span.name == "checkout"]
    assert attributes(checkout) == {"otel.scope.name": "shop", "otel.scope.version": "1.0", "cart.items": 3}
    assert [(event.name, attributes(event)) for event in checkout.events] == [("priced", {"total": 9.5})]
    assert ("opentelemetry.sdk.trace" in opentelemetry_api._state["provider"].__class__.__module__) == (
        installed == "with the SDK"
    )


def test_an_exception_is_recorded_and_passes(recorded: Recording, installed: str) -> None:
    def handler() -> None:
        with trace.get_tracer("shop").start_as_current_span("checkout"):
            raise ValueError("mine")

    with pytest.raises(ValueError, match="mine"):
        recorded.invoke(handler)
    span = recorded.only()
    assert span.status.code == ERROR
    assert [event.name for event in span.events] == ["exception"]


def test_a_function_may_decorate_its_own(recorded: Recording, installed: str) -> None:
    tracer = trace.get_tracer("shop")

    @tracer.start_as_current_span("price")
    def price() -> int:
        return 3

    @tracer.start_as_current_span("stock")
    async def stock() -> int:
        return price()

    assert recorded.invoke(lambda: asyncio.run(stock())) == 3
    assert parents(recorded) == {"price": "stock", "stock": "root"}


def test_the_current_span_of_the_api_is_ours_and_can_be_added_to(recorded: Recording) -> None:
    def handler() -> dict[str, str]:
        span = trace.get_current_span()
        span.set_attribute("user.tier", "gold")
        span.end()  # is not theirs to end
        headers: dict[str, str] = {}
        propagate.inject(headers)
        return headers

    sent = recorded.invoke(handler)
    assert attributes(recorded.root())["user.tier"] == "gold"
    assert sent["traceparent"].split("-")[2] == recorded.root().span_id.hex()
    assert not trace.get_current_span().get_span_context().is_valid


def test_threads_and_pools_keep_the_span_of_the_function(recorded: Recording) -> None:
    tracer = trace.get_tracer("shop")

    def work(name: str) -> None:
        with tracer.start_as_current_span(name):
            call(f"GET {name}")

    def handler() -> None:
        with tracer.start_as_current_span("checkout"), ThreadPoolExecutor(1) as pool:
            pool.submit(work, "in a pool").result()
            thread = threading.Thread(target=work, args=("in a thread",))
            thread.start()
            thread.join()

    recorded.invoke(handler)
    assert parents(recorded) == {
        "GET in a pool": "in a pool",
        "in a pool": "checkout",
        "GET in a thread": "in a thread",
        "in a thread": "checkout",
        "checkout": "root",
    }


def test_asynchronous_code_keeps_its_span(recorded: Recording) -> None:
    async def work(name: str) -> None:
        with trace.get_tracer("shop").start_as_current_span(name):
            await asyncio.sleep(0)
            call(f"GET {name}")

    async def both() -> None:
        await asyncio.gather(work("a"), work("b"))

    recorded.invoke(lambda: asyncio.run(both()))
    assert parents(recorded) == {"GET a": "a", "a": "root", "GET b": "b", "b": "root"}


def test_a_span_that_outlives_its_invocation_joins_no_other(recorded: Recording) -> None:
    tracer = trace.get_tracer("shop")
    spans: list[trace.Span] = []
    recorded.invoke(lambda: spans.append(tracer.start_span("slow")))
    recorded.invoke(lambda: spans[0].end(), "request-2")
    assert parents(recorded) == {"slow": "root"}
    assert recorded.spans("request-2") == []


def test_a_provider_that_the_function_sets_is_used_and_never_replaced(recorded: Recording) -> None:
    tracer = trace.get_tracer("shop")
    recorded.invoke(lambda: tracer.start_span("early").end(), "request-0")
    exporter, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    trace.set_tracer_provider(provider)

    def handler() -> None:
        with tracer.start_as_current_span("checkout"):
            call("GET")

    recorded.invoke(handler)
    assert trace.get_tracer_provider() is provider
    assert [span.name for span in exporter.get_finished_spans()] == ["checkout"]
    assert parents(recorded, "request-0") == {"early": "root"}
    assert parents(recorded) == {"GET": "checkout", "checkout": "root"}


def test_a_provider_that_was_there_before_is_joined(
    recorded: Recording, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trace, "_TRACER_PROVIDER", TracerProvider())
    recorded.invoke(lambda: trace.get_tracer("shop").start_span("checkout").end())
    assert parents(recorded) == {"checkout": "root"}


def test_exporters_that_the_function_names_get_its_spans_too(
    recorded: Recording, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with echo() as url:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", url)
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_COMPRESSION", "none")
        monkeypatch.setenv("OTEL_TRACES_EXPORTER", "otlp, nosuch")
        recorded.invoke(lambda: trace.get_tracer("shop").start_span("checkout").end())
        opentelemetry_api._state["provider"].shutdown()
    exported = ExportTraceServiceRequest.FromString(Echo.bodies["/v1/traces"])
    ours, theirs = recorded.only(), exported.resource_spans[0].scope_spans[0].spans[0]
    assert (ours.name, ours.span_id) == (theirs.name, theirs.span_id)
    assert "not installed: nosuch" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("variables", "names"),
    [
        ({}, []),
        ({"OTEL_TRACES_EXPORTER": "none"}, []),
        ({"OTEL_TRACES_EXPORTER": "otlp,zipkin_json"}, ["otlp_proto_http", "zipkin_json"]),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:4318"}, ["otlp_proto_http"]),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "x", "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}, ["otlp_proto_grpc"]),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "x", "OTEL_TRACES_EXPORTER": "none"}, []),
    ],
)
def test_exporters_are_those_of_the_otel_variables(
    variables: dict[str, str], names: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for variable, value in variables.items():
        monkeypatch.setenv(variable, value)
    assert opentelemetry_api._exporters() == names


@pytest.mark.parametrize(
    ("variable", "value"), [("OTEL_TRACES_SAMPLER", "always_off"), ("OTEL_SDK_DISABLED", "true")]
)
def test_what_the_otel_variables_switch_off_is_off(
    variable: str, value: str, recorded: Recording, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, value)
    recorded.invoke(lambda: trace.get_tracer("shop").start_span("checkout").end())
    assert recorded.spans() == []


def test_what_an_instrumentation_records_is_not_recorded_twice(recorded: Recording) -> None:
    theirs = trace.get_tracer("opentelemetry.instrumentation.requests")

    def handler() -> None:
        with theirs.start_as_current_span("GET", kind=trace.SpanKind.CLIENT):
            call("ours, below theirs")

    recorded.invoke(handler)
    assert recorded.only().name == "GET"


def test_a_call_of_aws_that_an_instrumentation_records_names_its_span_to_aws(
    recorded: Recording, capsys: pytest.CaptureFixture[str]
) -> None:
    theirs = trace.get_tracer("opentelemetry.instrumentation.botocore")

    def handler(url: str) -> Any:
        keys = {"aws_access_key_id": "a", "aws_secret_access_key": "b"}
        client = boto3.client("lambda", "eu-west-1", endpoint_url=f"{url}/echo?", **keys)
        client.invoke(FunctionName="shop")  # whose events are listened to from then on
        with theirs.start_as_current_span("Lambda.Invoke by theirs", kind=trace.SpanKind.CLIENT):
            return json.loads(client.invoke(FunctionName="shop")["Payload"].read())

    with echo() as url:
        headers = recorded.invoke(lambda: handler(url))
    ours, span = recorded.spans()
    assert (ours.name, span.name) == ("Lambda.Invoke", "Lambda.Invoke by theirs")
    assert f"Parent={span.span_id.hex()}" in headers["x-amzn-trace-id"]
    assert capsys.readouterr().err == ""  # the echo's answers have no request id


def test_a_call_of_aws_that_outlives_its_invocation_names_no_span(
    recorded: Recording, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("_X_AMZN_TRACE_ID", raising=False)
    is_over, answers = threading.Event(), list[Any]()

    def linger(client: Any) -> None:
        is_over.wait(10)
        answers.append(json.loads(client.invoke(FunctionName="shop")["Payload"].read()))

    def handler(url: str) -> threading.Thread:
        keys = {"aws_access_key_id": "a", "aws_secret_access_key": "b"}
        client = boto3.client("lambda", "eu-west-1", endpoint_url=f"{url}/echo?", **keys)
        client.invoke(FunctionName="shop")
        thread = threading.Thread(target=linger, args=(client,))
        thread.start()
        return thread

    with echo() as url:
        thread = recorded.invoke(lambda: handler(url))
        is_over.set()
        thread.join()
    assert "x-amzn-trace-id" not in answers[0]


def test_instrumentations_are_told_that_a_call_is_recorded(recorded: Recording) -> None:
    def handler() -> list[Any]:
        span = recorder.start("ours", CLIENT)
        assert span is not None
        token = recorder.enter(span)
        within = context.get_value(SUPPRESS)
        recorder.leave(token)
        return [within, context.get_value(SUPPRESS)]

    assert recorded.invoke(handler) == [True, None]


def test_a_call_that_was_never_left_is_gone_with_its_invocation(recorded: Recording) -> None:
    def handler() -> None:
        span = recorder.start("forgotten", CLIENT)
        assert span is not None
        recorder.enter(span)

    recorded.invoke(handler)
    assert not trace.get_current_span().get_span_context().is_valid
    assert context.get_value(SUPPRESS) is None


def test_what_exporters_do_is_not_recorded(recorded: Recording) -> None:
    def handler() -> None:
        token = context.attach(context.set_value(SUPPRESS, True))
        call("POST")
        context.detach(token)

    recorded.invoke(handler)
    assert recorded.spans() == []


def test_outside_of_an_invocation_nothing_is_recorded_or_set_up(recorded: Recording) -> None:
    with trace.get_tracer("shop").start_as_current_span("checkout") as span:
        assert not span.is_recording()
    assert recorded.frames == []
    assert opentelemetry_api._state == {}


def test_an_error_in_the_recorder_changes_nothing(recorded: Recording, installed: str) -> None:
    def work() -> str:
        tracer = trace.get_tracer("shop")
        with tracer.start_as_current_span("checkout", links=[]) as span:
            span.set_attribute("a", 1)
            span.add_event("paid", {"b": 2})
            with tracer.start_as_current_span("pay"):
                return "paid"

    assert harm(work, recorded.invoke) == []
    assert not trace.get_current_span().get_span_context().is_valid


def test_the_api_is_loaded_by_the_function_alone_and_maybe_within_an_invocation() -> None:
    script = """
import sys
from types import SimpleNamespace
from coldlight_lambda import bootstrap, frames, patches, recorder

sent = []
recorder.sink = SimpleNamespace(send=lambda kind, request_id, content: sent.append((kind, content)))
patches.install()
assert "opentelemetry" not in sys.modules

def handler(event, context):
    from opentelemetry import trace
    with trace.get_tracer("shop").start_as_current_span("checkout"):
        pass

bootstrap.wrap(handler)({}, SimpleNamespace(aws_request_id="request-1"))
print([b"checkout" in content for kind, content in sent if kind == frames.SPAN])
"""
    folder = Path(recorder.__file__).parents[1]
    done = subprocess.run(
        [sys.executable, "-c", script],
        capture_output=True,
        text=True,
        check=True,
        env={"PYTHONPATH": str(folder)},
    )
    assert done.stdout.strip() == "[True]"
