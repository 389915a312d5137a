"""What the recorder sent, read with OpenTelemetry's own protobuf classes, and handlers that run as the layer wraps them."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import TypeVar

from opentelemetry.proto.trace.v1.trace_pb2 import Span

from coldlight_lambda import bootstrap, frames, patches, recorder

T = TypeVar("T")
CLIENT, INTERNAL = Span.SPAN_KIND_CLIENT, Span.SPAN_KIND_INTERNAL
ERROR = 2


class Recording:
    """A sink that keeps what it gets."""

    def __init__(self) -> None:
        self.frames: list[tuple[bytes, str, bytes]] = []

    def send(self, kind: bytes, request_id: str, content: bytes) -> None:
        self.frames.append((kind, request_id, content))

    def invoke(self, work: Callable[[], T], request_id: str = "request-1") -> T:
        """Runs `work` as the handler of an invocation."""
        handler = bootstrap.wrap(lambda event, context: work())
        result: T = handler({}, SimpleNamespace(aws_request_id=request_id, function_name="shop"))
        return result

    def spans(self, request_id: str = "request-1") -> list[Span]:
        """Those that have ended, but for the invocation's own."""
        return [
            Span.FromString(content)
            for kind, of, content in self.frames
            if (kind, of) == (frames.SPAN, request_id)
        ]

    def only(self) -> Span:
        (span,) = self.spans()
        return span

    def root(self, request_id: str = "request-1") -> Span:
        (root,) = [
            Span.FromString(content)
            for kind, of, content in self.frames
            if (kind, of) == (frames.END, request_id)
        ]
        return root

    def announced(self) -> list[bytes]:
        return [Span.FromString(content).span_id for kind, _, content in self.frames if kind == frames.OPEN]


@contextmanager
def recording() -> Iterator[Recording]:
    """The layer's patches, installed for as long as this lasts."""
    kept, sink = list(sys.meta_path), Recording()
    recorder.sink = sink
    recorder._told.clear()
    patches.install()
    try:
        yield sink
    finally:
        recorder.sink, recorder.bridge = None, None
        sys.meta_path[:] = kept
        while patches._replaced:
            setattr(*patches._replaced.pop())
