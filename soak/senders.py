"""Senders as exporters are: they send a request until it is acknowledged, and never believe that it was before."""

import http.client
import random
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import md5
from threading import Event, Lock, Thread

from opentelemetry.proto.metrics.v1.metrics_pb2 import Metric

from coldlight_storage import Signal
from coldlight_storage.testing import (
    attributes,
    clock_ns,
    log_record,
    logs_request,
    metrics_request,
    span,
    traces_request,
)

_TYPE = {"Content-Type": "application/x-protobuf"}
_PATIENCE_S, _PAUSE_S, _PEACE_S = 5, 0.05, 180
_SIGNALS = (Signal.TRACES, Signal.TRACES, Signal.LOGS, Signal.METRICS)
TRACE, TEXT = "soak.trace", "soak.text"
_WORDS = ("cold", "light", "ä€😀", "'\\\"", "\t", "")


@dataclass(frozen=True)
class Request:
    """What one request promises: a span, a log record or a data point of each name, with its attributes.

    Nothing of it is found in any other request. It is all made of its `number`, so it can be made again.
    """

    number: int
    signal: Signal
    trace: int
    items: tuple[tuple[str, dict[str, str]], ...]

    @property
    def trace_id(self) -> str:
        return f"{self.trace:032x}"

    @property
    def content(self) -> str:
        """What `verdict.STORED` makes of its rows."""
        rows = sorted(f"{name} {_listed(attributes)}" for name, attributes in self.items)
        return md5("\n".join(rows).encode(), usedforsecurity=False).hexdigest()

    def body(self) -> bytes:
        """As it is sent."""
        if self.signal is Signal.TRACES:
            spans = (
                span(number, trace=self.trace, name=name, attributes=more)
                for number, (name, more) in enumerate(self.items, 1)
            )
            return traces_request(*spans).SerializeToString()
        if self.signal is Signal.LOGS:
            records = (
                log_record(name, trace=self.trace, span=1, attributes=more) for name, more in self.items
            )
            return logs_request(*records).SerializeToString()
        points = (_metric(number, name, more) for number, (name, more) in enumerate(self.items))
        return metrics_request(*points).SerializeToString()


def _listed(attributes: dict[str, str]) -> str:
    return ",".join(sorted(f"{key}={value}" for key, value in attributes.items()))


def _metric(number: int, name: str, more: dict[str, str]) -> Metric:
    """Every other one goes to another table."""
    metric = Metric(name=name)
    points = metric.sum.data_points if number % 2 else metric.gauge.data_points
    points.add(time_unix_nano=clock_ns(), as_double=number, attributes=attributes(more))
    return metric


def request(seed: int, number: int) -> Request:
    """Request `number` of a soak, the same each time."""
    chance = random.Random(f"{seed} {number}")
    trace = (seed << 64) + number
    items = tuple(
        (f"{trace:x}-{part}", {TRACE: f"{trace:032x}", TEXT: _text(chance)})
        for part in range(chance.randint(1, 8))
    )
    return Request(number, chance.choice(_SIGNALS), trace, items)


def _text(chance: random.Random) -> str:
    return "".join(chance.choices(_WORDS, k=int(chance.paretovariate(0.7)) % 500))


@dataclass
class Obligations:
    """What was acknowledged, by number, and what is on its way. Shared by all senders."""

    seed: int
    acknowledged: list[int] = field(default_factory=list)
    repeated: int = 0
    refused: int = 0
    failures: list[str] = field(default_factory=list)
    """What no sender may meet."""
    _made: int = 0
    _lock: Lock = field(default_factory=Lock)

    def mint(self) -> Request:
        """A new request, unlike any before."""
        with self._lock:
            self._made += 1
            return request(self.seed, self._made)

    def note(self, request: Request, attempts: int) -> None:
        """An acknowledgement: from now on the request is owed."""
        with self._lock:
            self.acknowledged.append(request.number)
            self.repeated += attempts > 1

    def owed(self) -> Iterator[Request]:
        return (request(self.seed, number) for number in self.acknowledged)


@contextmanager
def sending(port: int, obligations: Obligations, senders: int) -> Iterator[None]:
    """Sends for the length of the block. At its end every request under way is still sent until it is acknowledged."""
    ended, abandoned = Event(), Event()
    threads = [
        Thread(target=_send_all, args=(port, obligations, random.Random(number), ended, abandoned))
        for number in range(senders)
    ]
    for thread in threads:
        thread.start()
    try:
        yield
        ended.set()
        deadline = time.monotonic() + _PEACE_S
        for thread in threads:
            thread.join(max(0, deadline - time.monotonic()))
            if thread.is_alive():
                obligations.failures.append(f"a request is not acknowledged after {_PEACE_S} s in peace")
    finally:
        ended.set()
        abandoned.set()
        for thread in threads:
            thread.join()


def _send_all(
    port: int, obligations: Obligations, chance: random.Random, ended: Event, abandoned: Event
) -> None:
    try:
        while not ended.is_set():
            request, attempts = obligations.mint(), 1
            body = request.body()
            while not _send(port, request.signal, body, obligations):
                attempts += 1
                if abandoned.wait(_PAUSE_S):
                    return
            obligations.note(request, attempts)
            time.sleep(chance.expovariate(1 / _PAUSE_S))
    except Exception as error:  # noqa: BLE001 - a thread would die of it unnoticed
        obligations.failures.append(f"a sender has failed: {error!r}")


def _send(port: int, signal: Signal, body: bytes, obligations: Obligations) -> bool:
    """Whether the request was acknowledged. Raises ValueError for an answer that would make an exporter give up."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=_PATIENCE_S)
    try:
        connection.request("POST", f"/v1/{signal}", body, _TYPE)
        answer = connection.getresponse()
        said = answer.read()
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
    if answer.status == 503:
        obligations.refused += 1
        return False
    if answer.status != 200:
        raise ValueError(f"answered {answer.status} to a good request: {said!r}")
    return True
