"""From the tree of a filter to conditions in ClickHouse SQL.

Nothing that a user wrote becomes SQL: keys and values are bound parameters, columns come from the tables below.
Every condition is 0 or 1 for every row, never NULL, so that `not` means what it says.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial

from coldlight_query.filters.fields import Field, Operator, Scope
from coldlight_query.filters.syntax import (
    And,
    Comparison,
    Exists,
    Expression,
    Level,
    Not,
    Or,
    Root,
    conjuncts,
    level,
)
from coldlight_query.filters.values import Duration, Instant, Value

_COLUMNS = {
    Field.SERVICE: "ServiceName",
    Field.NAME: "SpanName",
    Field.KIND: "SpanKind",
    Field.STATUS: "StatusCode",
    Field.STATUS_MESSAGE: "StatusMessage",
    Field.DURATION: "Duration",
    Field.TRACE_ID: "TraceId",
    Field.SPAN_ID: "SpanId",
    Field.PARENT_SPAN_ID: "ParentSpanId",
    Field.START_TIME: "Timestamp",
    Field.SCOPE_NAME: "ScopeName",
    Field.SCOPE_VERSION: "ScopeVersion",
    Field.TRACE_DURATION: "(toUnixTimestamp64Nano(End) - toUnixTimestamp64Nano(Start))",
}
_MAPS = {
    Scope.SPAN: "SpanAttributes",
    Scope.RESOURCE: "ResourceAttributes",
    Scope.INSTRUMENTATION: "ScopeAttributes",
}
_ARRAYS_OF_MAPS = {
    Scope.EVENT: "Events.Attributes",
    Scope.LINK: "Links.Attributes",
}
_OPERATORS = {
    Operator.EQUAL: "{0} = {1}",
    Operator.UNEQUAL: "{0} != {1}",
    Operator.GREATER: "{0} > {1}",
    Operator.AT_LEAST: "{0} >= {1}",
    Operator.LESS: "{0} < {1}",
    Operator.AT_MOST: "{0} <= {1}",
    Operator.MATCHES: "match({0}, {1})",
    Operator.MATCHES_NOT: "NOT match({0}, {1})",
    Operator.CONTAINS: "position({0}, {1}) > 0",
}


@dataclass(frozen=True)
class Condition:
    """A boolean SQL expression and the values of its `{name:Type}` placeholders.

    Whatever its operators, it stands in parentheses: `WHERE ServiceName = 'a' AND {sql}` means what it says.
    """

    sql: str
    parameters: Mapping[str, object]


@dataclass(frozen=True)
class Compiled:
    """`span` is a condition on the rows of otel_traces, `trace` one on those of trace_index.

    Both must hold: for a span, and for the trace that it belongs to. `trace` is None when nothing is asked of
    the trace; it needs the whole trace's `Start` and `End`, in one row. The two share no parameter's name.
    """

    span: Condition
    trace: Condition | None


def compile_filter(expression: Expression, prefix: str = "f") -> Compiled:
    """The conditions that mean `expression`; the names of their parameters start with `prefix`.

    Raises `ValueError` when `prefix` is no identifier.
    """
    if not (prefix.isascii() and prefix.isidentifier()):
        raise ValueError(f"the prefix of parameters must be an identifier, not {prefix!r}")
    parts = list(conjuncts(expression))
    of_span = [part for part in parts if level(part) is Level.SPAN]
    of_trace = [part for part in parts if level(part) is Level.TRACE]
    trace = _condition(of_trace, f"{prefix}_trace") if of_trace else None
    return Compiled(_condition(of_span, prefix), trace)


def _condition(parts: list[Expression], prefix: str) -> Condition:
    parameters = _Parameters(prefix)
    sql = _sql(parts[0] if len(parts) == 1 else And(tuple(parts)), parameters)
    return Condition(f"({sql})", parameters.values)


@dataclass(frozen=True)
class _Parameters:
    """Collects values on the way through the tree."""

    prefix: str
    values: dict[str, object] = field(default_factory=dict)

    def bind(self, type_name: str, value: object) -> str:
        """The placeholder of a new parameter."""
        name = f"{self.prefix}{len(self.values)}"
        self.values[name] = value
        return f"{{{name}:{type_name}}}"

    def bind_value(self, value: Value) -> str:
        """The placeholder of a value, in the form in which columns and attributes are compared with it."""
        match value:
            case bool():
                return self.bind("String", "true" if value else "false")
            case str():
                return self.bind("String", value)
            case int():
                return self.bind("Int64", value)
            case float():
                return self.bind("Float64", value)
            case Duration(ns):
                return self.bind("UInt64", ns)
            case Instant(unix_nano):
                return f"fromUnixTimestamp64Nano({self.bind('Int64', unix_nano)})"


def _sql(expression: Expression, parameters: _Parameters) -> str:
    match expression:
        case And(parts):
            return _joined(" AND ", parts, parameters) or "1"
        case Or(parts):
            return _joined(" OR ", parts, parameters) or "0"
        case Not(part):
            return f"NOT ({_sql(part, parameters)})"
        case Root():
            return f"{_COLUMNS[Field.PARENT_SPAN_ID]} = ''"
        case Exists(attribute):
            return _anywhere(attribute.scope, parameters.bind("String", attribute.key))
        case Comparison():
            return _comparison(expression, parameters)


def _comparison(comparison: Comparison, parameters: _Parameters) -> str:
    name, operator, value = comparison.subject, comparison.operator, comparison.value
    if isinstance(name, Field):
        return _compared(operator, _COLUMNS[name], parameters.bind_value(_stored(name, value)))
    key = parameters.bind("String", name.key)
    return _anywhere(name.scope, key, _attribute_test(operator, value, parameters.bind_value(value)))


def _joined(keyword: str, parts: Iterable[Expression], parameters: _Parameters) -> str:
    return keyword.join(f"({_sql(part, parameters)})" for part in parts)


def _stored(name: Field, value: Value) -> Value:
    """The tables spell a kind and a status with a capital: Server, Error."""
    return value.capitalize() if name in (Field.KIND, Field.STATUS) and isinstance(value, str) else value


def _compared(operator: Operator, left: str, right: str) -> str:
    return _OPERATORS[operator].format(left, right)


_Test = Callable[[str], str]
"""From the SQL of an attribute's text to a condition on it."""


def _attribute_test(operator: Operator, value: Value, right: str) -> _Test:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return partial(_number_compared if is_number else _text_compared, operator, right)


def _text_compared(operator: Operator, right: str, text: str) -> str:
    return _compared(operator, text, right)


def _number_compared(operator: Operator, right: str, text: str) -> str:
    """Integers exactly, other numbers as Float64; text that is no number, and NaN, compare with nothing."""
    if operator is Operator.UNEQUAL:  # for SQL, NaN is unequal to every number
        sides = (Operator.LESS, Operator.GREATER)
        return f"({' OR '.join(_number_compared(side, right, text) for side in sides)})"
    exact = _compared(operator, f"toInt64OrNull({text})", right)
    rounded = _compared(operator, f"toFloat64OrNull({text})", right)
    return f"coalesce({exact}, {rounded}, 0)"


def _anywhere(scope: Scope, key: str, test: _Test | None = None) -> str:
    """That the attribute is there and, if there is a test, passes it; of several (events, links), any one."""
    scopes = [*_MAPS, *_ARRAYS_OF_MAPS] if scope is Scope.ANY else [scope]
    return " OR ".join(_in_scope(each, key, test) for each in scopes)


def _in_scope(scope: Scope, key: str, test: _Test | None) -> str:
    if scope in _MAPS:
        return _in_map(_MAPS[scope], key, test)
    return f"arrayExists(entry -> {_in_map('entry', key, test)}, {_ARRAYS_OF_MAPS[scope]})"


def _in_map(name: str, key: str, test: _Test | None) -> str:
    present = f"mapContains({name}, {key})"
    return f"{present} AND {test(f'{name}[{key}]')}" if test else present
