"""What all routes share: whose rows they read, and that they read and write them off the event loop."""

import asyncio
from collections.abc import Callable
from typing import Annotated, Any

import orjson
from fastapi import Depends, Request, Response

from coldlight_query.metrics import TimedReader
from coldlight_storage import Reader, Stores

STATUSES = (400, 503, 504, 507)
"""What any route that asks the store may answer beside 200."""


def _reader(request: Request) -> Reader:
    """The store of the reader's tenant, and of nobody else's."""
    stores: Stores = request.app.state.stores
    return TimedReader(stores.ready(request.state.tenant), request.app.state.metrics)


ReaderDependency = Annotated[Reader, Depends(_reader)]


async def answer(read: Callable[..., dict[str, Any]], *arguments: Any) -> Response:
    """Reads and writes JSON off the event loop: neither a query nor a large trace may hold up other requests."""
    return await asyncio.to_thread(lambda: as_json(read(*arguments)))


def as_json(body: dict[str, Any]) -> Response:
    return Response(orjson.dumps(body), media_type="application/json")
