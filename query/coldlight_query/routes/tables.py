"""Answers as files: `format=csv` or `format=parquet` at every route that lists something."""

import asyncio
import json
import time
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from fastapi import Request, Response
from fastapi.routing import APIRoute
from pydantic import BaseModel

from coldlight_query.problems import described
from coldlight_query.tables.layout import listing

if TYPE_CHECKING:
    from coldlight_query.tables.pages import Pages

_MEDIA_TYPES: Mapping[str, str] = {
    "csv": "text/csv; charset=utf-8; header=present",
    "parquet": "application/vnd.apache.parquet",
}


@dataclass(frozen=True)
class FileLimits:
    """A file ends with its list, or after the page with which it has as much as this.

    `at_once` files are made at a time, and others wait: one takes a few times `json_bytes` of memory.
    """

    rows: int = 100_000
    json_bytes: int = 32 << 20
    time_s: float = 20.0
    at_once: int = 2

    def are_met(self, pages: "Pages", began_s: float) -> bool:
        lasted_s = time.monotonic() - began_s
        return pages.rows >= self.rows or pages.json_bytes >= self.json_bytes or lasted_s >= self.time_s


Ask = Callable[[Request], Coroutine[Any, Any, Response]]


def listed(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The `responses` of a route whose answer may be had as a file, and that answers problems with these statuses."""
    files: dict[str, Any] = {media_type.partition(";")[0]: {} for media_type in _MEDIA_TYPES.values()}
    return described(*statuses) | {200: {"content": files}}


class TableRoute(APIRoute):
    """A route that makes files of its own answers: it asks itself for one page after the other, as any client could.

    Those whose parameters are not `TableParameters` refuse `format`, as they do whatever they do not know.
    """

    def get_route_handler(self) -> Ask:
        answer = super().get_route_handler()

        async def handle(request: Request) -> Response:
            if request.query_params.get("format") not in _MEDIA_TYPES:
                return await answer(request)
            async with request.app.state.files:
                return await self._file(request, answer)

        return handle

    async def _file(self, request: Request, answer: Ask) -> Response:
        pages = await self._read(request, answer)
        wanted = request.query_params["format"]
        body = await asyncio.to_thread(_written, pages, wanted)
        name = "-".join([*self._name_parts(), *request.query_params.getlist("table")])
        headers = {
            "Content-Disposition": f'attachment; filename="coldlight-{name}.{wanted}"',
            "Coldlight-Answer": json.dumps(pages.beside),
        }
        if pages.next_cursor is not None:
            headers["Link"] = f'<?{_query(request, pages.next_cursor)}>; rel="next"'
        return Response(body, media_type=_MEDIA_TYPES[wanted], headers=headers)

    def _name_parts(self) -> list[str]:
        """Of /api/v1/functions/{name}/invocations: functions, invocations."""
        return [part for part in self.path.split("/")[3:] if "{" not in part]

    async def _read(self, request: Request, answer: Ask) -> "Pages":
        """The page that was asked for with a `limit`, else all that the limits of files allow."""
        limits: FileLimits = request.app.state.file_limits
        began_s, is_whole = time.monotonic(), "limit" not in request.query_params
        page = await answer(request)  # which refuses what it does not know
        pages = await asyncio.to_thread(_begun, self.response_model, request.query_params.get("table"))
        await asyncio.to_thread(pages.add, page.body)
        while is_whole and pages.next_cursor and not limits.are_met(pages, began_s):
            page = await answer(_asking(request, pages.next_cursor))
            await asyncio.to_thread(pages.add, page.body)
        return pages


# A file is made by way of pandas, which takes a second to import: neither the start of the service nor its event loop waits for it.


def _begun(model: type[BaseModel], member: str | None) -> "Pages":
    from coldlight_query.tables.pages import Pages

    return Pages(model, listing(model, member))


def _written(pages: "Pages", wanted: str) -> bytes:
    from coldlight_query.tables.files import file_of

    return file_of(pages.frame(), wanted)


def _query(request: Request, cursor: str) -> str:
    others = [(name, value) for name, value in request.query_params.multi_items() if name != "cursor"]
    return urlencode([*others, ("cursor", cursor)])


def _asking(request: Request, cursor: str) -> Request:
    """The same request for the page at a cursor."""
    return Request({**request.scope, "query_string": _query(request, cursor).encode()}, request.receive)
