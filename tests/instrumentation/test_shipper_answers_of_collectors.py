"""Collectors that answer what is no answer: the sender takes it for a failure, and goes on."""

import socket
import threading
from collections.abc import Iterator

import pytest
from tests.system.processes import eventually

from coldlight_lambda.shipper.outbox import TRACES
from coldlight_lambda.shipper.sender import Sender
from coldlight_lambda.shipper.station import Station

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
STRANGE = [
    b"",
    b"\r\n\r\n",
    b"SSH-2.0-OpenSSH_9.6\r\n\r\n",
    b"HTTP/1.1 \xb2\xb0\xb0 OK\r\nContent-Length: 0\r\n\r\n",
    b"HTTP/1.1 " + b"2" * 5000 + b"\r\nContent-Length: 0\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nContent-Length: \xb2\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    b"HTTP/1.1 503 Busy\r\nRetry-After: \xb2\r\nContent-Length: 0\r\n\r\n",
    b"HTTP/1.1 503 Busy\r\nRetry-After: " + b"9" * 5000 + b"\r\nContent-Length: 0\r\n\r\n",
    b"\x16\x03\x01" + b"\0" * 70_000,
]


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield listening


def answer(listener: socket.socket, answers: list[bytes]) -> None:
    """One connection after the other."""
    for given in answers:
        connection, _ = listener.accept()
        with connection:
            connection.settimeout(10)
            connection.recv(1 << 20)
            connection.sendall(given)


@pytest.mark.parametrize("strange", STRANGE, ids=range(len(STRANGE)))
def test_a_strange_answer_is_a_failure_and_the_next_try_succeeds(
    listener: socket.socket, strange: bytes
) -> None:
    station = Station({})
    sender = Sender(station, f"http://127.0.0.1:{listener.getsockname()[1]}", "")
    threading.Thread(target=answer, args=(listener, [strange, strange, OK]), daemon=True).start()
    with station.changed:
        station.outbox.add(TRACES, b"span", 4)
    sender.start()
    for _ in range(2):  # two tries each: the second one is as good as the first
        with station.changed:
            sender.hurry(5.0)
        assert station.wait_until(lambda: not station.is_wanted and not station.is_sending, 10)
    eventually(lambda: station.outbox.is_empty, "the third try")
    assert station.outbox.dropped[TRACES] == 0
