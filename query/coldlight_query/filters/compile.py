"""From the tree of a filter to conditions in ClickHouse SQL.

Nothing that a user wrote becomes SQL: keys and values are bound parameters, columns come from the dialect.
Every condition is 0 or 1 for every row, never NULL, so that `not` means what it says.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial

from coldlight_query.filters.dialects import SPANS, Dialect
from coldlight_query.filters.errors import FilterError
from coldlight_query.filters.fields import SEVERITIES, Attribute, Field, Operator, Scope
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
    """`row` is a condition on the rows of otel_traces, or of otel_logs in that dialect; `trace` one on those of trace_index.

    Both must hold: for a row, and for the trace that it belongs to. `trace` is None when nothing is asked of
    the trace; it needs the whole trace's `Start` and `End`, in one row. The two share no parameter's name.
    """

    row: Condition
    trace: Condition | None


def compile_filter(expression: Expression, prefix: str = "f", dialect: Dialect = SPANS) -> Compiled:
    """The conditions that mean `expression`; the names of their parameters start with `prefix`.

    `dialect` is the one that it was parsed in.

    Raises `ValueError` when `prefix` is no identifier.
    """
    if not (prefix.isascii() and prefix.isidentifier()):
        raise ValueError(f"the prefix of parameters must be an identifier, not {prefix!r}")
    parts = list(conjuncts(expression))
    of_span = [part for part in parts if level(part) is Level.SPAN]
    of_trace = [part for part in parts if level(part) is Level.TRACE]
    trace = _condition(of_trace, _Writing(dialect, f"{prefix}_trace")) if of_trace else None
    return Compiled(_condition(of_span, _Writing(dialect, prefix)), trace)


@dataclass(frozen=True)
class Selected:
    """The SQL of a field or attribute as text, the values of its placeholders, and its name in the filter language."""

    name: str
    sql: str
    parameters: Mapping[str, object]


def compile_subject(subject: Field | Attribute, prefix: str, dialect: Dialect = SPANS) -> Selected:
    """What a column of a result is made of; an attribute that is not there is empty text.

    Raises `FilterError` for what has several values, or none of its own: attributes of events and links, `any`.
    """
    if isinstance(subject, Field):
        spelt = "lower" if subject in (Field.KIND, Field.STATUS) else "toString"
        return Selected(str(subject), f"{spelt}({dialect.columns[subject]})", {})
    if subject.scope not in dialect.maps:
        raise FilterError(f"{subject} has several values; group by attributes[...] or resource[...]")
    return Selected(
        str(subject), f"{dialect.maps[subject.scope]}[{{{prefix}:String}}]", {prefix: subject.key}
    )


def _condition(parts: list[Expression], writing: "_Writing") -> Condition:
    sql = _sql(parts[0] if len(parts) == 1 else And(tuple(parts)), writing)
    return Condition(f"({sql})", writing.values)


@dataclass(frozen=True)
class _Writing:
    """SQL in the making: whose columns it names, and the values collected on the way through the tree."""

    dialect: Dialect
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


def _sql(expression: Expression, writing: _Writing) -> str:
    match expression:
        case And(parts):
            return _joined(" AND ", parts, writing) or "1"
        case Or(parts):
            return _joined(" OR ", parts, writing) or "0"
        case Not(part):
            return f"NOT ({_sql(part, writing)})"
        case Root():
            return f"{writing.dialect.columns[Field.PARENT_SPAN_ID]} = ''"
        case Exists(attribute):
            return _anywhere(writing.dialect, attribute.scope, writing.bind("String", attribute.key))
        case Comparison():
            return _comparison(expression, writing)


def _comparison(comparison: Comparison, writing: _Writing) -> str:
    name, operator, value = comparison.subject, comparison.operator, comparison.value
    if isinstance(name, Field):
        return _compared(operator, writing.dialect.columns[name], writing.bind_value(_stored(name, value)))
    key = writing.bind("String", name.key)
    test = _attribute_test(operator, value, writing.bind_value(value))
    return _anywhere(writing.dialect, name.scope, key, test)


def _joined(keyword: str, parts: Iterable[Expression], writing: _Writing) -> str:
    return keyword.join(f"({_sql(part, writing)})" for part in parts)


def _stored(name: Field, value: Value) -> Value:
    """The tables spell a kind and a status with a capital (Server, Error), and count severities."""
    if not isinstance(value, str):
        return value
    if name is Field.SEVERITY:
        return SEVERITIES.index(value)
    return value.capitalize() if name in (Field.KIND, Field.STATUS) else value


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


def _anywhere(dialect: Dialect, scope: Scope, key: str, test: _Test | None = None) -> str:
    """That the attribute is there and, if there is a test, passes it; of several (events, links), any one."""
    scopes = [*dialect.maps, *dialect.arrays_of_maps] if scope is Scope.ANY else [scope]
    return " OR ".join(_in_scope(dialect, each, key, test) for each in scopes)


def _in_scope(dialect: Dialect, scope: Scope, key: str, test: _Test | None) -> str:
    if scope in dialect.maps:
        return _in_map(dialect.maps[scope], key, test)
    return f"arrayExists(entry -> {_in_map('entry', key, test)}, {dialect.arrays_of_maps[scope]})"


def _in_map(name: str, key: str, test: _Test | None) -> str:
    present = f"mapContains({name}, {key})"
    return f"{present} AND {test(f'{name}[{key}]')}" if test else present
