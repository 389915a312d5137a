"""The HTTP server of the query service, on a real port."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
from prometheus_client import CollectorRegistry
from tests.query.api import TAIL, stores_of

from coldlight_query.app import create_app
from coldlight_query.server import serve
from coldlight_storage import Store
from coldlight_storage.state import open_state
from coldlight_storage.testing import Put, clock_ns, log_record, logs_request, tokens_known


async def test_a_stop_ends_the_tails_that_are_followed(store: Store, put: Put, tmp_path: Path) -> None:
    state = open_state(None, tmp_path)
    app = create_app(stores_of(store), state, tokens_known(), CollectorRegistry(), "1.2.3", clock_ns)
    server = await serve(app, "127.0.0.1", 0)
    address = f"http://127.0.0.1:{server.port}{TAIL}"
    async with httpx.AsyncClient() as client, client.stream("GET", address) as response:
        lines = response.aiter_lines()
        assert await anext(lines) == "event: began"
        put(logs_request(log_record("declined")))
        assert '"body": "declined"' in await _data_of("log", lines)
        await asyncio.wait_for(server.stop(), timeout=30)
        assert [line async for line in lines if line.startswith("event")] == []


async def _data_of(event: str, lines: AsyncIterator[str]) -> str:
    async for line in lines:
        if line == f"event: {event}":
            return await anext(lines)
    raise AssertionError(f"the tail ended without {event}")
