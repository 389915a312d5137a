"""Invocations that run at once, as on Managed Instances, and those that make too many spans."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from types import SimpleNamespace
from typing import Any

import pytest
from opentelemetry.proto.trace.v1.trace_pb2 import Span
from tests.otlp import attributes

from coldlight_lambda import bootstrap, frames, recorder


class Frames(list[tuple[bytes, str, bytes]]):
    """What the recorder hands over."""

    def send(self, kind: bytes, request_id: str, content: bytes) -> None:
        self.append((kind, request_id, content))

    def spans(self, kind: bytes, request_id: str) -> list[Span]:
        return [Span.FromString(content) for told, of, content in self if (told, of) == (kind, request_id)]


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> Frames:
    sent = Frames()
    monkeypatch.setattr(recorder, "sink", sent)
    return sent


def context(request_id: str) -> Any:
    return SimpleNamespace(aws_request_id=request_id, function_name="orders", invoked_function_arn="")


def test_invocations_that_run_at_once_keep_their_spans_apart(sent: Frames) -> None:
    together = Barrier(8)

    def handler(event: Any, _: Any) -> Any:
        together.wait(10)
        span = recorder.start(f"of {event}")
        together.wait(10)
        assert span is not None
        recorder.end(span)
        return event

    wrapped = bootstrap.wrap(handler)
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda number: wrapped(number, context(str(number))), range(8)))
    assert answers == list(range(8))
    for number in map(str, range(8)):
        [span], [own] = sent.spans(frames.SPAN, number), sent.spans(frames.END, number)
        assert span.name == f"of {number}"
        assert (span.trace_id, span.parent_span_id) == (own.trace_id, own.span_id)
        assert attributes(own)["faas.invocation_id"] == number


def test_spans_beyond_too_many_are_counted(sent: Frames, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recorder, "MOST_SPANS", 3)

    def handler(event: Any, _: Any) -> None:
        for _number in range(5):
            span = recorder.start("span")
            if span is not None:
                recorder.end(span)

    bootstrap.wrap(handler)(None, context("id"))
    [own] = sent.spans(frames.END, "id")
    assert len(sent.spans(frames.SPAN, "id")) == 3
    assert attributes(own)["coldlight.dropped_spans"] == 2


def test_an_invocation_in_another_one_is_one_of_its_own(sent: Frames) -> None:
    inner = bootstrap.wrap(lambda event, _: event)
    outer = bootstrap.wrap(lambda event, _: inner(event, context("inner")))
    assert outer("x", context("outer")) == "x"
    assert [len(sent.spans(frames.END, of)) for of in ("inner", "outer")] == [1, 1]


def test_a_handler_that_calls_another_one_is_one_invocation(sent: Frames) -> None:
    inner = bootstrap.wrap(lambda event, _: event)
    outer = bootstrap.wrap(lambda event, context: inner(event, context))
    assert outer("x", context("1")) == "x"
    assert len(sent.spans(frames.END, "1")) == 1


def test_a_handler_is_wrapped_once() -> None:
    wrapped = bootstrap.wrap(lambda event, _: event)
    assert bootstrap.wrap(wrapped) is wrapped
