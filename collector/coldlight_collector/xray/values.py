"""JSON with its numbers whole, and its values as those of OTLP attributes."""

import json
import math
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

from coldlight_collector.repair import REPAIRED
from coldlight_collector.stand_ins import put_stand_ins

MAX_DEPTH = 30
"""How deep arrays and objects of a value may be nested: as deep as OTLP's messages can carry them."""


class TooDeep(ValueError):
    """A value is nested deeper than can be dealt with."""

    def __init__(self) -> None:
        super().__init__("nested too deep")


def read_json(text: str) -> Any:
    """The value of a JSON text; numbers with a point or an exponent are Decimal, and stand-ins are for what is no text.

    NaN and the infinities, which Python's and JavaScript's SDKs may write, are taken. Raises ValueError.
    """
    try:
        return json.loads(put_stand_ins(text), parse_float=_decimal)
    except RecursionError:
        raise TooDeep from None


def attributes(values: Mapping[str, Any]) -> list[dict[str, Any]]:
    """OTLP attributes in the form that protobuf's constructors take.

    What is nested deeper than `MAX_DEPTH` becomes its JSON text, and `coldlight.repaired` names it. Raises `TooDeep`
    when it is too deep for that as well.
    """
    made, deep = {}, []
    for key, value in values.items():
        try:
            made[key] = any_value(value)
        except TooDeep:
            made[key] = any_value(_json_text(value))
            deep.append(key)
    if deep:
        made[REPAIRED] = any_value([*values.get(REPAIRED, ()), *deep])
    return [{"key": key, "value": value} for key, value in made.items()]


def any_value(value: Any, depth: int = MAX_DEPTH) -> dict[str, Any]:
    """An OTLP `AnyValue` of a JSON value; numbers that neither int64 nor double can hold keep their digits as text.

    Raises `TooDeep`.
    """
    if not depth:
        raise TooDeep
    match value:
        case None:
            return {}
        case str():
            return {"string_value": value}
        case bool():
            return {"bool_value": value}
        case int() | float() | Decimal():
            return _number(value)
        case list():
            return {"array_value": {"values": [any_value(item, depth - 1) for item in value]}}
        case _:
            pairs = [{"key": key, "value": any_value(item, depth - 1)} for key, item in value.items()]
            return {"kvlist_value": {"values": pairs}}


def _json_text(value: Any) -> str:
    try:
        return json.dumps(value, ensure_ascii=False, default=float)
    except RecursionError:
        raise TooDeep from None


def _number(value: float | Decimal) -> dict[str, Any]:
    if isinstance(value, int):
        return {"int_value": value} if -(2**63) <= value < 2**63 else {"string_value": str(value)}
    number = float(value)
    if isinstance(value, Decimal) and math.isinf(number):
        return {"string_value": str(value)}
    return {"double_value": number}


def _decimal(text: str) -> Decimal | float:
    try:
        return Decimal(text)
    except InvalidOperation:  # an exponent of 18 digits or more
        return float(text)
