"""The way from the recorder to the shipper: never waits, never raises, and says what it had to drop."""

from __future__ import annotations

import json
import os
import select
import socket
import threading
import time
from collections import deque

from coldlight_lambda import frames

TYPE_CHECKING = False
if TYPE_CHECKING:
    from coldlight_lambda.spans import Attributes

_MOST_HELD_BYTES = 4 << 20
"""Kept while the shipper does not read; after that, what comes is dropped and counted."""
_CONNECT_TIMEOUT_S = 0.05
_PAUSE_S = 0.1
_PIECE = 1 << 20
_DRAIN_MS = 500


class Line:
    """A connection to the shipper's port on loopback, made when there is something to say.

    What the system's buffers do not take at once is held, and goes as soon as they do: a thread that lives only then
    sees to it, so that the last words of an invocation are not kept for the next one.
    """

    def __init__(self, port: int, resource: Attributes) -> None:
        self._port = port
        self._hello = frames.encode(frames.HELLO, "", json.dumps(resource).encode())
        self._forget()
        os.register_at_fork(after_in_child=self._forget)

    def _forget(self) -> None:
        """A child process has a line of its own: on one that two write to, frames would be cut to pieces."""
        self._lock = threading.Lock()
        self._socket: socket.socket | None = None
        self._held: deque[bytes] = deque()
        self._held_bytes = 0
        self._is_cut = False
        self._is_draining = False
        self._next_try = 0.0
        self.dropped = 0

    def send(self, kind: bytes, request_id: str, content: bytes) -> None:
        """Hands a frame over, now or later."""
        with self._lock:
            try:
                self._hold(frames.encode(kind, request_id, content))
            except ValueError:
                self.dropped += 1
            self._flush()
            if self._held and self._socket is not None and not self._is_draining:
                self._begin_to_drain()

    def _hold(self, frame: bytes) -> None:
        if self._held_bytes + len(frame) > _MOST_HELD_BYTES:
            self.dropped += 1
            return
        if self.dropped:
            told = frames.encode(frames.DROPPED, "", str(self.dropped).encode())
            self._append(told)
            self.dropped = 0
        self._append(frame)

    def _append(self, frame: bytes) -> None:
        self._held.append(frame)
        self._held_bytes += len(frame)

    def _flush(self) -> None:
        if self._socket is None and not self._connect():
            return
        assert self._socket is not None
        try:
            while self._held:
                piece = self._held[0]
                sent = self._socket.send(piece[:_PIECE])
                self._held_bytes -= sent
                self._is_cut = sent < len(piece)
                if self._is_cut:
                    self._held[0] = piece[sent:]
                else:
                    self._held.popleft()
        except BlockingIOError:
            return  # it reads slowly, or not at all: `_drain` goes on
        except OSError:
            self._lose()

    def _begin_to_drain(self) -> None:
        try:
            threading.Thread(target=self._drain, name="coldlight-line", daemon=True).start()
        except RuntimeError:
            return  # no more threads can be had: the next frame takes along what is held
        self._is_draining = True

    def _drain(self) -> None:
        """Until everything held has gone, or the line is lost."""
        while True:
            with self._lock:
                self._flush()
                waiting = self._socket if self._held else None
                if waiting is None:
                    self._is_draining = False
                    return
                writable = select.poll()  # `select` knows no more than 1,024 files
                writable.register(waiting, select.POLLOUT)
            writable.poll(_DRAIN_MS)

    def _connect(self) -> bool:
        now = time.monotonic()
        if now < self._next_try:
            return False
        self._next_try = now + _PAUSE_S
        try:
            connected = socket.create_connection(("127.0.0.1", self._port), _CONNECT_TIMEOUT_S)
        except OSError:
            return False
        connected.setblocking(False)
        connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._held.appendleft(self._hello)
        self._held_bytes += len(self._hello)
        self._socket = connected
        return True

    def _lose(self) -> None:
        """The shipper is gone. Half a frame would be read as a broken one: the rest of it goes with the connection."""
        assert self._socket is not None
        self._socket.close()
        self._socket = None
        if self._is_cut:
            self._held_bytes -= len(self._held.popleft())
            self.dropped += 1
            self._is_cut = False
