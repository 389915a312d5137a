"""A trace page by page: every span once, in order."""

from typing import Any

import pytest
from opentelemetry.proto.trace.v1.trace_pb2 import Span
from tests.query.api import Api

from coldlight_storage.testing import Put, span, span_id, traces_request


async def spans_by_page(api: Api, limit: int) -> list[list[dict[str, Any]]]:
    """The spans of trace 1, page by page to the last."""
    page = await api.trace(limit=limit)
    pages = [page["spans"]]
    while page["next_cursor"] is not None:
        page = await api.trace(limit=limit, cursor=page["next_cursor"])
        pages.append(page["spans"])
    return pages


@pytest.mark.parametrize("limit", [1, 2, 3, 7, 12, 13])
async def test_pages_hold_every_span_once_in_order(api: Api, put: Put, limit: int) -> None:
    """Also where many start at the same time, or share an id."""
    kinds = (Span.SPAN_KIND_CLIENT, Span.SPAN_KIND_SERVER)
    put(
        traces_request(
            *[span(number, at=number // 3, kind=kind) for number in range(6, 0, -1) for kind in kinds]
        )
    )
    whole = (await api.trace())["spans"]
    assert [(each["span_id"], each["kind"]) for each in whole] == [
        (span_id(number).hex(), kind) for number in range(1, 7) for kind in ("client", "server")
    ]
    pages = await spans_by_page(api, limit)
    assert [each for page in pages for each in page] == whole
    assert [len(page) for page in pages[:-1]] == [limit] * (len(pages) - 1)
    assert pages[-1]


async def test_an_older_version_of_a_span_is_not_on_a_later_page(api: Api, put: Put) -> None:
    put(traces_request(span(1, at=9, attributes={"coldlight.partial": True}), span(2, at=5)))
    put(traces_request(span(1, at=1)))
    pages = await spans_by_page(api, 1)
    assert [each["span_id"][-1] for page in pages for each in page] == ["1", "2"]


async def test_a_page_says_that_it_is_one(api: Api, put: Put) -> None:
    put(traces_request(*[span(number) for number in range(1, 5)]))
    page = await api.trace(limit=3)
    assert page["warnings"] == ["this is a page of 3 of 4 spans"]
    assert page["critical_path"] == []
    assert page["span_count"] == 4
