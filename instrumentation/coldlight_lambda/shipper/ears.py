"""Listens on loopback: to the recorder's frames, and to what the Telemetry API posts. One thread, however many speak."""

from __future__ import annotations

import os
import selectors
import socket

from coldlight_lambda import frames
from coldlight_lambda.log import tell
from coldlight_lambda.shipper.http1 import BrokenMessage, Messages
from coldlight_lambda.shipper.loops import forever

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from coldlight_lambda.shipper.station import Station

    Feed = Callable[[socket.socket, bytes], None]

_PIECE = 256 << 10
_MOST_CONNECTIONS, _OTHER_FILES = 2_000, 64
"""A Managed Instance runs up to 1,600 invocations at once, in Python each in a process of its own."""
_LONGEST_BATCH = 8 << 20
"""The platform is asked for at most 256 KiB, but one line may be longer."""
_TICK_S = 1.0
_OK = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"


class Ears:
    """What is heard goes to the station."""

    def __init__(self, station: Station, telemetry: socket.socket, recorder: socket.socket | None) -> None:
        """Two sockets that listen; without that of the recorder, it is in this very process."""
        self._station = station
        self._selector = selectors.DefaultSelector()
        self._speaking = 0
        self._most = min(_MOST_CONNECTIONS, os.sysconf("SC_OPEN_MAX") - _OTHER_FILES)
        self._hear(telemetry, self._hear_telemetry)
        if recorder is not None:
            self._hear(recorder, self._hear_frames)

    def _hear(self, listener: socket.socket, hear: Callable[[], Feed]) -> None:
        listener.setblocking(False)
        self._selector.register(listener, selectors.EVENT_READ, (None, hear))

    def start(self) -> None:
        forever("coldlight-ears", self._listen)

    def _listen(self) -> None:
        for key, _ in self._selector.select(_TICK_S):
            feed, hear = key.data
            assert isinstance(key.fileobj, socket.socket)
            if hear is not None:
                self._accept(key.fileobj, hear())
            else:
                self._read(key.fileobj, feed)
        self._station.tick()

    def _accept(self, listener: socket.socket, feed: Feed) -> None:
        try:
            connection, _ = listener.accept()
        except OSError:
            return  # it has hung up already
        if self._speaking >= self._most:
            with self._station.changed:
                self._station.refused += 1
            connection.close()
            return
        self._speaking += 1
        connection.setblocking(False)
        self._selector.register(connection, selectors.EVENT_READ, (feed, None))

    def _read(self, connection: socket.socket, feed: Feed) -> None:
        try:
            received = connection.recv(_PIECE)
            if received:
                feed(connection, received)
                return
        except BlockingIOError:
            return
        except Exception as error:  # noqa: BLE001 - who sends what cannot be read loses the connection, and no more
            tell(f"a connection is closed: {type(error).__name__}: {error}")
        self._selector.unregister(connection)
        connection.close()
        self._speaking -= 1

    def _hear_frames(self) -> Feed:
        reader = frames.Frames()

        def feed(connection: socket.socket, received: bytes) -> None:
            for kind, request_id, content in reader.feed(received):
                self._station.send(kind, request_id, content)

        return feed

    def _hear_telemetry(self) -> Feed:
        reader = Messages(_LONGEST_BATCH)

        def feed(connection: socket.socket, received: bytes) -> None:
            for message in reader.feed(received):
                if not message.first.startswith("POST "):
                    raise BrokenMessage(f"nobody posts by {message.first[:80]!r}")
                self._station.telemetry(message.body)
                connection.send(_OK)

        return feed
