"""The recorder's line to the shipper, with real sockets at its other end."""

import json
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from tests.system.processes import eventually

from coldlight_lambda import frames, lines
from coldlight_lambda.frames import Frames
from coldlight_lambda.lines import Line

RESOURCE = {"service.name": "orders"}
Received = tuple[bytes, str, bytes]


@pytest.fixture
def shipper() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(10)
        yield listener


def port(of: socket.socket) -> int:
    bound: int = of.getsockname()[1]
    return bound


def read(connection: socket.socket, least: int) -> list[Received]:
    """At least so many frames."""
    connection.settimeout(10)
    reader, received = Frames(), list[Received]()
    while len(received) < least:
        piece = connection.recv(1 << 20)
        assert piece, "the line is closed"
        received += reader.feed(piece)
    return received


def test_a_line_says_hello_before_everything(shipper: socket.socket) -> None:
    line = Line(port(shipper), RESOURCE)
    line.send(frames.START, "id", b"start")
    line.send(frames.END, "id", b"end")
    connection, _ = shipper.accept()
    with connection:
        hello, *rest = read(connection, 3)
    assert hello[0] == frames.HELLO
    assert json.loads(hello[2]) == RESOURCE
    assert rest == [(frames.START, "id", b"start"), (frames.END, "id", b"end")]


def test_what_the_system_does_not_take_at_once_follows_by_itself(shipper: socket.socket) -> None:
    line = Line(port(shipper), RESOURCE)
    sent = [(frames.SPAN, "id", bytes([number]) * (300 << 10)) for number in range(24)]
    for frame in sent:
        line.send(*frame)
    connection, _ = shipper.accept()
    with connection:
        received = read(connection, 1 + len(sent) - line.dropped)
    assert received[1:] == sent[: len(received) - 1]


def test_what_is_dropped_is_counted_and_told(shipper: socket.socket, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lines, "_MOST_HELD_BYTES", 1000)
    monkeypatch.setattr(lines, "_PAUSE_S", 0.0)
    taken = port(shipper)
    line = Line(taken, RESOURCE)
    shipper.close()
    for _ in range(5):
        line.send(frames.SPAN, "id", bytes(400))
    assert line.dropped == 3
    with socket.create_server(("127.0.0.1", taken)) as again:
        line.send(frames.END, "id", b"end")
        connection, _ = again.accept()
        with connection:
            received = read(connection, 5)
    assert [kind for kind, _, _ in received] == [b"H", b"P", b"P", b"D", b"E"]
    assert received[3][2] == b"3"


def test_without_a_shipper_nothing_waits_and_nothing_is_raised() -> None:
    line = Line(9, RESOURCE)
    for _ in range(100):
        line.send(frames.SPAN, "id", b"content")
    line.send(frames.SPAN, "id" * 200, b"content")
    assert line.dropped == 1


def test_should_the_thread_that_drains_it_fail_the_next_frame_takes_along_what_is_held(
    shipper: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    uncaught: list[object] = []
    monkeypatch.setattr(threading, "excepthook", uncaught.append)
    line = Line(port(shipper), RESOURCE)
    sent = [(frames.SPAN, "id", bytes([number]) * (3 << 20)) for number in range(3)]
    with monkeypatch.context() as failing:
        failing.setattr(line, "_take_more", None)
        line.send(*sent[0])
        line.send(*sent[1])
        eventually(lambda: not line._is_draining, "the end of the thread")
    connection, _ = shipper.accept()
    with connection:
        line.send(*sent[2])
        assert read(connection, 4 - line.dropped)[1:] == sent[: 3 - line.dropped]
    assert not uncaught


def test_a_shipper_that_comes_back_is_told_what_was_not_sent(shipper: socket.socket) -> None:
    line = Line(port(shipper), RESOURCE)
    line.send(frames.START, "id", b"first")
    connection, _ = shipper.accept()
    read(connection, 2)
    connection.close()

    def is_heard_again() -> bool:
        line.send(frames.SPAN, "id", b"next")
        shipper.settimeout(0.05)
        try:
            again, _ = shipper.accept()
        except TimeoutError:
            return False
        with again:
            return read(again, 2)[1][2] == b"next"

    eventually(is_heard_again, "a new connection")


def test_a_child_process_has_a_line_of_its_own(shipper: socket.socket) -> None:
    line = Line(port(shipper), RESOURCE)
    line.send(frames.START, "parent", b"")
    first, _ = shipper.accept()
    child = os.fork()
    if not child:
        line.send(frames.START, "child", b"")
        os._exit(0)
    os.waitpid(child, 0)
    second, _ = shipper.accept()
    with first, second:
        assert [read(connection, 2)[1][1] for connection in (first, second)] == ["parent", "child"]


INTERRUPTED = """
import signal, sys, threading
from coldlight_lambda import frames
from coldlight_lambda.lines import Line

line, interruptions = Line(int(sys.argv[1]), {}), []

def interrupt(*_):
    interruptions.append(1)
    line.send(frames.SPAN, "handler", b"x" * 100)

signal.signal(signal.SIGALRM, interrupt)
signal.setitimer(signal.ITIMER_REAL, 0.0001, 0.0001)
for _ in range(5000):
    line.send(frames.SPAN, "own", b"x" * 1000)
signal.setitimer(signal.ITIMER_REAL, 0)
for thread in threading.enumerate():
    if thread.name == "coldlight-line":
        thread.join()
print(len(interruptions), line.dropped)
"""


def test_a_signals_handler_may_send_whatever_it_interrupts(shipper: socket.socket) -> None:
    command = [sys.executable, "-c", INTERRUPTED, str(port(shipper))]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        connection, _ = shipper.accept()
        with connection:
            received = read(connection, 5001)
            assert process.stdout is not None
            interruptions, dropped = map(int, process.stdout.read().split())
            missing = 5001 + interruptions - len(received)
            received += read(connection, missing) if missing else []
    assert interruptions > 0
    assert dropped == 0
    senders = [request_id for _, request_id, _ in received]
    assert (senders.count("own"), senders.count("handler")) == (5000, interruptions)


def test_what_threads_send_at_once_arrives_whole_and_in_each_ones_order(shipper: socket.socket) -> None:
    line = Line(port(shipper), RESOURCE)

    def send(name: int) -> None:
        for number in range(500):
            line.send(frames.SPAN, str(name), str(number).encode())

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(send, range(4)))
    connection, _ = shipper.accept()
    with connection:
        received = read(connection, 2001)
    for name in range(4):
        assert [int(content) for _, of, content in received if of == str(name)] == list(range(500))
