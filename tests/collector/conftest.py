"""What several receivers' tests are given."""

from collections.abc import AsyncIterator

import pytest
from tests.collector.zipkin_port import ZipkinPort, zipkin_port


@pytest.fixture
async def zipkin() -> AsyncIterator[ZipkinPort]:
    """A Zipkin port that is open to all."""
    async with zipkin_port() as port:
        yield port
