"""The query parameters of the `/traces` routes; a parameter that is not listed is an error, for it may be a slip."""

from collections.abc import Iterator
from typing import Any, ClassVar, Literal

from fastapi import Request
from pydantic import BaseModel, ConfigDict, Field, model_validator

from coldlight_query import filters
from coldlight_query.filters import (
    And,
    Attribute,
    Comparison,
    Duration,
    Exists,
    Expression,
    Operator,
    Scope,
    compile_filter,
    parse_filter,
)
from coldlight_query.problems import bad_parameter
from coldlight_query.search import Search
from coldlight_query.times import LATEST_NS, parse_duration_ns, parse_time_ns

_FIELDS = {
    "service": filters.Field.SERVICE,
    "name": filters.Field.NAME,
    "status": filters.Field.STATUS,
    "kind": filters.Field.KIND,
}
_ATTRIBUTES = {
    "attribute": Scope.OWN,
    "resource": Scope.RESOURCE,
    "event": Scope.EVENT,
    "link": Scope.LINK,
}
_DURATIONS = {
    "min_duration": (filters.Field.DURATION, Operator.AT_LEAST),
    "max_duration": (filters.Field.DURATION, Operator.AT_MOST),
    "min_trace_duration": (filters.Field.TRACE_DURATION, Operator.AT_LEAST),
    "max_trace_duration": (filters.Field.TRACE_DURATION, Operator.AT_MOST),
}

_REPEATABLE = {*_ATTRIBUTES, "measure", "aggregation", "group_by"}

KEY_VALUE = "`key=value`, or `key` alone for any value; may be repeated"
TIME = "RFC 3339 or epoch ns"


def check_given_once(request: Request) -> None:
    """Raises `ProblemError` for a parameter that comes twice and takes one value: which one counts, nobody could tell."""
    names = [name for name, _ in request.query_params.multi_items()]
    for name in sorted(set(names) - _REPEATABLE):
        if names.count(name) > 1:
            raise bad_parameter(name, "give it once")


class Parameters(BaseModel):
    """What all of them have in common."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class RangeParameters(Parameters):
    """Of answers about a stretch of time, `unasked_ns` long where no start is given."""

    unasked_ns: ClassVar[int] = 3600 * 10**9

    start: str | None = Field(default=None, description=f"An hour before `end`, if not given: {TIME}")
    end: str | None = Field(default=None, description=f"Now, if not given: {TIME}")

    def range_ns(self, now_ns: int) -> tuple[int, int]:
        """(start, end) in Unix nanoseconds. Raises `ProblemError` for a value that cannot be understood."""
        end_ns = now_ns if self.end is None else parse_time_ns("end", self.end)
        start_ns = end_ns - self.unasked_ns if self.start is None else parse_time_ns("start", self.start)
        if start_ns >= end_ns:
            raise bad_parameter("start", "must be before end")
        return start_ns, end_ns


class DayParameters(RangeParameters):
    """Of answers about what runs or points there were in a stretch of time."""

    unasked_ns = 24 * 3600 * 10**9

    start: str | None = Field(default=None, description=f"A day before `end`, if not given: {TIME}")


class PagedParameters(Parameters):
    """Of answers that come in pages."""

    cursor: str | None = Field(default=None, description="`next_cursor` of the page before")


class TableParameters(Parameters):
    """Of answers that may be had as a file.

    `file_limit` is the `limit` of the pages that a file is made of, where none is given."""

    file_limit: ClassVar[int | None] = None

    format: Literal["json", "csv", "parquet"] = Field(
        default="json",
        description="Or a file: without `limit` of all pages, up to 100,000 rows; header `Link` leads to further ones",
    )

    @model_validator(mode="before")
    @classmethod
    def _with_file_limit(cls, given: dict[str, Any]) -> dict[str, Any]:
        if cls.file_limit is None or given.get("format", "json") == "json":
            return given
        return {"limit": cls.file_limit, **given}


class PageParameters(PagedParameters):
    """Of a trace or its log records."""

    attributes: Literal["plain", "otlp"] = Field(
        default="plain", description="How attribute values are written: plain JSON, or lossless OTLP/JSON"
    )
    limit: int = Field(default=10_000, ge=1, le=100_000, description="Spans or log records on a page")


class SearchParameters(PagedParameters, TableParameters):
    """Of the search for traces; each narrows it, and none is required."""

    file_limit = 1000

    filter: str = Field(
        default="", description='Filter language, for instance `service = "orders" and duration > 1s`'
    )
    service: str | None = Field(default=None, description="Name of a service")
    name: str | None = Field(default=None, description="Name of a span")
    status: Literal["ok", "error", "unset"] | None = Field(default=None, description="Of a span")
    kind: Literal["internal", "server", "client", "producer", "consumer", "unspecified"] | None = Field(
        default=None, description="Of a span"
    )
    attribute: list[str] = Field(default=[], description=f"Of a span: {KEY_VALUE}")
    resource: list[str] = Field(default=[], description=f"Of its resource: {KEY_VALUE}")
    event: list[str] = Field(default=[], description=f"Of one of its events: {KEY_VALUE}")
    link: list[str] = Field(default=[], description=f"Of one of its links: {KEY_VALUE}")
    min_duration: str | None = Field(default=None, description="Of a span, for instance `250ms`")
    max_duration: str | None = Field(default=None, description="Of a span")
    min_trace_duration: str | None = Field(default=None, description="Of the whole trace")
    max_trace_duration: str | None = Field(default=None, description="Of the whole trace")
    start: str | None = Field(default=None, description=f"The span starts then or later: {TIME}")
    end: str | None = Field(default=None, description=f"The span starts then or earlier: {TIME}")
    limit: int = Field(default=20, ge=1, le=1000, description="Traces on a page")

    def search(self) -> Search:
        """What to look for. Raises `ProblemError` or `FilterError` for a value that cannot be understood."""
        conditions = (*self._fields(), *self._attributes(), *self._durations(), parse_filter(self.filter))
        return Search(
            condition=compile_filter(And(conditions)),
            start_ns=0 if self.start is None else parse_time_ns("start", self.start),
            end_ns=LATEST_NS if self.end is None else parse_time_ns("end", self.end),
            limit=self.limit,
            cursor=self.cursor,
        )

    def _fields(self) -> Iterator[Expression]:
        for parameter, field in _FIELDS.items():
            value: str | None = getattr(self, parameter)
            if value is not None:
                yield Comparison(field, Operator.EQUAL, value)

    def _attributes(self) -> Iterator[Expression]:
        for parameter, scope in _ATTRIBUTES.items():
            for text in getattr(self, parameter):
                yield attribute_condition(parameter, scope, text)

    def _durations(self) -> Iterator[Expression]:
        for parameter, (field, operator) in _DURATIONS.items():
            text: str | None = getattr(self, parameter)
            if text is not None:
                yield Comparison(field, operator, Duration(parse_duration_ns(parameter, text)))


def attribute_condition(parameter: str, scope: Scope, text: str) -> Expression:
    """What `key=value` or `key` asks for. Raises `ProblemError` naming `parameter` where there is no key."""
    key, equals, value = text.partition("=")
    if not key:
        raise bad_parameter(parameter, f"{text!r} has no key; write key=value, or key alone for any value")
    attribute = Attribute(scope, key)
    return Comparison(attribute, Operator.EQUAL, value) if equals else Exists(attribute)
