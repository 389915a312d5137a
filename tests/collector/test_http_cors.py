"""Which web pages may send to a route, and read what it answers."""

import pytest

from coldlight_collector.http.cors import cross_origin
from coldlight_collector.http.messages import Request, Response, Routes

SHOP = "https://shop.example"


async def store(_: Request) -> Response:
    return Response(200, b"stored", headers=(("Retry-After", "1"),))


PRIVATE: Routes = {"/v1/traces": {"POST": store}}
SHARED = cross_origin(PRIVATE, (SHOP, "https://app.example"))


async def ask(method: str, **headers: str) -> dict[str, str]:
    """The headers of the answer."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    response = await SHARED["/v1/traces"][method](Request(method, "/v1/traces", "", named, b""))
    assert response.status == (204 if method == "OPTIONS" else 200)
    return dict(response.headers)


async def test_a_preflight_from_an_allowed_origin_is_told_what_it_may_send() -> None:
    wanted = "content-type,authorization"
    assert await ask("OPTIONS", origin=SHOP, access_control_request_headers=wanted) == {
        "Access-Control-Allow-Origin": SHOP,
        "Access-Control-Allow-Methods": "POST",
        "Access-Control-Allow-Headers": wanted,
        "Access-Control-Max-Age": "7200",
        "Vary": "Origin",
    }


async def test_an_allowed_origin_may_read_the_answer() -> None:
    assert await ask("POST", origin=SHOP) == {
        "Retry-After": "1",
        "Access-Control-Allow-Origin": SHOP,
        "Vary": "Origin",
    }


@pytest.mark.parametrize("origin", ["https://evil.example", "http://shop.example", "null", "*", ""])
async def test_other_origins_are_told_nothing(origin: str) -> None:
    assert await ask("OPTIONS", origin=origin) == {"Vary": "Origin"}
    assert await ask("POST", origin=origin) == {"Retry-After": "1", "Vary": "Origin"}


async def test_who_is_no_web_page_is_served_as_ever() -> None:
    assert await ask("POST") == {"Retry-After": "1", "Vary": "Origin"}


def test_without_origins_nothing_changes() -> None:
    assert cross_origin(PRIVATE, ()) is PRIVATE


def test_a_wildcard_is_an_error() -> None:
    with pytest.raises(ValueError, match="name each origin"):
        cross_origin(PRIVATE, ("*",))
