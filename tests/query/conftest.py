"""The query service over each form of the store."""

import socket
from collections.abc import AsyncIterator

import pytest
from tests.query.api import Api, open_api

from coldlight_storage import ServerStore, Store, parse_address


@pytest.fixture
async def api(store: Store) -> AsyncIterator[Api]:
    async with open_api(store) as api:
        yield api


@pytest.fixture
async def cut_off() -> AsyncIterator[Api]:
    """The API over a ClickHouse server that is not there."""
    with socket.socket() as taken:  # bound, but nobody listens
        taken.bind(("127.0.0.1", 0))
        store = ServerStore(parse_address(f"http://127.0.0.1:{taken.getsockname()[1]}"))
        async with open_api(store) as api:
            yield api
        store.close()
