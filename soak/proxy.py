"""A TCP proxy before ClickHouse that is away, or breaks connections in the middle of an insert, when told to."""

import asyncio
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from enum import Enum, auto
from threading import Event, Thread

_CHUNK = 1 << 16
_INSERT = b"INSERT INTO otel_"


class Break(Enum):
    """Where an insert meets its end."""

    REQUEST = auto()
    """Half of it is passed on."""
    ANSWER = auto()
    """All of it is passed on, but nobody hears how it went."""


class Proxy:
    """Passes connections on to a port of this machine, from a loop in a thread of its own.

    `is_open` may be changed at any time; closed, it drops every connection. `breaks` is used up from the left, one
    for each insert that comes by; `inserting` is set by each.
    """

    def __init__(self, target: int, is_open: bool) -> None:
        self.port = 0
        self.is_open = is_open
        self.breaks: deque[Break] = deque()
        self.inserting = Event()
        self._target = target

    async def listen(self) -> asyncio.Server:
        server = await asyncio.start_server(self._pass_on, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        return server

    async def _pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if not self.is_open:
            writer.transport.abort()
            return
        try:
            far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self._target)
        except ConnectionRefusedError:  # nobody is there, as whoever asks shall see
            writer.transport.abort()
            return
        broken: list[Break] = []
        pumps = [
            asyncio.create_task(self._pass_requests(reader, far_writer, broken)),
            asyncio.create_task(self._pass_answers(far_reader, writer, broken)),
        ]
        await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
        for pump in pumps:
            pump.cancel()
        await asyncio.gather(*pumps, return_exceptions=True)
        writer.transport.abort()
        far_writer.transport.abort()

    async def _pass_requests(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, broken: list[Break]
    ) -> None:
        while (chunk := await reader.read(_CHUNK)) and self.is_open:
            if _INSERT in chunk:
                self.inserting.set()
                if self.breaks:
                    broken.append(self.breaks.popleft())
            if Break.REQUEST in broken:
                chunk = chunk[: len(chunk) // 2]
            writer.write(chunk)
            await writer.drain()
            if Break.REQUEST in broken:
                return

    async def _pass_answers(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, broken: list[Break]
    ) -> None:
        while (chunk := await reader.read(_CHUNK)) and self.is_open and Break.ANSWER not in broken:
            writer.write(chunk)
            await writer.drain()


@contextmanager
def proxy(target: int, is_open: bool) -> Iterator[Proxy]:
    """A proxy to the port `target` for the length of the block."""
    made = Proxy(target, is_open)
    loop = asyncio.new_event_loop()
    thread = Thread(target=loop.run_forever)
    thread.start()
    server = asyncio.run_coroutine_threadsafe(made.listen(), loop).result()
    try:
        yield made
    finally:
        asyncio.run_coroutine_threadsafe(_end(server), loop).result()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


async def _end(server: asyncio.Server) -> None:
    server.close()
    left = asyncio.all_tasks() - {asyncio.current_task()}
    for task in left:
        task.cancel()
    await asyncio.gather(*left, return_exceptions=True)
