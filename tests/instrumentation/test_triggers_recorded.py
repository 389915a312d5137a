from typing import Any

import pytest
from awslambdaric.lambda_context import LambdaContext
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status
from tests.instrumentation.samples import FIRST, XRAY, sample
from tests.otlp import attributes

from coldlight_lambda import frames, recorder
from coldlight_lambda.bootstrap import wrap


class Sink:
    """Keeps what the recorder sends."""

    def __init__(self) -> None:
        self.sent: dict[bytes, bytes] = {}

    def send(self, kind: bytes, request_id: str, content: bytes) -> None:
        self.sent[kind] = content


@pytest.fixture
def sink(monkeypatch: pytest.MonkeyPatch) -> Sink:
    kept = Sink()
    monkeypatch.setattr(recorder, "sink", kept)
    return kept


def invoked(sink: Sink, event: Any, result: Any) -> Span:
    """The span of an invocation, as it is sent when it has ended."""
    arn = "arn:aws:lambda:eu-central-1:111122223333:function:checkout"
    wrap(lambda event, context: result)(event, LambdaContext("request-1", None, None, 1, arn))
    return Span.FromString(sink.sent[frames.END])


def test_an_invocation_by_http_is_its_callers_child_and_ends_with_its_status(sink: Sink) -> None:
    span = invoked(sink, sample("apigateway-rest"), {"statusCode": 503})
    assert (span.trace_id, span.parent_span_id) == FIRST
    assert attributes(span)["http.response.status_code"] == 503
    assert span.status.code == Status.STATUS_CODE_ERROR
    assert list(span.links) == []


def test_an_invocation_by_a_queue_has_a_link_and_a_link_key_for_every_message(sink: Sink) -> None:
    event = sample("sqs")
    span = invoked(sink, event, None)
    expected = [f"sqs:{record['messageId']}" for record in event["Records"]]
    assert [(link.trace_id, link.span_id) for link in span.links] == [FIRST, XRAY]
    assert attributes(span)["coldlight.link.consumed"] == expected
    assert span.parent_span_id == b""
    assert span.trace_id not in (FIRST[0], XRAY[0])
