"""The query parameters of the `/logs` routes."""

from collections.abc import Iterator
from typing import Literal

from pydantic import Field

from coldlight_query import filters
from coldlight_query.filters import (
    LOGS,
    And,
    Comparison,
    Condition,
    Expression,
    Operator,
    Scope,
    compile_filter,
    parse_filter,
)
from coldlight_query.logs.search import LogSearch
from coldlight_query.logs.words import request_condition, words_condition
from coldlight_query.routes.parameters import (
    KEY_VALUE,
    TIME,
    PagedParameters,
    Parameters,
    TableParameters,
    attribute_condition,
)
from coldlight_query.times import LATEST_NS, parse_time_ns

_FIELDS = {
    "service": (filters.Field.SERVICE, Operator.EQUAL),
    "severity": (filters.Field.SEVERITY, Operator.AT_LEAST),
    "event_name": (filters.Field.EVENT_NAME, Operator.EQUAL),
    "trace_id": (filters.Field.TRACE_ID, Operator.EQUAL),
    "span_id": (filters.Field.SPAN_ID, Operator.EQUAL),
}
_ATTRIBUTES = {"attribute": Scope.OWN, "resource": Scope.RESOURCE}

Format = Literal["plain", "otlp"]
ATTRIBUTES_FORMAT = "How attribute values are written: plain JSON, or lossless OTLP/JSON"


class LogConditions(Parameters):
    """Which log records are wanted; each parameter narrows it, and none is required."""

    query: str = Field(
        default="",
        max_length=4096,
        description='Words that are all in the body, in any order; `"a phrase"` stands as it is',
    )
    filter: str = Field(
        default="",
        description='Filter language, for instance `severity >= error and attributes["retries"] > 2`',
    )
    service: str | None = Field(default=None, description="Name of a service")
    severity: Literal["trace", "debug", "info", "warn", "error", "fatal"] | None = Field(
        default=None, description="This one or a graver one"
    )
    event_name: str | None = Field(default=None, description="For instance `aws.lambda.report`")
    trace_id: str | None = Field(default=None, description="32 hex digits")
    span_id: str | None = Field(default=None, description="16 hex digits")
    request_id: str | None = Field(
        default=None,
        max_length=256,
        description="Of an invocation: in `faas.invocation_id` or in the text of the line",
    )
    attribute: list[str] = Field(default=[], description=f"Of a record: {KEY_VALUE}")
    resource: list[str] = Field(default=[], description=f"Of its resource: {KEY_VALUE}")

    def conditions(self) -> tuple[Condition, ...]:
        """What a row must meet. Raises `ProblemError` or `FilterError` for a value that cannot be understood."""
        expression = And((*self._fields(), *self._attributes(), parse_filter(self.filter, LOGS)))
        conditions = [compile_filter(expression, dialect=LOGS).row]
        if self.query:
            conditions.append(words_condition(self.query))
        if self.request_id is not None:
            conditions.append(request_condition(self.request_id))
        return tuple(conditions)

    def _fields(self) -> Iterator[Expression]:
        for parameter, (field, operator) in _FIELDS.items():
            value: str | None = getattr(self, parameter)
            if value is not None:
                yield Comparison(field, operator, value)

    def _attributes(self) -> Iterator[Expression]:
        for parameter, scope in _ATTRIBUTES.items():
            for text in getattr(self, parameter):
                yield attribute_condition(parameter, scope, text)


class LogSearchParameters(LogConditions, PagedParameters, TableParameters):
    """Of the search for log records."""

    file_limit = 1000

    start: str | None = Field(default=None, description=f"The record is of then or later: {TIME}")
    end: str | None = Field(default=None, description=f"The record is of then or earlier: {TIME}")
    attributes: Format = Field(default="plain", description=ATTRIBUTES_FORMAT)
    limit: int = Field(
        default=100, ge=1, le=10_000, description="Records on a page; those alike stay together"
    )

    def search(self) -> LogSearch:
        """What to look for. Raises as `conditions` does."""
        return LogSearch(
            conditions=self.conditions(),
            start_ns=0 if self.start is None else parse_time_ns("start", self.start),
            end_ns=LATEST_NS if self.end is None else parse_time_ns("end", self.end),
            limit=self.limit,
            cursor=self.cursor,
        )


class LogContextParameters(Parameters):
    """Of what stands around a record."""

    before: int = Field(default=20, ge=0, le=1000, description="Records before it")
    after: int = Field(default=20, ge=0, le=1000, description="Records after it")
    attributes: Format = Field(default="plain", description=ATTRIBUTES_FORMAT)
