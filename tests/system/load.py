"""Well-behaved senders beside a test: they send spans for as long as these are acknowledged, and take note of it."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from itertools import count
from threading import Event, Thread
from typing import Any
from uuid import uuid4

import grpc
import httpx
from opentelemetry.proto.collector.trace.v1.trace_service_pb2_grpc import TraceServiceStub
from tests.system.processes import Service, eventually

from coldlight_storage.testing import span, traces_request

EXPORT_TIMEOUT_S = 10
"""What OTLP exporters wait for an answer by default."""

SPANS_A_REQUEST = 5

Send = Callable[[Any], None]
"""Sends a request; raises unless all of it was acknowledged."""


@dataclass
class Load:
    """The spans of one trace, by span id in hex, and what went wrong with sending them."""

    number: int = field(default_factory=lambda: uuid4().int)
    sent: set[str] = field(default_factory=set)
    acknowledged: set[str] = field(default_factory=set)
    failures: list[str] = field(default_factory=list)

    @property
    def trace_id(self) -> str:
        return f"{self.number:032x}"


@contextmanager
def http_sender(up: Service) -> Iterator[Send]:
    with httpx.Client(base_url=up.otlp_http, timeout=EXPORT_TIMEOUT_S) as client:

        def send(request: Any) -> None:
            headers = {"Content-Type": "application/x-protobuf"}
            answer = client.post("/v1/traces", content=request.SerializeToString(), headers=headers)
            answer.raise_for_status()
            assert not answer.content, answer.content

        yield send


@contextmanager
def grpc_sender(up: Service) -> Iterator[Send]:
    with grpc.insecure_channel(up.otlp_grpc.removeprefix("http://")) as channel:
        export = TraceServiceStub(channel).Export  # type: ignore[no-untyped-call]

        def send(request: Any) -> None:
            assert not export(request, timeout=EXPORT_TIMEOUT_S).HasField("partial_success")

        yield send


@contextmanager
def sending(up: Service, pause_s: float = 0) -> Iterator[Load]:
    """Two senders over HTTP and two over gRPC, each until its first failure or the end of the block."""
    load, enough = Load(), Event()
    with ExitStack() as stack:
        senders = [stack.enter_context(kind(up)) for kind in (http_sender, grpc_sender) for _ in range(2)]
        threads = [
            Thread(target=_send_until, args=(lambda: enough.wait(pause_s), load, send, sender << 32))
            for sender, send in enumerate(senders, 1)
        ]
        for thread in threads:
            thread.start()
        try:
            yield load
        finally:
            enough.set()
            for thread in threads:
                thread.join()


def _send_until(enough: Callable[[], bool], load: Load, send: Send, first: int) -> None:
    for start in count(first, SPANS_A_REQUEST):
        if enough():
            return
        numbers = range(start, start + SPANS_A_REQUEST)
        ids = {f"{number:016x}" for number in numbers}
        load.sent |= ids
        try:
            send(traces_request(*(span(number, trace=load.number) for number in numbers), service="load"))
        except (httpx.HTTPError, grpc.RpcError, AssertionError) as error:
            load.failures.append(repr(error))
            return
        load.acknowledged |= ids


def stored(up: Service, load: Load) -> list[str]:
    """The span ids of the load's trace, once all that were acknowledged are to be seen."""
    ids: list[str] = []

    def complete() -> bool:
        ids[:] = [span["span_id"] for span in up.trace(load.trace_id)["spans"]]
        return load.acknowledged.issubset(ids)

    eventually(complete, f"the {len(load.acknowledged)} acknowledged spans of trace {load.trace_id}")
    return ids
