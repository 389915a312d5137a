"""What a filter can speak of, and which operators and values fit it."""

import json
import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from coldlight_query.filters.errors import FilterError
from coldlight_query.filters.pattern import check_pattern
from coldlight_query.filters.values import UNIT_NAMES, Duration, Instant, Value, read_instant


class Field(StrEnum):
    """A fixed field of a span (`trace_duration`: of its trace) or of a log record, by its name in the filter language."""

    SERVICE = "service"
    NAME = "name"
    KIND = "kind"
    STATUS = "status"
    STATUS_MESSAGE = "status_message"
    DURATION = "duration"
    TRACE_ID = "trace_id"
    SPAN_ID = "span_id"
    PARENT_SPAN_ID = "parent_span_id"
    START_TIME = "start_time"
    SCOPE_NAME = "scope_name"
    SCOPE_VERSION = "scope_version"
    TRACE_DURATION = "trace_duration"
    BODY = "body"
    SEVERITY = "severity"
    EVENT_NAME = "event_name"
    TIME = "time"


SEVERITIES = ("unspecified", "trace", "debug", "info", "warn", "error", "fatal")
"""In their order (OpenTelemetry, logs data model, "Severity Fields"), and one for records that have none."""


class Scope(StrEnum):
    """Where an attribute is looked up, by its name in the filter language."""

    OWN = "attributes"
    RESOURCE = "resource"
    EVENT = "event"
    LINK = "link"
    INSTRUMENTATION = "scope"
    ANY = "any"


class Operator(StrEnum):
    EQUAL = "="
    UNEQUAL = "!="
    GREATER = ">"
    AT_LEAST = ">="
    LESS = "<"
    AT_MOST = "<="
    MATCHES = "~"
    MATCHES_NOT = "!~"
    CONTAINS = "contains"


EQUALITY = (Operator.EQUAL, Operator.UNEQUAL)
ORDER = (*EQUALITY, Operator.GREATER, Operator.AT_LEAST, Operator.LESS, Operator.AT_MOST)
PATTERNS = (Operator.MATCHES, Operator.MATCHES_NOT)


@dataclass(frozen=True)
class Attribute:
    """The attribute `key` in `scope`. Raises `FilterError` for a key that is not valid Unicode."""

    scope: Scope
    key: str

    def __post_init__(self) -> None:
        _check_unicode(self.key)

    def __str__(self) -> str:
        return f"{self.scope}[{json.dumps(self.key, ensure_ascii=False)}]"


@dataclass(frozen=True)
class _Rule:
    """How one sort of thing is compared: its name, the operators it takes, how its value is read."""

    noun: str
    operators: tuple[Operator, ...]
    read: Callable[[str, Value], Value]


def check_operator(subject: Field | Attribute, operator: Operator, value: Value) -> None:
    """Raise `FilterError` for an operator that does not compare such a subject with such a value."""
    rule = _rule(subject, value)
    if operator not in rule.operators:
        allowed = ", ".join(rule.operators)
        raise FilterError(f"{subject}: {operator} does not compare {rule.noun}; use one of {allowed}")


def fitting_value(subject: Field | Attribute, operator: Operator, value: Value) -> Value:
    """The value in the one form in which it is compared: `"OK"` becomes `"ok"`, a time an `Instant`.

    Raises `FilterError` for a value that does not fit the subject.
    """
    fitting = _rule(subject, value).read(str(subject), value)
    if operator in PATTERNS:
        check_pattern(str(fitting))
    return fitting


def _rule(subject: Field | Attribute, value: Value) -> _Rule:
    if isinstance(subject, Field):
        return _FIELD_RULES[subject]
    return next(rule for sort, rule in _ATTRIBUTE_RULES.items() if isinstance(value, sort))


def _check_unicode(text: str) -> str:
    """Lone surrogates cannot be sent to ClickHouse, nor be in any stored text."""
    if any("\ud800" <= character <= "\udfff" for character in text):
        raise FilterError(f"{text!r} is not valid Unicode: it holds half of a surrogate pair")
    return text


def _text(name: str, value: Value) -> str:
    if not isinstance(value, str):
        raise FilterError(f"{name} is text: put the value in quotes")
    return _check_unicode(value)


def _word(*words: str) -> Callable[[str, Value], str]:
    def read(name: str, value: Value) -> str:
        word = value.lower() if isinstance(value, str) else ""
        if word not in words:
            raise FilterError(f"{name} is one of {', '.join(words)}")
        return word

    return read


def _hexadecimal(digits: int) -> Callable[[str, Value], str]:
    pattern = re.compile(f"[0-9a-f]{{{digits}}}", re.IGNORECASE | re.ASCII)

    def read(name: str, value: Value) -> str:
        if not isinstance(value, str) or not pattern.fullmatch(value):
            raise FilterError(f"{name} is {digits} hexadecimal digits in quotes")
        return value.lower()

    return read


def _duration(name: str, value: Value) -> Duration:
    if isinstance(value, Duration):
        return value
    example = f"{value}ms" if type(value) in (int, float) else "250ms"
    raise FilterError(
        f"{name} is compared with a number and its unit, such as {example}; units are {UNIT_NAMES}"
    )


def _instant(name: str, value: Value) -> Instant:
    if isinstance(value, Instant):
        return value
    if not isinstance(value, str):
        raise FilterError(f'{name} is compared with a time in quotes, such as "2026-03-01T12:00:00Z"')
    return read_instant(value)


def _number(name: str, value: Value) -> Value:
    if isinstance(value, float) and not math.isfinite(value):
        raise FilterError(f"{name}: attributes are compared with finite numbers, within the range of float64")
    if isinstance(value, int) and not -(2**63) <= value < 2**63:
        raise FilterError(f"{name}: {value} does not fit 64 bits; write it as a float, such as 1e20")
    return value


def _as_it_is(_name: str, value: Value) -> Value:
    return value


def _unitless(name: str, _value: Value) -> Value:
    raise FilterError(f"{name}: attributes have no unit; compare with a plain number")


_TEXT = _Rule("text", tuple(Operator), _text)
_TIME = _Rule("a time", ORDER, _instant)
_LENGTH = _Rule("a duration", ORDER, _duration)
_SPAN_ID = _Rule("an id", EQUALITY, _hexadecimal(16))
_NUMBER = _Rule("a number", ORDER, _number)

_FIELD_RULES: dict[Field, _Rule] = {
    Field.SERVICE: _TEXT,
    Field.NAME: _TEXT,
    Field.KIND: _Rule(
        "a kind",
        EQUALITY,
        _word("server", "client", "internal", "producer", "consumer", "unspecified"),
    ),
    Field.STATUS: _Rule("a status", EQUALITY, _word("ok", "error", "unset")),
    Field.STATUS_MESSAGE: _TEXT,
    Field.DURATION: _LENGTH,
    Field.TRACE_ID: _Rule("an id", EQUALITY, _hexadecimal(32)),
    Field.SPAN_ID: _SPAN_ID,
    Field.PARENT_SPAN_ID: _SPAN_ID,
    Field.START_TIME: _TIME,
    Field.SCOPE_NAME: _TEXT,
    Field.SCOPE_VERSION: _TEXT,
    Field.TRACE_DURATION: _LENGTH,
    Field.BODY: _TEXT,
    Field.SEVERITY: _Rule("a severity", ORDER, _word(*SEVERITIES)),
    Field.EVENT_NAME: _TEXT,
    Field.TIME: _TIME,
}
_ATTRIBUTE_RULES: dict[type[Value], _Rule] = {
    str: _TEXT,
    bool: _Rule("true or false", EQUALITY, _as_it_is),  # before int, for a bool is one, too
    int: _NUMBER,
    float: _NUMBER,
    Duration: _Rule("a duration", tuple(Operator), _unitless),
    Instant: _Rule("a time", tuple(Operator), _unitless),
}
