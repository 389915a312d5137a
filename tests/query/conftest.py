"""The query service over each form of the store."""

from collections.abc import AsyncIterator

import pytest
from tests.query.api import Api, open_api

from coldlight_storage import Store


@pytest.fixture
async def api(store: Store) -> AsyncIterator[Api]:
    async with open_api(store) as api:
        yield api
