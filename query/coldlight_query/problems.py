"""Errors as problem details (RFC 9457): what is wrong, where, and what to do."""

import logging
from functools import cache
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException

from coldlight_query.filters import FilterError
from coldlight_storage import BadPattern, QueryTooLarge, QueryTooLong, StoreError, StoreUnavailable
from coldlight_storage.state import StateUnavailable

log = logging.getLogger(__name__)

MEDIA_TYPE = "application/problem+json"

_DESCRIPTIONS = {
    400: "A parameter or the filter is wrong; `detail` names the place",
    404: "Nothing of it was received, or not any more",
    409: "It is the name of several; `candidates` are theirs",
    503: "ClickHouse does not answer",
    504: "The query took too long",
    507: "The query needs too much memory",
}


class Problem(BaseModel):
    """RFC 9457 problem details."""

    model_config = ConfigDict(extra="allow")

    type: str = Field("about:blank", description="What kind of problem this is")
    title: str = Field(description="The same for all problems of a kind")
    status: int
    detail: str = Field(description="What went wrong this time, and how to mend it")


class ProblemError(Exception):
    """Raised by a route to answer with a problem; `more` are further members of the answer."""

    def __init__(
        self, status: int, title: str, detail: str, retry_after_s: int | None = None, **more: Any
    ) -> None:
        super().__init__(detail)
        self.status, self.title, self.detail, self.more = status, title, detail, more
        self.headers = None if retry_after_s is None else {"Retry-After": str(retry_after_s)}


def bad_parameter(name: str, detail: str) -> ProblemError:
    """The answer to a query parameter that cannot be understood."""
    return ProblemError(400, "Bad parameter", f"{name}: {detail}", parameter=name)


def install(app: FastAPI) -> None:
    """Makes every error of the app a problem."""
    app.add_exception_handler(ProblemError, _problem_error)
    app.add_exception_handler(FilterError, _filter_error)
    app.add_exception_handler(StoreError, _store_error)
    app.add_exception_handler(StateUnavailable, _state_unavailable)
    app.add_exception_handler(RequestValidationError, _validation_error)
    app.add_exception_handler(HTTPException, _http_error)
    app.add_exception_handler(Exception, _unexpected)


def described(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The `responses` of a route that answers problems with these statuses, among others."""
    named: dict[int | str, dict[str, Any]] = {
        status: {"model": Problem, "description": _DESCRIPTIONS[status]} for status in statuses
    }
    return named | {"default": {"model": Problem, "description": "Any other error"}}


def describe(app: FastAPI) -> None:
    """Gives problems their media type in the app's OpenAPI description: FastAPI knows one for all answers of a route.

    It is made for the first who asks for it: that takes longer than all else of an app.
    """
    made_by_fastapi = app.openapi

    @cache
    def openapi() -> dict[str, Any]:
        described = made_by_fastapi()
        for route in described["paths"].values():
            for operation in route.values():
                _describe_problems(operation["responses"])
        return described

    app.openapi = openapi  # type: ignore[method-assign]


def _describe_problems(responses: dict[str, Any]) -> None:
    for status, response in responses.items():
        if status != "200":
            [content] = response["content"].values()
            response["content"] = {MEDIA_TYPE: content}


def problem(
    status: int, title: str, detail: str, headers: dict[str, str] | None = None, **more: Any
) -> JSONResponse:
    """An answer of problem details; `more` are further members."""
    body = {"type": "about:blank", "title": title, "status": status, "detail": detail, **more}
    return JSONResponse(body, status_code=status, media_type=MEDIA_TYPE, headers=headers)


async def _problem_error(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, ProblemError)
    return problem(error.status, error.title, error.detail, error.headers, **error.more)


async def _filter_error(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, FilterError)
    return problem(400, "Bad filter", str(error), parameter="filter", position=error.position)


async def _store_error(_: Request, error: Exception) -> JSONResponse:
    match error:
        case QueryTooLong():
            return problem(
                504,
                "Query took too long",
                "narrow the time range or add a condition, or raise --query-timeout",
            )
        case QueryTooLarge():
            return problem(
                507,
                "Query needs too much memory",
                "narrow the time range or add a condition, or raise --memory",
            )
        case StoreUnavailable():
            detail = "ClickHouse does not answer; what arrives meanwhile is kept in the journal"
            return problem(503, "Store unavailable", detail, headers={"Retry-After": "5"})
        case BadPattern():  # one that the first look at filters let pass
            detail = f"filter: a regular expression does not compile: {error}"
            return problem(400, "Bad filter", detail, parameter="filter")
        case _:
            assert isinstance(error, StoreError)
            log.error("a query failed: %s", error.summary)
            return problem(
                500, "Query failed", "ClickHouse refused the query; the log of the query service says why"
            )


async def _state_unavailable(_: Request, error: Exception) -> JSONResponse:
    log.error("the state cannot be used: %s", error)
    detail = "the database of tokens, rules and issues' states cannot be used; the log of the query service says why"
    return problem(503, "State unavailable", detail, headers={"Retry-After": "5"})


async def _validation_error(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    errors = [{"parameter": ".".join(map(str, e["loc"][1:])), "detail": e["msg"]} for e in error.errors()]
    detail = "; ".join(f"{e['parameter']}: {e['detail']}" for e in errors)
    return problem(400, "Bad parameter", detail, errors=errors)


async def _http_error(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    detail = "see /docs for what there is" if error.status_code == 404 else str(error.detail)
    return problem(error.status_code, str(error.detail), detail, headers=dict(error.headers or {}))


async def _unexpected(_: Request, error: Exception) -> JSONResponse:
    log.error("a request failed", exc_info=error)
    return problem(500, "Internal error", "the log of the query service says why")
