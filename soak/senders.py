"""Senders as exporters are: they send a request until it is acknowledged, and never believe that it was before."""

import http.client
import random
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Event, Lock, Thread

from coldlight_storage import Signal
from coldlight_storage.testing import log_record, logs_request, span, traces_request

_TYPE = {"Content-Type": "application/x-protobuf"}
_PATIENCE_S = 5


@dataclass(frozen=True)
class Request:
    """What one request promises: `names` are the span names or log bodies in it, found nowhere else."""

    signal: Signal
    trace_id: str
    names: frozenset[str]
    body: bytes


@dataclass
class Obligations:
    """What was acknowledged, and what is on its way. Shared by all senders."""

    seed: int
    acknowledged: list[Request] = field(default_factory=list)
    repeated: int = 0
    refused: int = 0
    _made: int = 0
    _lock: Lock = field(default_factory=Lock)

    def mint(self, chance: random.Random) -> Request:
        """A new request, unlike any before."""
        with self._lock:
            self._made += 1
            number = (self.seed << 64) + self._made
        names = [f"{number:x}-{part}" for part in range(chance.randint(1, 8))]
        trace = number + 1
        trace_id = f"{trace:032x}"
        if chance.random() < 0.3:
            logs = logs_request(*(log_record(name, trace=trace, span=1) for name in names))
            return Request(Signal.LOGS, trace_id, frozenset(names), logs.SerializeToString())
        spans = traces_request(*(span(part + 1, trace=trace, name=name) for part, name in enumerate(names)))
        return Request(Signal.TRACES, trace_id, frozenset(names), spans.SerializeToString())

    def note(self, request: Request, attempts: int) -> None:
        """An acknowledgement: from now on the request is owed."""
        with self._lock:
            self.acknowledged.append(request)
            self.repeated += attempts > 1


@contextmanager
def sending(port: int, obligations: Obligations, senders: int) -> Iterator[None]:
    """Sends for the length of the block. At its end every request under way is still sent until it is acknowledged."""
    ended = Event()
    threads = [
        Thread(
            target=_send_all, args=(port, obligations, random.Random(f"{obligations.seed} {number}"), ended)
        )
        for number in range(senders)
    ]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        ended.set()
        for thread in threads:
            thread.join()


def _send_all(port: int, obligations: Obligations, chance: random.Random, ended: Event) -> None:
    while not ended.is_set():
        request, attempts = obligations.mint(chance), 1
        while not _send(port, request, obligations):
            attempts += 1
            time.sleep(0.05)
        obligations.note(request, attempts)


def _send(port: int, request: Request, obligations: Obligations) -> bool:
    """Whether the request was acknowledged. Fails for an answer that would make an exporter give up."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=_PATIENCE_S)
    try:
        connection.request("POST", f"/v1/{request.signal}", request.body, _TYPE)
        answer = connection.getresponse()
        answer.read()
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
    if answer.status == 503:
        obligations.refused += 1
        return False
    assert answer.status == 200, f"answered {answer.status} to a good request"
    return True
