"""What several receivers' tests are given: a collector's doors, without a journal behind them."""

from collections.abc import AsyncIterator

import httpx
import pytest
from tests.collector.firehose import Recorder
from tests.collector.gates import gate
from tests.collector.zipkin_port import ZipkinPort, zipkin_port

from coldlight_collector import front_door
from coldlight_collector.http.messages import Budget, Limits
from coldlight_collector.http.router import router
from coldlight_collector.http.server import serve
from coldlight_collector.receiver import Receiver

BODY_BYTES = 1 << 22
TOKEN = "a-token"


@pytest.fixture
def stored() -> Recorder:
    return Recorder()


async def _open_door(stored: Recorder, token: str | None) -> AsyncIterator[httpx.AsyncClient]:
    budget = Budget()
    routes, refuse = front_door.receivers(Receiver(lambda _: stored, budget, BODY_BYTES), gate(token), ())
    limits = Limits(body_bytes=BODY_BYTES)
    server = await serve(router(routes, refuse), refuse, "127.0.0.1", 0, limits, budget)
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{server.port}") as client:
        yield client
    await server.stop(0)


@pytest.fixture
async def door(stored: Recorder) -> AsyncIterator[httpx.AsyncClient]:
    """The front door, open to all."""
    async for client in _open_door(stored, None):
        yield client


@pytest.fixture
async def guarded_door(stored: Recorder) -> AsyncIterator[httpx.AsyncClient]:
    """The front door of a collector with a token."""
    async for client in _open_door(stored, TOKEN):
        yield client


@pytest.fixture
async def zipkin() -> AsyncIterator[ZipkinPort]:
    """A Zipkin port that is open to all."""
    async with zipkin_port() as port:
        yield port
