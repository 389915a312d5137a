"""A crowd of rude clients: whatever they do, the server keeps nothing of them and trips over none."""

import asyncio
import contextlib
import random
from collections.abc import Callable, Coroutine
from typing import Any

import pytest
import uvloop

from coldlight_collector.http.messages import Budget, Limits, Refusal, Request, Response
from coldlight_collector.http.server import serve

WHOLE = (
    b"POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 3000\r\n\r\n" + b"x" * 3000,
    b"POST /a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3e8\r\n"
    + b"y" * 1000
    + b"\r\n0\r\n\r\n",
)
BROKEN = (WHOLE[0][:1500], WHOLE[0][:30], WHOLE[1][:500], b"\r\n", b"nonsense\r\n\r\n")
HURRIED = Limits(
    connections=40,
    header_timeout_s=0.1,
    body_timeout_s=0.1,
    idle_timeout_s=0.1,
    write_timeout_s=0.1,
    patience_s=0.05,
    linger_s=0.1,
)


async def answer(request: Request) -> Response:
    await asyncio.sleep(len(request.body) / 1e6)
    return Response(200, b"z" * 100_000)


def refuse(refusal: Refusal) -> Response:
    return Response(refusal.status, refusal.reason.encode())


async def visit(port: int, whim: random.Random) -> None:
    """Sends good and broken requests in odd pieces, reads a part of the answers, and leaves politely or not."""
    with contextlib.suppress(ConnectionError):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for _ in range(whim.randint(1, 4)):
            stream = b"".join(whim.choice(WHOLE + BROKEN * whim.randint(0, 1)) for _ in range(6))
            for start in range(0, len(stream), 2000):
                if writer.is_closing():
                    return
                writer.write(stream[start : start + 2000])
                await asyncio.sleep(whim.choice((0, 0, 0.01)))
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(reader.read(whim.randint(1, 200_000)), 0.02)
        if whim.random() < 0.5:
            writer.transport.abort()
        else:
            writer.close()


async def receive_a_crowd() -> None:
    mishaps: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: mishaps.append(context))
    budget = Budget(100_000)
    server = await serve(answer, refuse, "127.0.0.1", 0, HURRIED, budget)
    async with asyncio.timeout(60):
        for wave in range(3):
            await asyncio.gather(*(visit(server.port, random.Random(f"{wave}.{n}")) for n in range(60)))
        while server.connections or budget.held:
            await asyncio.sleep(0.01)
        crowd = [asyncio.create_task(visit(server.port, random.Random(n))) for n in range(20)]
        await asyncio.sleep(0.02)
        await server.stop(0.05)
        assert (server.connections, budget.held, mishaps) == (0, 0, [])
        await asyncio.gather(*crowd)
    assert set(server.refusals) <= {400, 408, 503}
    assert server.refusals[400] > 0


@pytest.mark.parametrize("run", [asyncio.run, uvloop.run], ids=["asyncio", "uvloop"])
def test_a_crowd_leaves_nothing_behind(run: Callable[[Coroutine[Any, Any, None]], None]) -> None:
    run(receive_a_crowd())
