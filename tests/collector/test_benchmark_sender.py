"""The benchmarks send what they say: requests with ids of their own, each until a collector acknowledges it."""

import asyncio
import socket
from select import select

import httpx
import pytest
from benchmarks.connections import Connection
from benchmarks.sender import Sent, prepare, send
from benchmarks.signals import LOGS, TRACES
from benchmarks.signals import Signal as Sending
from tests.collector.firehose import Recorder

from coldlight_collector.intake import Accepted, Payload, Unavailable
from coldlight_storage.signals import Signal


class RefusesOnce(Recorder):
    """An intake that has no room for the first request, and takes what comes after."""

    refused: bool = False

    async def __call__(self, signal: Signal, payload: Payload) -> Accepted:
        if not self.refused:
            self.refused = True
            raise Unavailable("the journal is full", retry_after_s=0)
        return await super().__call__(signal, payload)


async def sent_to(door: httpx.AsyncClient, signal: Sending, requests: int, items: int) -> Sent:
    prepared = prepare(signal, requests, items, seed=1, attributes=12)
    return await asyncio.to_thread(send, prepared, [str(door.base_url)], 3, items)


async def test_every_span_has_an_id_of_its_own(door: httpx.AsyncClient, stored: Recorder) -> None:
    sent = await sent_to(door, TRACES, requests=50, items=5)
    spans = [
        span
        for request in stored.requests(Signal.TRACES)
        for resource_spans in request.resource_spans
        for scope_spans in resource_spans.scope_spans
        for span in scope_spans.spans
    ]
    assert sent.items == 250
    assert len({span.span_id for span in spans}) == 250
    assert {span.trace_id.hex() for span in spans} == set(sent.trace_ids)


async def test_every_log_record_has_a_span_id_of_its_own(door: httpx.AsyncClient, stored: Recorder) -> None:
    await sent_to(door, LOGS, requests=50, items=5)
    assert len({record.span_id for record in stored.log_records()}) == 250


def test_a_request_larger_than_a_socket_takes_at_once_arrives_whole() -> None:
    request = bytes(range(256)) * 8192
    ours, theirs = socket.socketpair()
    ours.setblocking(False)
    with ours, theirs:
        connection, received = Connection(ours), b""
        connection.send(request)
        assert connection.unsent
        while len(received) < len(request):
            received += theirs.recv(len(request))
            select([], [ours], [])
            connection.send_rest()
    assert received == request


class TestRefused:
    @pytest.fixture
    def stored(self) -> Recorder:
        return RefusesOnce()

    async def test_a_request_refused_for_now_is_sent_again(
        self, door: httpx.AsyncClient, stored: Recorder
    ) -> None:
        sent = await sent_to(door, TRACES, requests=10, items=5)
        assert sent.retries == 1
        assert len(stored.taken) == 10
