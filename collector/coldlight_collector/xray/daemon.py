"""The X-Ray daemon's UDP port: a header line, a newline, and one segment document a datagram.

UDP has no answers. What cannot be taken is counted (`coldlight_xray_*`), and the log says so now and then.
"""

import asyncio
import json
import logging
import socket
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, Metric
from prometheus_client.registry import Collector

from coldlight_collector.intake import Intake, Refused, Unavailable
from coldlight_collector.xray.documents import Rejection, Translation, translate
from coldlight_storage.signals import Signal

log = logging.getLogger(__name__)

_SMALL_BYTES = 64 * 1024
_KERNEL_BYTES = 4 * 2**20
_HEADER = {"format": "json", "version": 1}


@dataclass(frozen=True)
class DaemonLimits:
    """How datagrams are gathered, in bytes and seconds."""

    waiting_bytes: int = 64 * 2**20
    """Datagrams that wait to be stored; what comes on top is dropped, and counted."""
    batch_bytes: int = 2**20
    """What is handed on as one payload. The smallest segment has some 60 bytes, so no batch has too many."""
    linger_s: float = 0.01
    """How long the first datagram of a batch waits for others."""
    silence_s: float = 10
    """The least time between two complaints in the log."""


@dataclass
class DaemonCounts:
    """What has come in, and what of it is lost."""

    datagrams: int = 0
    dropped_datagrams: int = 0
    rejections: Counter[str] = field(default_factory=Counter)
    """By X-Ray's error code, and `InvalidHeader`."""


class XRayDaemon(asyncio.DatagramProtocol):
    """A running receiver. `port` is the one it got."""

    def __init__(self, intake: Intake, limits: DaemonLimits, port: int) -> None:
        self.port = port
        self.counts = DaemonCounts()
        self._intake = intake
        self._limits = limits
        self._waiting: list[bytes] = []
        self._waiting_bytes = 0
        self._arrived = asyncio.Event()
        self._stopping = asyncio.Event()
        self._told_at = float("-inf")
        self._untold: Counter[str] = Counter()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport
        self._handing_on = asyncio.create_task(self._hand_on(), name="x-ray")

    def datagram_received(self, data: bytes, addr: object) -> None:
        self.counts.datagrams += 1
        if self._waiting_bytes + len(data) > self._limits.waiting_bytes:
            self._drop(1)
            return
        self._waiting.append(data)
        self._waiting_bytes += len(data)
        self._arrived.set()

    async def stop(self, grace_s: float) -> None:
        """Receives nothing more, and hands on what is here within `grace_s` seconds."""
        self._transport.close()
        self._stopping.set()
        self._arrived.set()
        await asyncio.wait([self._handing_on], timeout=grace_s)
        self._handing_on.cancel()
        await asyncio.wait([self._handing_on])
        self._drop(len(self._waiting))
        self._waiting.clear()

    async def _hand_on(self) -> None:
        while self._waiting or not self._stopping.is_set():
            await self._arrived.wait()
            self._arrived.clear()
            with suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), self._limits.linger_s)
            while self._waiting:
                await self._store(self._next_batch())
            self._tell()

    def _next_batch(self) -> list[bytes]:
        size = end = 0
        for datagram in self._waiting:
            if size and size + len(datagram) > self._limits.batch_bytes:
                break
            size, end = size + len(datagram), end + 1
        batch, self._waiting = self._waiting[:end], self._waiting[end:]
        return batch

    async def _store(self, batch: Sequence[bytes]) -> None:
        """Tries until it is stored, while others wait: nobody else has these datagrams any more."""
        parts = [batch]
        try:
            while parts:
                parts += await self._store_part(parts.pop())
        finally:
            self._waiting_bytes -= sum(map(len, batch))
            self._drop(sum(map(len, parts)))

    async def _store_part(self, part: Sequence[bytes]) -> list[Sequence[bytes]]:
        """Gives the halves of what is too large together: one datagram must not cost another."""
        try:
            translation = await self._translate(part)
            while not await self._is_taken(translation):
                pass
            self._note(translation.rejections)
        except Refused as refused:
            if middle := len(part) // 2:
                return [part[middle:], part[:middle]]
            self._note([Rejection(None, "DocumentTooLarge", str(refused))])
        except asyncio.CancelledError:
            self._drop(len(part))
            raise
        except Exception:
            # All datagrams go through this task, which has to go on. UDP has nobody to tell: the log and a counter do.
            log.exception("X-Ray: %d datagrams failed", len(part))
            self._drop(len(part))
        return []

    def _drop(self, datagrams: int) -> None:
        self.counts.dropped_datagrams += datagrams
        if datagrams:
            self._untold["dropped"] += datagrams

    async def _translate(self, batch: Sequence[bytes]) -> Translation:
        if sum(map(len, batch)) > _SMALL_BYTES:
            return await asyncio.to_thread(read_datagrams, batch)
        return read_datagrams(batch)

    async def _is_taken(self, translation: Translation) -> bool:
        try:
            await self._intake(Signal.TRACES, translation.payload)
        except Unavailable as unavailable:
            await asyncio.sleep(unavailable.retry_after_s)
            return False
        return True

    def _note(self, rejections: Sequence[Rejection]) -> None:
        codes = Counter(rejection.code for rejection in rejections)
        self.counts.rejections += codes
        self._untold += codes

    def _tell(self) -> None:
        now = asyncio.get_running_loop().time()
        if self._untold and now - self._told_at >= self._limits.silence_s:
            told = ", ".join(f"{what} ({count})" for what, count in self._untold.most_common())
            log.warning("X-Ray: not all that came over UDP could be stored: %s", told)
            self._untold.clear()
            self._told_at = now


def read_datagrams(datagrams: Sequence[bytes]) -> Translation:
    """The documents of some datagrams as one payload."""
    documents, rejections = [], []
    for datagram in datagrams:
        header, _, document = datagram.partition(b"\n")
        if _is_header(header):
            documents.append(document)
        else:
            reason = 'the first line: send {"format": "json", "version": 1}, then a newline and one document'
            rejections.append(Rejection(None, "InvalidHeader", reason))
    return translate(documents, rejections)


def _is_header(line: bytes) -> bool:
    """Whether a line says what the daemon's header must (AWS X-Ray Developer Guide, "Sending trace data")."""
    if len(line) > 256:
        return False
    try:
        header = json.loads(line)
    except (ValueError, RecursionError):
        return False
    return isinstance(header, dict) and {key: header.get(key) for key in _HEADER} == _HEADER


async def listen(
    intake: Intake, host: str, port: int, registry: CollectorRegistry, limits: DaemonLimits | None = None
) -> XRayDaemon:
    """Listens on `host` and `port` (0 picks a free one) until it is stopped. Raises OSError."""
    listener = await _bind(host, port)
    daemon = XRayDaemon(intake, limits or DaemonLimits(), listener.getsockname()[1])
    await asyncio.get_running_loop().create_datagram_endpoint(lambda: daemon, sock=listener)
    registry.register(_Metrics(daemon.counts))
    return daemon


async def _bind(host: str, port: int) -> socket.socket:
    """A socket of our own: the system shall keep what arrives while the event loop is busy."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_DGRAM)
    family, kind, protocol, _, address = found[0]
    listener = socket.socket(family, kind, protocol)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _KERNEL_BYTES)
        listener.setblocking(False)
        listener.bind(address)
    except OSError:
        listener.close()
        raise
    return listener


@dataclass(frozen=True, eq=False)  # the registry keeps it in a dictionary
class _Metrics(Collector):
    counts: DaemonCounts

    def collect(self) -> Iterator[Metric]:
        counts = self.counts
        name, meaning = "coldlight_xray_datagrams", "X-Ray datagrams received"
        yield CounterMetricFamily(name, meaning, value=counts.datagrams)
        name, meaning = (
            "coldlight_xray_dropped_datagrams",
            "X-Ray datagrams lost: too many waited, or they failed here",
        )
        yield CounterMetricFamily(name, meaning, value=counts.dropped_datagrams)
        meaning = "X-Ray segments received over UDP and not stored, by X-Ray's error code"
        family = CounterMetricFamily("coldlight_xray_rejected_segments", meaning, labels=["code"])
        for code, count in counts.rejections.items():
            family.add_metric([code], count)
        yield family
