"""Undoing Content-Encoding without giving a decompression bomb the memory it asks for."""

import zlib
from collections.abc import Callable, Iterator

import zstandard

from coldlight_collector.intake import Malformed, Refused, TooLarge

_SLICE = 64 * 1024
_PIECE = 64 * 1024
_MOST_PARTS = 100_000
"""Gzip members or zstd blocks of one body: empty ones cost time and are no payload."""
_ZSTD_WINDOW = 32 * 1024 * 1024
"""RFC 9659 allows encoders 8 MiB; the collector's encoder takes 32 MiB at its best level."""

# The layout of a zstd frame (RFC 8878, 3.1.1).
_FRAME_HEADER_MAX_BYTES = 18
_HAS_CHECKSUM = 0b100
_LAST_BLOCK = 0b001
_BLOCK_TYPE = 0b110
_REPEATED_BYTE = 0b010


class UnknownEncoding(Refused):
    """The body is encoded in a way that is not served: HTTP's 415."""


def decompress(body: bytes, encoding: str, limit: int) -> bytes:
    """The body without its `Content-Encoding`, which is "" when the header is absent.

    Serves identity, gzip (also of several members), deflate (with and without zlib's frame) and zstd
    (also of several frames); no more than `limit` bytes and one piece are ever held while they grow.
    Raises `TooLarge` over `limit` bytes, `Malformed` for a body that is cut short or damaged or has
    something behind its end, and `UnknownEncoding` for anything else, such as a list of encodings.
    """
    coding = encoding.strip().lower()
    if coding in ("", "identity"):
        if len(body) > limit:
            raise _too_large(limit)
        return body
    pieces = _PIECES.get(coding)
    if pieces is None:
        raise UnknownEncoding(
            f"Content-Encoding: {encoding}: send one of {', '.join(ENCODINGS)}, and only one"
        )
    try:
        return _joined(pieces(body), limit)
    except (zlib.error, zstandard.ZstdError) as error:
        raise Malformed(f"the body is not {coding}: {error}") from error


def _joined(pieces: Iterator[bytes], limit: int) -> bytes:
    kept: list[bytes] = []
    room = limit
    for piece in pieces:
        room -= len(piece)
        if room < 0:
            raise _too_large(limit)
        kept.append(piece)
    return b"".join(kept)


def _too_large(limit: int) -> TooLarge:
    return TooLarge(f"the body is over the limit of {limit} bytes, decompressed: send smaller batches")


def _cut_short() -> Malformed:
    return Malformed("the compressed body is cut short: send all of it")


def _gunzipped(body: bytes) -> Iterator[bytes]:
    """Every member's content (RFC 1952, 2.2: members simply follow each other)."""
    return _inflated(body, 16 + zlib.MAX_WBITS, _MOST_PARTS)


def _undeflated(body: bytes) -> Iterator[bytes]:
    """RFC 9110, 8.4.1.2 means zlib's frame; some senders leave it out, and no encoder's raw data begins like it."""
    framed = body[:1] and body[0] & 0x0F == zlib.DEFLATED and int.from_bytes(body[:2], "big") % 31 == 0
    return _inflated(body, zlib.MAX_WBITS if framed else -zlib.MAX_WBITS, 1)


def _inflated(body: bytes, wbits: int, most_streams: int) -> Iterator[bytes]:
    """The content in pieces. Sliced, because zlib copies all the input that is left after each of them."""
    stream = zlib.decompressobj(wbits)
    streams = 1
    for start in range(0, len(body), _SLICE):
        rest, piece = body[start : start + _SLICE], b""
        while rest or (len(piece) == _PIECE and not stream.eof):
            if stream.eof:
                streams += 1
                if streams > most_streams:
                    raise Malformed("the body goes on behind the end of its compressed data")
                stream = zlib.decompressobj(wbits)
            piece = stream.decompress(rest, _PIECE)
            yield piece
            rest = stream.unconsumed_tail or stream.unused_data
    if not stream.eof:
        raise _cut_short()


def _unzstd(body: bytes) -> Iterator[bytes]:
    _require_whole_frames(body)
    decompressor = zstandard.ZstdDecompressor(max_window_size=_ZSTD_WINDOW)
    with decompressor.stream_reader(body, read_across_frames=True) as reader:
        while piece := reader.read(_PIECE):
            yield piece


def _require_whole_frames(body: bytes) -> None:
    """Walks over the frames: `stream_reader` takes a frame that is cut short for the end of the data."""
    position = parts = 0
    while position < len(body) or not parts:
        position, blocks = _frame_end(body, position)
        parts += 1 + blocks
        if parts > _MOST_PARTS:
            raise Malformed(f"the body has more than {_MOST_PARTS} zstd blocks: compress it in one go")
    if position > len(body):
        raise _cut_short()


def _frame_end(body: bytes, position: int) -> tuple[int, int]:
    """Where a frame ends (RFC 8878, 3.1), perhaps behind the body, and how many blocks it has."""
    start = body[position : position + _FRAME_HEADER_MAX_BYTES]
    if _is_skippable(start):
        return position + 8 + int.from_bytes(start[4:8], "little"), 0
    position += zstandard.frame_header_size(start)
    blocks, last = 0, False
    while not last and blocks < _MOST_PARTS:
        if position >= len(body):
            raise _cut_short()
        header = int.from_bytes(body[position : position + 3], "little")
        position += 3 + (1 if header & _BLOCK_TYPE == _REPEATED_BYTE else header >> 3)
        last = bool(header & _LAST_BLOCK)
        blocks += 1
    return position + (4 if start[4] & _HAS_CHECKSUM else 0), blocks


def _is_skippable(start: bytes) -> bool:
    return start[1:4] == b"\x2a\x4d\x18" and start[0] >> 4 == 5


_PIECES: dict[str, Callable[[bytes], Iterator[bytes]]] = {
    "gzip": _gunzipped,
    "x-gzip": _gunzipped,
    "deflate": _undeflated,
    "zstd": _unzstd,
}
ENCODINGS = ("gzip", "deflate", "zstd", "identity")
"""What `decompress` serves, as a sender should write it."""
