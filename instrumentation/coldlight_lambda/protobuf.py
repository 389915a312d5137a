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

BYTE = [bytes((number,)) for number in range(256)]
"""Each byte, made once: what is short is written by looking it up."""


def varint(number: int) -> bytes:
    """A number of up to 64 bits; a negative one as its two's complement."""
    if 0 <= number < 0x80:
        return BYTE[number]
    if 0 <= number < 0x4000:
        return BYTE[number & 0x7F | 0x80] + BYTE[number >> 7]
    number &= _INT64_MASK
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


def _tags(wire_type: int) -> list[bytes]:
    """The tags of fields 1 to 19, each at its own place."""
    return [varint(field << 3 | wire_type) for field in range(20)]


_VARINT_TAG, _FIXED64_TAG, _DATA_TAG, _FIXED32_TAG = map(
    _tags, (_VARINT, _FIXED64, _LENGTH_DELIMITED, _FIXED32)
)


def data(field: int, content: bytes) -> bytes:
    """Bytes, or a message that is encoded already."""
    size = len(content)
    return _DATA_TAG[field] + (BYTE[size] if size < 0x80 else varint(size)) + content


def text(field: int, content: str) -> bytes:
    """A string; what Python holds and UTF-8 cannot (lone surrogates) becomes question marks."""
    return data(field, content.encode("utf-8", "replace"))


def number(field: int, value: int) -> bytes:
    """An integer or an enum."""
    return _VARINT_TAG[field] + varint(value)


def fixed64(field: int, value: int) -> bytes:
    """A time in nanoseconds, or another number that is seldom small."""
    return _FIXED64_TAG[field] + _fixed64(value & _INT64_MASK)


def fixed32(field: int, value: int) -> bytes:
    return _FIXED32_TAG[field] + _fixed32(value & 0xFFFFFFFF)


def double(field: int, value: float) -> bytes:
    return _FIXED64_TAG[field] + _double(value)


def repeated(field: int, contents: Iterable[bytes]) -> bytes:
    """Messages that are encoded already, one after the other."""
    return b"".join([data(field, content) for content in contents])
