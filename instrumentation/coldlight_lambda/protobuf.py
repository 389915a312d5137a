"""The protobuf wire format, as far as OTLP needs it (protobuf.dev, "Encoding").

Fields are plain bytes that are joined: a message grows by appending, and of a field that is there twice the last one counts.
"""

from __future__ import annotations

import struct

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

_VARINT, _FIXED64, _LENGTH_DELIMITED, _FIXED32 = 0, 1, 2, 5
_INT64_MASK = (1 << 64) - 1
_double = struct.Struct("<d").pack
_fixed64 = struct.Struct("<Q").pack
_fixed32 = struct.Struct("<I").pack


def varint(number: int) -> bytes:
    """A number of up to 64 bits; a negative one as its two's complement."""
    number &= _INT64_MASK
    if number < 0x80:
        return bytes((number,))
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


def _tag(field: int, wire_type: int) -> bytes:
    return varint(field << 3 | wire_type)


_TAGS = {(field, wire_type): _tag(field, wire_type) for field in range(1, 20) for wire_type in (0, 1, 2, 5)}


def data(field: int, content: bytes) -> bytes:
    """Bytes, or a message that is encoded already."""
    return _TAGS[field, _LENGTH_DELIMITED] + varint(len(content)) + content


def text(field: int, content: str) -> bytes:
    """A string; what Python holds and UTF-8 cannot (lone surrogates) becomes question marks."""
    return data(field, content.encode("utf-8", "replace"))


def number(field: int, value: int) -> bytes:
    """An integer or an enum."""
    return _TAGS[field, _VARINT] + varint(value)


def fixed64(field: int, value: int) -> bytes:
    """A time in nanoseconds, or another number that is seldom small."""
    return _TAGS[field, _FIXED64] + _fixed64(value & _INT64_MASK)


def fixed32(field: int, value: int) -> bytes:
    return _TAGS[field, _FIXED32] + _fixed32(value & 0xFFFFFFFF)


def double(field: int, value: float) -> bytes:
    return _TAGS[field, _FIXED64] + _double(value)


def repeated(field: int, contents: Iterable[bytes]) -> bytes:
    """Messages that are encoded already, one after the other."""
    return b"".join([data(field, content) for content in contents])
