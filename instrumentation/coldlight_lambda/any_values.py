"""Attributes and values of any kind as OTLP has them (opentelemetry/proto/common/v1/common.proto: `KeyValue`, `AnyValue`).

Most attributes are short strings under names seen before: those are written from tables, in a third of a microsecond.
"""

from __future__ import annotations

from coldlight_lambda import plain
from coldlight_lambda.protobuf import BYTE, data, double, number, repeated, text, varint

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from coldlight_lambda.spans import Attributes

_SMALLEST, _LARGEST = -(2**63), 2**63 - 1
_DEEPEST = 16
_MOST_VALUES = 20_000
"""In one value, whatever its nesting; what holds itself, or more, ends in "..."."""
_CUT = text(1, "...")

_KEY, _VALUE, _INTEGER = b"\x0a", b"\x12", b"\x18"
_SHORT_STRINGS = [_VALUE + BYTE[size + 2] + _KEY + BYTE[size] for size in range(100)]
"""Before a string of so many bytes: the value's tag and size, and the string's."""
_MOST_KNOWN_KEYS = 2_000
_known_keys: dict[str, bytes] = {}


def attributes(field: int, values: Attributes) -> bytes:
    """Repeated `KeyValue`, as the field with this number of whatever has them."""
    tag = varint(field << 3 | 2)
    parts: list[bytes] = []
    for key, value in values.items():
        head = _known_keys.get(key) or _key(key)
        if type(value) is str:
            content = value.encode("utf-8", "replace")
            size = len(content)
            whole = len(head) + 4 + size
            if size < 100 and whole < 128:
                parts += (tag, BYTE[whole], head, _SHORT_STRINGS[size], content)
                continue
        scalar = _SCALARS.get(type(value))
        encoded = scalar(value) if scalar else any_value(value)
        size = len(encoded)
        if size < 60 and len(head) < 60:
            parts += (tag, BYTE[len(head) + 2 + size], head, _VALUE, BYTE[size], encoded)
        else:
            pair = head + data(2, encoded)
            parts += (tag, varint(len(pair)), pair)
    return b"".join(parts)


def _key(key: str) -> bytes:
    """The key's field; kept, as the same few keys come again and again."""
    encoded = text(1, plain.key_text(key))
    if len(_known_keys) < _MOST_KNOWN_KEYS and type(key) is str and len(encoded) < 128:
        _known_keys[key] = encoded
    return encoded


def any_value(value: object) -> bytes:
    """An `AnyValue`. An integer beyond 64 bits becomes a double; what no `AnyValue` can hold is told by the name of its type."""
    scalar = _SCALARS.get(type(value))
    return scalar(value) if scalar else _of_base(value, 0, [_MOST_VALUES])


def _of_base(value: object, depth: int, left: list[int]) -> bytes:
    """By the plain type that the value derives from. `left` counts down how many more values are taken."""
    left[0] -= 1
    scalar = _SCALARS.get(type(value))
    if scalar:
        return scalar(value)
    base = plain.base_of(type(value))
    if base is None:
        return text(1, f"<{plain.type_name(type(value))}>")
    if not plain.is_collection(base):
        return _SCALARS[base](plain.scalar(value, base))
    if depth >= _DEEPEST:
        return _CUT
    return _kvlist(value, depth, left) if base is dict else _array(value, base, depth, left)


def _kvlist(value: Any, depth: int, left: list[int]) -> bytes:
    pairs = []
    for key, item in plain.items(value, dict):
        if left[0] <= 0:
            pairs.append(text(1, "...") + data(2, _CUT))
            break
        pairs.append(text(1, plain.key_text(key)) + data(2, _of_base(item, depth + 1, left)))
    return data(6, repeated(1, pairs))


def _array(value: Any, base: type, depth: int, left: list[int]) -> bytes:
    found = []
    for item in plain.items(value, base):
        if left[0] <= 0:
            found.append(_CUT)
            break
        found.append(_of_base(item, depth + 1, left))
    return data(5, repeated(1, found))


def _integer(value: int) -> bytes:
    if _SMALLEST <= value <= _LARGEST:
        return number(3, value)
    try:
        return double(4, float(value))
    except OverflowError:
        return text(1, f"<int of {value.bit_length()} bits>")


_SCALARS: dict[type, Callable[[Any], bytes]] = {
    str: lambda value: text(1, value),
    bool: lambda value: number(2, value),
    int: lambda value: _INTEGER + BYTE[value] if 0 <= value < 0x80 else _integer(value),
    float: lambda value: double(4, value),
    bytes: lambda value: data(7, value),
    bytearray: lambda value: data(7, bytes(value)),
    type(None): lambda value: b"",
}
