"""SQL that turns stored attributes into the exporter's string maps, and their types into a signature beside them.

The OpenTelemetry ClickHouse exporter keeps every attribute as text. Here each map has a companion of one code a
value, by which `attributes.py` gives back what was sent; it explains the codes.
"""

import re
from collections.abc import Callable

_MACRO = re.compile(r"\$(map|types|value|value_type|resource|scope)\(([\w.]+)\)")


def render(sql: str) -> str:
    """Expands the macros of `inserts/*.sql`.

    `$map(x)`, `$types(x)`: x is a list of KeyValue; `$value(x)`, `$value_type(x)`: an AnyValue;
    `$resource(x)`, `$scope(x)`: the columns of a Resource or InstrumentationScope.
    """
    expand = {
        "map": _map,
        "types": _types,
        "value": _value,
        "value_type": _value_type,
        "resource": _resource,
        "scope": _scope,
    }
    return _MACRO.sub(lambda match: expand[match[1]](match[2]), sql)


def _resource(resource: str) -> str:
    return (
        f"{_map(f'{resource}.attributes', 'LowCardinality(String)')} AS ResourceAttributes"
        f", {_types(f'{resource}.attributes')} AS ResourceAttributeTypes"
        f", {resource}.dropped_attributes_count AS ResourceDroppedAttributesCount"
    )


def _scope(scope: str) -> str:
    return (
        f"{scope}.name AS ScopeName, {scope}.version AS ScopeVersion"
        f", {_map(f'{scope}.attributes')} AS ScopeAttributes"
        f", {_types(f'{scope}.attributes')} AS ScopeAttributeTypes"
        f", {scope}.dropped_attributes_count AS ScopeDroppedAttributesCount"
    )


def _map(attributes: str, text: str = "String") -> str:
    pairs = f"arrayMap(a -> (a.key, {_value('a.value')}), {attributes})"
    return f"CAST({pairs}, 'Map(LowCardinality(String), {text})')"


def _types(attributes: str) -> str:
    return f"arrayStringConcat(arrayMap(a -> {_value_type('a.value')}, {attributes}))"


def _value(value: str) -> str:
    # Of the fields of a choice all but one are empty, so the text of a value is all of them put together.
    # repeat(x, condition) in place of if(): ClickHouse's short-circuit evaluation costs several times the work here.
    return (
        f"concat({value}.string_value"
        f", repeat(toString({value}.int_value), {value}.value = 'int_value')"
        f", repeat(toString({value}.bool_value), {value}.value = 'bool_value')"
        f", repeat(toString({value}.double_value), {value}.value = 'double_value')"
        f", base64Encode({value}.bytes_value), {value}.text"
        f", repeat({_joined('[', _json, value, ']', ',')}, {value}.value = 'array_value'))"
    )


def _value_type(value: str) -> str:
    # What was rendered has its types, and no field of the choice.
    code = f"repeat({_code(value)}, {value}.types = '' AND {value}.value != 'array_value')"
    inside = f"repeat({_joined('[', _code, value, ']', '')}, {value}.value = 'array_value')"
    return f"concat({code}, {value}.types, {inside})"


def _joined(opening: str, write: Callable[[str], str], value: str, closing: str, between: str) -> str:
    items = f"arrayStringConcat(arrayMap(e -> {write('e')}, {value}.array_value.values), '{between}')"
    return f"concat('{opening}', {items}, '{closing}')"


def _code(value: str) -> str:
    # The codes stand at AnyValue's field numbers.
    return f"substring('nsbid--y', toInt8({value}.value) + 1, 1)"


def _json(value: str) -> str:
    """JSON has neither bytes nor NaN: they become strings, and the code tells."""
    number, binary = f"toString({value}.double_value)", f"base64Encode({value}.bytes_value)"
    return (
        f"multiIf({value}.value = 'string_value', toJSONString({value}.string_value)"
        f", {value}.value = 'int_value', toString({value}.int_value)"
        f", {value}.value = 'bool_value', toString({value}.bool_value)"
        f", {value}.value = 'double_value', if(isFinite({value}.double_value), {number}, concat('\"', {number}, '\"'))"
        f", {value}.value = 'bytes_value', concat('\"', {binary}, '\"')"
        ", 'null')"
    )
