"""Attribute values: from what OTLP sends to text and type signature, as they are stored, and back.

In Python an OTLP value is a str, bool, int, float, bytes, None, a list of values, or a `KeyValues`. Its signature is
one code a value:

    s string   b bool   i int   d double   y bytes (as base64)   n nothing
    [...] array   {...} map: the text is JSON, and the codes of the values inside stand between the brackets
"""

import json
import math
from base64 import b64decode, b64encode
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import repeat
from typing import Any

from opentelemetry.proto.common.v1.common_pb2 import AnyValue


@dataclass(frozen=True)
class KeyValues:
    """A map as OTLP sends it: pairs in their order; a key may come twice."""

    pairs: tuple[tuple[str, "Value"], ...]


# What decoding raises when types and text do not belong together, or the text is nested without end.
_MISFITS = (ValueError, StopIteration, RecursionError)

Value = str | bool | int | float | bytes | None | list["Value"] | KeyValues


def decode_pairs(keys: Sequence[str], texts: Sequence[str], types: str) -> KeyValues:
    """The attributes of one row. Rows of other writers have no types: there, all values are strings."""
    codes: Iterator[str] = iter(types) if types else repeat("s")
    try:
        return KeyValues(tuple([(key, _decode(text, codes)) for key, text in zip(keys, texts, strict=True)]))
    except _MISFITS:
        # Somebody else wrote types that do not fit the texts. The texts are still worth showing.
        return KeyValues(tuple(zip(keys, texts, strict=True)))


def decode_value(text: str, types: str) -> Value:
    """One value, such as the body of a log record. Without types, or with some that do not fit, a string."""
    try:
        return _decode(text, iter(types or "s"))
    except _MISFITS:
        return text


def _decode(text: str, codes: Iterator[str]) -> Value:
    code = next(codes)
    match code:
        case "s":
            return text
        case "b":
            return text == "true"
        case "n":
            return None
        case "[" | "{":
            # Numbers stay text until their code is known: ClickHouse writes the double -0.0 as -0.
            node = json.loads(text, object_pairs_hook=_Pairs, parse_int=str)
            return _from_json(node, code, codes)
        case _:
            return _number_or_bytes(text, code)


def _number_or_bytes(text: str, code: str) -> int | float | bytes:
    match code:
        case "i":
            return int(text)
        case "d":
            return float(text)
        case "y":
            return b64decode(text)
        case _:
            raise ValueError(f"unknown type code {code!r}")


class _Pairs(list[tuple[str, Any]]):
    """A JSON object as pairs, told apart from a JSON array."""


def _from_json(node: Any, code: str, codes: Iterator[str]) -> Value:
    match code, node:
        case "[", list():
            items = [_from_json(item, next(codes), codes) for item in node]
            next(codes)  # the closing bracket
            return items
        case "{", _Pairs():
            pairs = [(key, _from_json(item, next(codes), codes)) for key, item in node]
            next(codes)
            return KeyValues(tuple(pairs))
        case ("s", str()) | ("b", bool()) | ("n", None):
            known: str | bool | None = node
            return known
        case "i" | "d" | "y", _:
            return _number_or_bytes(str(node), code)
        case _:
            raise ValueError(f"type code {code!r} does not fit")


def encode_nested(value: list[Value] | KeyValues) -> tuple[str, str]:
    """Text and types of an array or map."""
    texts: list[str] = []
    codes: list[str] = []
    _write(value, texts, codes)
    return "".join(texts), "".join(codes)


def _write(value: Value, texts: list[str], codes: list[str]) -> None:
    match value:
        case list():
            _write_between("[]", [("", item) for item in value], texts, codes)
        case KeyValues(pairs):
            _write_between("{}", [(f"{_json(key)}:", item) for key, item in pairs], texts, codes)
        case _:
            text, code = _scalar(value)
            texts.append(text)
            codes.append(code)


def _write_between(
    brackets: str, items: Sequence[tuple[str, Value]], texts: list[str], codes: list[str]
) -> None:
    texts.append(brackets[0])
    codes.append(brackets[0])
    for index, (key, item) in enumerate(items):
        texts.append(f",{key}" if index else key)
        _write(item, texts, codes)
    texts.append(brackets[1])
    codes.append(brackets[1])


def _scalar(value: str | bool | float | bytes | None) -> tuple[str, str]:
    """A value as JSON, which has neither bytes nor NaN: they become strings, and the code tells."""
    match value:
        case None:
            return "null", "n"
        case str():
            return _json(value), "s"
        case bool():
            return ("true" if value else "false"), "b"
        case int():
            return str(value), "i"
        case float():
            return (repr(value) if math.isfinite(value) else f'"{value}"'), "d"
        case bytes():
            return f'"{b64encode(value).decode()}"', "y"


def _json(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def from_proto(value: AnyValue) -> Value:
    """An OTLP `AnyValue` in Python's types."""
    match value.WhichOneof("value"):
        case None | "string_value_strindex":
            return None
        case "array_value":
            return [from_proto(item) for item in value.array_value.values]
        case "kvlist_value":
            return KeyValues(tuple((item.key, from_proto(item.value)) for item in value.kvlist_value.values))
        case field:
            scalar: str | bool | int | float | bytes = getattr(value, field)
            return scalar


def to_plain(value: Value) -> Any:
    """As a reader wants it: JSON's own types; bytes as base64, NaN and infinities by name.

    Of a key that comes twice the last value is shown; `to_otlp` shows all.
    """
    match value:
        case KeyValues(pairs):
            return {key: to_plain(item) for key, item in pairs}
        case list():
            return [to_plain(item) for item in value]
        case bytes():
            return b64encode(value).decode()
        case float() if not math.isfinite(value):
            return _non_finite(value)
        case _:
            return value


def to_otlp(value: Value) -> dict[str, Any]:
    """As OTLP/JSON writes an `AnyValue`, without any loss (OTLP specification, "JSON Protobuf Encoding")."""
    match value:
        case None:
            return {}
        case str():
            return {"stringValue": value}
        case bool():
            return {"boolValue": value}
        case int():
            return {"intValue": str(value)}
        case float():
            return {"doubleValue": value if math.isfinite(value) else _non_finite(value)}
        case bytes():
            return {"bytesValue": b64encode(value).decode()}
        case list():
            return {"arrayValue": {"values": [to_otlp(item) for item in value]}}
        case KeyValues():
            return {"kvlistValue": {"values": pairs_to_otlp(value)}}


def pairs_to_otlp(attributes: KeyValues) -> list[dict[str, Any]]:
    """Attributes as OTLP/JSON writes them: a list of `{"key": ..., "value": ...}`."""
    return [{"key": key, "value": to_otlp(value)} for key, value in attributes.pairs]


def _non_finite(value: float) -> str:
    return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
