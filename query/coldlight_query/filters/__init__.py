"""The filter language: `parse_filter` reads it, nodes can be made by hand, `compile_filter` makes SQL of both."""

from coldlight_query.filters.compile import Compiled, Condition, Selected, compile_filter, compile_subject
from coldlight_query.filters.dialects import LOGS, METRICS, SPANS, Dialect
from coldlight_query.filters.errors import FilterError
from coldlight_query.filters.fields import Attribute, Field, Operator, Scope
from coldlight_query.filters.parse import parse_filter, parse_subject
from coldlight_query.filters.syntax import And, Comparison, Exists, Expression, Not, Or, Root
from coldlight_query.filters.values import Duration, Instant, Value, read_duration, read_instant

__all__ = [
    "LOGS",
    "METRICS",
    "SPANS",
    "And",
    "Attribute",
    "Comparison",
    "Compiled",
    "Condition",
    "Dialect",
    "Duration",
    "Exists",
    "Expression",
    "Field",
    "FilterError",
    "Instant",
    "Not",
    "Operator",
    "Or",
    "Root",
    "Scope",
    "Selected",
    "Value",
    "compile_filter",
    "compile_subject",
    "parse_filter",
    "parse_subject",
    "read_duration",
    "read_instant",
]
