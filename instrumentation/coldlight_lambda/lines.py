"""The way from the recorder to the shipper: never waits, never raises, and says what it had to drop.

`_socket` is what `socket` is built on. The rest of that is a quarter of the recorder's import, and nobody has imported it by then: not the
runtime client, nor a function without libraries.
"""

from __future__ import annotations

import _socket
import json
import os
import select
import threading
import time
from collections import deque

from coldlight_lambda import frames
from coldlight_lambda.recorder import contained

TYPE_CHECKING = False
if TYPE_CHECKING:
    from coldlight_lambda.spans import Attributes

_MOST_HELD_BYTES = 4 << 20
"""Kept while the shipper does not read; after that, what comes is dropped and counted."""
_CONNECT_TIMEOUT_S = 0.05
_PAUSE_S = 0.1
_PIECE = 1 << 20
_DRAIN_MS = 500
_NO_FRAME = b""
"""Stands for one that was too large to be one."""


class Line:
    """A connection to the shipper's port on loopback, made when there is something to say.

    What the system's buffers do not take at once is held, and goes as soon as they do: a thread that lives only then
    sees to it, so that the last words of an invocation are not kept for the next one.

    Nobody waits for the lock, for whoever has it may be interrupted by code that sends, too: a signal's handler, or a
    finalizer. What comes meanwhile is taken along by whoever has the lock.
    """

    def __init__(self, port: int, resource: Attributes) -> None:
        self._port = port
        self._hello = frames.encode(frames.HELLO, "", json.dumps(resource).encode())
        self._forget()
        os.register_at_fork(after_in_child=self._forget)

    def _forget(self) -> None:
        """A child process has a line of its own: on one that two write to, frames would be cut to pieces."""
        self._lock = threading.Lock()
        self._come: deque[bytes] = deque()
        self._socket: _socket.socket | None = None
        self._held: deque[bytes] = deque()
        self._held_bytes = 0
        self._is_cut = False
        self._is_draining = False
        self._next_try = 0.0
        self.dropped = 0

    def send(self, kind: bytes, request_id: str, content: bytes) -> None:
        """Hands a frame over, now or later."""
        try:
            self._come.append(frames.encode(kind, request_id, content))
        except ValueError:
            self._come.append(_NO_FRAME)
        self._pass_on()

    def _pass_on(self) -> None:
        """Whoever leaves the lock looks again: who came while it was taken has left it to them."""
        while self._come and self._lock.acquire(blocking=False):
            try:
                self._take()
                if self._held and self._socket is not None and not self._is_draining:
                    self._begin_to_drain()
            finally:
                self._lock.release()

    def _take(self) -> None:
        while self._come:
            self._hold(self._come.popleft())
        self._flush()

    def _hold(self, frame: bytes) -> None:
        if frame is _NO_FRAME or self._held_bytes + len(frame) > _MOST_HELD_BYTES:
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
        except BaseException as error:
            self._lose()  # whatever it was, how much of a frame has gone is not known
            if not _is_of_the_line(error):
                raise

    def _begin_to_drain(self) -> None:
        drain = threading.Thread(target=contained, args=(self._drain,), name="coldlight-line", daemon=True)
        self._is_draining = True
        try:
            drain.start()
        except RuntimeError:
            self._is_draining = False  # no more threads can be had: the next frame takes along what is held

    def _drain(self) -> None:
        """Until everything held has gone, or the line is lost."""
        try:
            writable = self._take_more()
            while writable is not None:
                writable.poll(_DRAIN_MS)
                writable = self._take_more()
        except BaseException:
            self._is_draining = False  # the next frame begins another thread
            raise
        self._pass_on()

    def _take_more(self) -> select.poll | None:
        """What tells when the next piece can go; None if there is none, or nowhere to go."""
        with self._lock:
            self._take()
            if not self._held or self._socket is None:
                self._is_draining = False
                return None
            writable = select.poll()  # `select` knows no more than 1,024 files
            writable.register(self._socket, select.POLLOUT)
            return writable

    def _connect(self) -> bool:
        now = time.monotonic()
        if now < self._next_try:
            return False
        self._next_try = now + _PAUSE_S
        try:
            self._socket = _connected(self._port)
        except OSError as error:
            if not _is_of_the_line(error):
                raise
            return False
        self._held.appendleft(self._hello)
        self._held_bytes += len(self._hello)
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


def _is_of_the_line(error: BaseException) -> bool:
    """A TimeoutError is an OSError, and what handlers of SIGALRM like to raise."""
    if not isinstance(error, OSError):
        return False
    if isinstance(error, ConnectionError):
        return True
    from coldlight_lambda import signals

    return not signals.have_raised(error)


def _connected(port: int) -> _socket.socket:
    """A socket that does not block. Raises OSError."""
    connected = _socket.socket(_socket.AF_INET, _socket.SOCK_STREAM)
    try:
        connected.settimeout(_CONNECT_TIMEOUT_S)
        connected.connect(("127.0.0.1", port))
        connected.setblocking(False)
        connected.setsockopt(_socket.IPPROTO_TCP, _socket.TCP_NODELAY, 1)
    except OSError:
        connected.close()
        raise
    return connected
