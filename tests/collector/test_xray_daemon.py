"""X-Ray's UDP port: what datagrams become, and what happens to those that cannot be taken."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
from prometheus_client import CollectorRegistry
from tests.collector.xray_documents import segment

from coldlight_collector.intake import Accepted, Payload, TooLarge, Unavailable
from coldlight_collector.xray.daemon import DaemonLimits, XRayDaemon, listen
from coldlight_storage.signals import Signal
from coldlight_storage.testing import sent_form, span_id

HEADER = '{"format": "json", "version": 1}'
PATIENCE_S = 30


@dataclass
class Gate:
    """An intake that can be shut: then it is unavailable."""

    is_open: bool = True
    refused: int = 0
    fault: Exception | None = None
    most_bytes: int = 1 << 20
    taken: list[Payload] = field(default_factory=list)

    async def __call__(self, signal: Signal, payload: Payload) -> Accepted:
        assert signal is Signal.TRACES
        if self.fault:
            fault, self.fault = self.fault, None
            raise fault
        if len(payload.body) > self.most_bytes:
            raise TooLarge("too large")
        if not self.is_open:
            self.refused += 1
            raise Unavailable("shut", retry_after_s=0)
        self.taken.append(payload)
        return payload.outcome

    def span_ids(self) -> list[bytes]:
        requests = [sent_form(payload.body) for payload in self.taken]
        groups = [
            scope for request in requests for group in request.resource_spans for scope in group.scope_spans
        ]
        return [span.span_id for scope in groups for span in scope.spans]


@dataclass
class Running:
    daemon: XRayDaemon
    registry: CollectorRegistry
    sender: socket.socket

    def send(self, *datagrams: bytes | str) -> None:
        for datagram in datagrams:
            self.sender.send(datagram.encode() if isinstance(datagram, str) else datagram)

    def metric(self, name: str, **labels: str) -> float:
        value = self.registry.get_sample_value(f"coldlight_xray_{name}_total", labels)
        assert value is not None
        return value


@asynccontextmanager
async def running(gate: Gate, limits: DaemonLimits | None = None) -> AsyncIterator[Running]:
    registry = CollectorRegistry()
    daemon = await listen(gate, "127.0.0.1", 0, registry, limits)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.connect(("127.0.0.1", daemon.port))
        yield Running(daemon, registry, sender)
    await daemon.stop(PATIENCE_S)


async def eventually(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while not condition():
            await asyncio.sleep(0.01)


def datagram(document: Any, header: str = HEADER) -> str:
    return f"{header}\n{document if isinstance(document, str) else json.dumps(document)}"


async def test_a_document_in_a_datagram_is_stored() -> None:
    gate = Gate()
    async with running(gate) as up:
        up.send(datagram(segment(1)))
        await eventually(lambda: bool(gate.taken))
    assert gate.span_ids() == [span_id(1)]


@pytest.mark.parametrize(
    "header",
    ['{"format":"json","version":1}', '{"version": 1, "format": "json", "more": 2}', f" {HEADER} \r"],
)
async def test_a_header_may_be_written_in_other_ways(header: str) -> None:
    gate = Gate()
    async with running(gate) as up:
        up.send(datagram(segment(1), header))
        await eventually(lambda: bool(gate.taken))
    assert gate.span_ids() == [span_id(1)]


async def test_datagrams_that_come_together_are_one_payload() -> None:
    gate = Gate()
    async with running(gate, DaemonLimits(linger_s=1)) as up:
        up.send(*(datagram(segment(number)) for number in range(1, 101)))
        await eventually(lambda: len(gate.span_ids()) == 100)
    assert len(gate.taken) == 1
    assert gate.span_ids() == [span_id(number) for number in range(1, 101)]


async def test_a_payload_has_a_largest_size() -> None:
    gate = Gate()
    async with running(gate, DaemonLimits(linger_s=1, batch_bytes=100_000)) as up:
        up.send(*(datagram(segment(number, user="x" * 40_000)) for number in range(1, 6)))
        await eventually(lambda: len(gate.span_ids()) == 5)
    assert [payload.items for payload in gate.taken] == [2, 2, 1]


@pytest.mark.parametrize(
    ("bad", "code"),
    [
        ("", "InvalidHeader"),
        (json.dumps(segment(2)), "InvalidHeader"),
        (datagram(segment(2), ""), "InvalidHeader"),
        (datagram(segment(2), "[]"), "InvalidHeader"),
        (datagram(segment(2), '{"format": "protobuf", "version": 1}'), "InvalidHeader"),
        (datagram(segment(2), '{"format": "json", "version": 2}'), "InvalidHeader"),
        (datagram(segment(2), "[" * 60_000), "InvalidHeader"),
        (b"\x00\xff" * 100, "InvalidHeader"),
        (datagram(""), "ParseError"),
        (datagram("no JSON"), "ParseError"),
        (datagram("[" * 60_000), "ParseError"),
        (datagram(segment(2, trace_id=None)), "MissingTraceId"),
        (datagram(segment(2, start_time=-1)), "InvalidStartTime"),
    ],
)
async def test_a_bad_datagram_is_counted_and_harms_no_other(bad: str | bytes, code: str) -> None:
    gate = Gate()
    async with running(gate) as up:
        up.send(bad, datagram(segment(1)))
        await eventually(lambda: span_id(1) in gate.span_ids())
        assert up.metric("rejected_segments", code=code) == 1
        assert up.metric("datagrams") == 2
    assert gate.span_ids() == [span_id(1)]


async def test_what_is_rejected_is_in_the_outcome_as_for_other_senders() -> None:
    gate = Gate()
    async with running(gate) as up:
        up.send(datagram("no JSON"))
        await eventually(lambda: bool(gate.taken))
    assert gate.taken[0].outcome.rejected == 1


async def test_while_the_intake_is_unavailable_datagrams_wait() -> None:
    gate = Gate(is_open=False)
    async with running(gate) as up:
        up.send(datagram(segment(1)))
        await eventually(lambda: gate.refused > 2)
        up.send(datagram(segment(2)))
        gate.is_open = True
        await eventually(lambda: len(gate.span_ids()) == 2)
    assert gate.span_ids() == [span_id(1), span_id(2)]


async def test_when_too_many_wait_the_rest_is_dropped_and_counted(caplog: pytest.LogCaptureFixture) -> None:
    gate = Gate(is_open=False)
    size = len(datagram(segment(1, user="x" * 1000)))
    async with running(gate, DaemonLimits(waiting_bytes=5 * size, silence_s=0)) as up:
        up.send(*(datagram(segment(1, user="x" * 1000)) for _ in range(9)))
        await eventually(lambda: up.metric("datagrams") == 9)
        assert up.metric("dropped_datagrams") == 4
        gate.is_open = True
        await eventually(lambda: len(gate.span_ids()) == 5)
        up.send(datagram(segment(2)))
        await eventually(lambda: span_id(2) in gate.span_ids())
    assert "dropped (4)" in caplog.text
    assert "xxx" not in caplog.text


async def test_the_log_complains_at_most_now_and_then(caplog: pytest.LogCaptureFixture) -> None:
    gate = Gate()
    async with running(gate, DaemonLimits(silence_s=3600)) as up:
        for number in range(1, 4):
            up.send(datagram(f"secret {number}"))
            await eventually(lambda: len(gate.taken) == number)  # noqa: B023 awaited here
    assert caplog.text.count("ParseError") == 1
    assert "secret" not in caplog.text


async def test_a_datagram_that_is_too_large_costs_no_other(caplog: pytest.LogCaptureFixture) -> None:
    gate = Gate(most_bytes=10_000)
    async with running(gate, DaemonLimits(linger_s=1, silence_s=0)) as up:
        sizes = {number: 20_000 if number == 3 else 4_000 for number in range(1, 8)}
        up.send(*(datagram(segment(number, user="x" * size)) for number, size in sizes.items()))
        await eventually(lambda: len(gate.span_ids()) == 6)
        await eventually(lambda: "DocumentTooLarge" in caplog.text)
        assert up.metric("rejected_segments", code="DocumentTooLarge") == 1
        assert up.metric("dropped_datagrams") == 0
    assert gate.span_ids() == [span_id(number) for number in (1, 2, 4, 5, 6, 7)]


async def test_a_mistake_of_ours_costs_one_payload_and_is_counted() -> None:
    gate = Gate(fault=ZeroDivisionError())
    async with running(gate) as up:
        up.send(datagram(segment(1)))
        await eventually(lambda: up.metric("dropped_datagrams") == 1)
        up.send(datagram(segment(2)))
        await eventually(lambda: bool(gate.taken))
    assert gate.span_ids() == [span_id(2)]


async def test_a_stop_hands_on_what_has_arrived() -> None:
    gate = Gate()
    async with running(gate, DaemonLimits(linger_s=60)) as up:
        up.send(datagram(segment(1)))
        await eventually(lambda: up.metric("datagrams") == 1)
        await asyncio.wait_for(up.daemon.stop(PATIENCE_S), PATIENCE_S)
    assert gate.span_ids() == [span_id(1)]


async def test_a_stop_counts_what_it_cannot_hand_on() -> None:
    gate = Gate(is_open=False)
    async with running(gate) as up:
        up.send(datagram(segment(1)))
        await eventually(lambda: gate.refused > 0)
        up.send(datagram(segment(2)))
        await eventually(lambda: up.metric("datagrams") == 2)
        await up.daemon.stop(0.05)
        assert up.metric("dropped_datagrams") == 2


async def test_a_port_that_is_taken_is_an_error() -> None:
    async with running(Gate()) as up:
        with pytest.raises(OSError, match="in use"):
            await listen(Gate(), "127.0.0.1", up.daemon.port, CollectorRegistry())
