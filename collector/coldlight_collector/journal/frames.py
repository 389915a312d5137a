"""The bytes of a journal segment: length-delimited OTLP requests, each carrying its own check.

A frame is what ClickHouse's `Protobuf` format reads as one message: a length, the request as it was validated, and
four private fields of Protobuf behind it, which every reader of OTLP skips:

    1000 fixed64 sequence       place in the segment, from 0
    1001 fixed64 received_ns    Unix time of receipt, nanoseconds
    1002 fixed32 items          spans, log records or data points inside
    1004 bytes   digest         what the request is known by when it is sent again, 16 bytes
    1003 fixed32 checksum       CRC-32 of the request and the fields before this one
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from io import SEEK_END
from typing import BinaryIO
from zlib import crc32

DIGEST_BYTES = 16
_TRAILER = struct.Struct(f"<HQHQHIHB{DIGEST_BYTES}sHI")
# Tag of a private field: its number and wire type (1: 64 bits, 2: a length and bytes, 5: 32 bits) as a two-byte varint.
_SEQUENCE, _RECEIVED, _ITEMS, _DIGEST, _CHECKSUM = 0x3EC1, 0x3EC9, 0x3ED5, 0x3EE2, 0x3EDD
_BEFORE_CHECKSUM = _TRAILER.size - 6
_LONGEST_LENGTH = 5


@dataclass(frozen=True)
class Frame:
    """One frame of a segment: where it starts and ends in the file, and what its trailer says."""

    start: int
    end: int
    sequence: int
    received_ns: int
    items: int
    digest: bytes


class TornFrame(Exception):
    """From byte `offset` on the segment holds no whole frame: it was cut off there, or its bytes changed."""

    def __init__(self, offset: int) -> None:
        super().__init__(f"no whole frame at byte {offset}")
        self.offset = offset


def encode(
    body: bytes, sequence: int, received_ns: int, items: int, digest: bytes
) -> tuple[bytes, bytes, bytes]:
    """A frame as three pieces to write one after the other: length, request (the very bytes given), trailer."""
    numbers = (_SEQUENCE, sequence, _RECEIVED, received_ns, _ITEMS, items)
    fields = _TRAILER.pack(*numbers, _DIGEST, DIGEST_BYTES, digest, _CHECKSUM, 0)[:_BEFORE_CHECKSUM]
    checksum = struct.pack("<HI", _CHECKSUM, crc32(fields, crc32(body)))
    return _varint(len(body) + _TRAILER.size), body, fields + checksum


def scan(file: BinaryIO) -> Iterator[tuple[Frame, bytes]]:
    """The frames of a segment, each checked, with their messages. Raises `TornFrame` at the first that is not whole."""
    size = file.seek(0, SEEK_END)
    offset = 0
    while offset < size:
        file.seek(offset)
        length, width = _read_varint(file.read(_LONGEST_LENGTH), offset)
        end = offset + width + length
        if end > size:  # before reading: a torn length may claim gigabytes
            raise TornFrame(offset)
        file.seek(offset + width)
        message = file.read(length)
        frame = _read_frame(message, offset, end)
        if frame is None:
            raise TornFrame(offset)
        yield frame, message
        offset = end


def trim(message: bytes) -> bytes:
    """The request in a frame's message."""
    return message[: -_TRAILER.size]


def _read_frame(message: bytes, start: int, end: int) -> Frame | None:
    """The frame around a message, or None if the trailer is not what `encode` wrote."""
    if len(message) < _TRAILER.size:
        return None
    fields = _TRAILER.unpack_from(message, len(message) - _TRAILER.size)
    tag_s, sequence, tag_r, received_ns, tag_i, items, tag_d, size, digest, tag_c, checksum = fields
    tags_hold = (tag_s, tag_r, tag_i, tag_d, tag_c) == (_SEQUENCE, _RECEIVED, _ITEMS, _DIGEST, _CHECKSUM)
    if not tags_hold or size != DIGEST_BYTES or checksum != crc32(memoryview(message)[:-6]):
        return None
    return Frame(start, end, sequence, received_ns, items, digest)


def _varint(number: int) -> bytes:
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


def _read_varint(prefix: bytes, offset: int) -> tuple[int, int]:
    """A length and its own width in bytes."""
    number = 0
    for index, byte in enumerate(prefix):
        number |= (byte & 0x7F) << (7 * index)
        if byte < 0x80:
            return number, index + 1
    raise TornFrame(offset)
