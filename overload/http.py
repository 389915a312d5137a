"""A client that sends requests one after the other over one connection, and opens another when that is gone."""

import asyncio
from contextlib import suppress
from dataclasses import dataclass
from types import TracebackType
from typing import Self

_PATIENCE_S = 30
_HEAD = "POST {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nContent-Type: {type}\r\nContent-Length: {size}\r\n{more}\r\n"


@dataclass
class Client:
    """`source` is the address to send from: all of 127.0.0.0/8 is this machine."""

    port: int
    source: str = "127.0.0.1"
    _reader: asyncio.StreamReader | None = None
    _writer: asyncio.StreamWriter | None = None

    async def post(
        self, path: str, body: bytes, kind: str = "application/x-protobuf", encoding: str = ""
    ) -> int:
        """The status of the answer; 0 when there is none, because the connection broke or half a minute was over."""
        try:
            async with asyncio.timeout(_PATIENCE_S):
                return await self._post(path, body, kind, encoding)
        except (OSError, EOFError, ValueError):
            self.close()
            return 0

    async def _post(self, path: str, body: bytes, kind: str, encoding: str) -> int:
        reader, writer = await self._connected()
        more = f"Content-Encoding: {encoding}\r\n" if encoding else ""
        head = _HEAD.format(path=path, port=self.port, type=kind, size=len(body), more=more)
        sending = asyncio.ensure_future(self._send(writer, head.encode() + body))
        try:
            answer = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
        finally:
            sending.cancel()
            with suppress(OSError, asyncio.CancelledError):
                await sending
        size = answer.partition("content-length: ")[2].partition("\r\n")[0]
        await reader.readexactly(int(size or 0))
        if "connection: close" in answer:
            self.close()
        return int(answer.split()[1])

    async def _send(self, writer: asyncio.StreamWriter, data: bytes) -> None:
        writer.write(data)
        await writer.drain()

    async def _connected(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        if self._reader is None or self._writer is None:
            self._reader, self._writer = await asyncio.open_connection(
                "127.0.0.1", self.port, local_addr=(self.source, 0)
            )
        return self._reader, self._writer

    def close(self) -> None:
        if self._writer:
            self._writer.close()
        self._reader = self._writer = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
