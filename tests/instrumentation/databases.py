"""Database servers for the tests of patches. For MySQL and MongoDB no registry offers one: these speak their protocols."""

import asyncio
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from socketserver import BaseRequestHandler, ThreadingTCPServer
from typing import Any

import bson


@contextmanager
def mysql() -> Iterator[int]:
    """No real MySQL: `mysql-mimic` speaks its protocol, and knows one table. Its port."""
    from mysql_mimic import MysqlServer, Session
    from mysql_mimic.errors import ErrorCode, MysqlError

    class Shop(Session):  # type: ignore[misc]
        async def query(self, expression: Any, sql: str, attrs: Any) -> Any:
            if "missing" in sql:
                raise MysqlError("Table 'missing' doesn't exist", ErrorCode.NOT_SUPPORTED_YET)
            return [(1,)], ["id"]

    is_up, ports = threading.Event(), []
    over: list[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = []

    async def serve() -> None:
        server = MysqlServer(session_factory=Shop)
        await server.start_server(host="127.0.0.1", port=0)
        assert server._server is not None
        ports.append(server._server.sockets[0].getsockname()[1])
        over.append((asyncio.get_running_loop(), asyncio.Event()))
        is_up.set()
        await over[0][1].wait()
        server.close()
        await server.wait_closed()

    thread = threading.Thread(target=lambda: asyncio.run(serve()), daemon=True)
    thread.start()
    is_up.wait(10)
    yield ports[0]
    loop, event = over[0]
    loop.call_soon_threadsafe(event.set)
    thread.join()


class _Mongo(BaseRequestHandler):
    """No real MongoDB: the messages of its protocol (OP_MSG), with an answer for each command that the tests send."""

    def handle(self) -> None:
        while head := self._exactly(16):
            length, request_id, _, _ = struct.unpack("<iiii", head)
            body = self._exactly(length - 16)
            size = struct.unpack_from("<i", body, 5)[0]
            answer = bson.encode(self._answer(bson.decode(body[5 : 5 + size])))
            message = struct.pack("<iB", 0, 0) + answer
            self.request.sendall(struct.pack("<iiii", 16 + len(message), 1, request_id, 2013) + message)

    def _exactly(self, size: int) -> bytes:
        received = b""
        while len(received) < size:
            piece = self.request.recv(size - len(received))
            if not piece:
                return b""
            received += piece
        return received

    def _answer(self, command: dict[str, Any]) -> dict[str, Any]:
        name = next(iter(command))
        if name in ("hello", "ismaster"):
            return {
                "ok": 1,
                "isWritablePrimary": True,
                "helloOk": True,
                "maxWireVersion": 21,
                "minWireVersion": 0,
            }
        if name == "find":
            ids = {"id": 0, "ns": f"shop.{command['find']}", "firstBatch": [{"_id": 1}]}
            return {"ok": 1, "cursor": ids}
        if name == "explode":
            return {"ok": 0, "code": 59, "codeName": "CommandNotFound", "errmsg": "no such command"}
        return {"ok": 1, "n": 1}


@contextmanager
def mongodb() -> Iterator[int]:
    """What speaks MongoDB's protocol; its port."""
    server = ThreadingTCPServer(("127.0.0.1", 0), _Mongo)
    server.daemon_threads = True
    server.block_on_close = False
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    yield server.server_address[1]
    server.shutdown()
    thread.join()
    server.server_close()
