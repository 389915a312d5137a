"""Content-Encoding undone: everything that encoders write, nothing that attackers do."""

import contextlib
import gzip
import tracemalloc
import zlib
from collections.abc import Callable

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from coldlight_collector.http.decompress import UnknownEncoding, decompress
from coldlight_collector.intake import Malformed, TooLarge

MIB = 1 << 20
SPANS = b"".join(b"span %d of a request; " % number for number in range(2000))
EMPTY_SKIPPABLE_FRAME = b"\x50\x2a\x4d\x18\x00\x00\x00\x00"


def zstd(body: bytes) -> bytes:
    return zstandard.ZstdCompressor(write_checksum=True).compress(body)


def zstd_stream(body: bytes) -> bytes:
    """As a streaming encoder writes it: without the size of the content in the frame's header."""
    stream = zstandard.ZstdCompressor().compressobj()
    return stream.compress(body) + stream.flush()


def raw_deflate(body: bytes) -> bytes:
    return zlib.compress(body, wbits=-zlib.MAX_WBITS)


ENCODERS: list[tuple[str, Callable[[bytes], bytes]]] = [
    ("gzip", gzip.compress),
    ("deflate", zlib.compress),
    ("deflate", raw_deflate),
    ("zstd", zstd),
    ("zstd", zstd_stream),
]
every_encoder = pytest.mark.parametrize(
    ("encoding", "encode"), ENCODERS, ids=["gzip", "deflate", "raw deflate", "zstd", "zstd stream"]
)


@every_encoder
@given(body=st.binary())
def test_what_was_encoded_comes_back(encoding: str, encode: Callable[[bytes], bytes], body: bytes) -> None:
    assert decompress(encode(body), encoding, len(body)) == body


@every_encoder
def test_a_body_of_many_pieces_comes_back(encoding: str, encode: Callable[[bytes], bytes]) -> None:
    assert decompress(encode(SPANS * 100), encoding, 8 * MIB) == SPANS * 100


@every_encoder
@pytest.mark.parametrize("size", [64 * 1024, 3 * 64 * 1024, 4 * MIB])
def test_a_body_that_ends_where_a_piece_ends_comes_back(
    encoding: str, encode: Callable[[bytes], bytes], size: int
) -> None:
    assert decompress(encode(bytes(size)), encoding, 8 * MIB) == bytes(size)


@pytest.mark.parametrize("encoding", ["", "identity", "Identity"])
def test_a_plain_body_is_the_same_object(encoding: str) -> None:
    assert decompress(SPANS, encoding, MIB) is SPANS


@pytest.mark.parametrize("encoding", ["GZIP", " gzip ", "x-gzip"])
def test_gzip_has_other_spellings(encoding: str) -> None:
    assert decompress(gzip.compress(SPANS), encoding, MIB) == SPANS


@pytest.mark.parametrize(("encoding", "encode"), [("gzip", gzip.compress), ("zstd", zstd)])
@given(parts=st.lists(st.binary(), min_size=1, max_size=5))
def test_several_members_are_one_body(
    encoding: str, encode: Callable[[bytes], bytes], parts: list[bytes]
) -> None:
    assert decompress(b"".join(map(encode, parts)), encoding, MIB) == b"".join(parts)


def test_skippable_zstd_frames_are_skipped() -> None:
    sent = EMPTY_SKIPPABLE_FRAME + zstd(SPANS) + EMPTY_SKIPPABLE_FRAME
    assert decompress(sent, "zstd", MIB) == SPANS


# Limits


@every_encoder
def test_the_limit_is_exact(encoding: str, encode: Callable[[bytes], bytes]) -> None:
    assert decompress(encode(SPANS), encoding, len(SPANS)) == SPANS
    with pytest.raises(TooLarge, match=f"over the limit of {len(SPANS) - 1} bytes"):
        decompress(encode(SPANS), encoding, len(SPANS) - 1)


def test_a_plain_body_has_the_limit_too() -> None:
    with pytest.raises(TooLarge):
        decompress(SPANS, "", len(SPANS) - 1)


def gzip_bomb() -> bytes:
    """1 GiB of zeros in 1 MiB."""
    encoder = zlib.compressobj(wbits=16 + zlib.MAX_WBITS)
    start = encoder.compress(b"") + encoder.flush(zlib.Z_FULL_FLUSH)
    sixteen_mib = encoder.compress(bytes(16 * MIB)) + encoder.flush(zlib.Z_FULL_FLUSH)
    return start + sixteen_mib * 64 + encoder.flush()


def zstd_bomb() -> bytes:
    """1 GiB of zeros in 32 KiB: 8192 blocks, each of them one byte to be repeated 128 KiB times."""
    header = b"\x28\xb5\x2f\xfd\x00\x58"
    repeat = (128 * 1024 << 3 | 2).to_bytes(3, "little") + b"\0"
    last = (1 << 3 | 3).to_bytes(3, "little") + b"\0"
    return header + repeat * 8192 + last


@pytest.mark.parametrize(("encoding", "bomb"), [("gzip", gzip_bomb()), ("zstd", zstd_bomb())])
def test_a_bomb_takes_no_more_memory_than_the_limit(encoding: str, bomb: bytes) -> None:
    tracemalloc.start()
    with pytest.raises(TooLarge):
        decompress(bomb, encoding, 4 * MIB)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 6 * MIB


@pytest.mark.parametrize("empty", [gzip.compress(b""), EMPTY_SKIPPABLE_FRAME], ids=["gzip", "zstd"])
def test_a_crowd_of_empty_members_is_refused(empty: bytes) -> None:
    encoding = "gzip" if empty[0] == 0x1F else "zstd"
    with pytest.raises(Malformed):
        decompress(empty * 100_001, encoding, MIB)


def test_a_zstd_window_beyond_what_encoders_use_is_refused() -> None:
    parameters = zstandard.ZstdCompressionParameters(window_log=26)
    stream = zstandard.ZstdCompressor(compression_params=parameters).compressobj()
    with pytest.raises(Malformed, match="too much memory"):
        decompress(stream.compress(SPANS) + stream.flush(), "zstd", MIB)


# Damage


@every_encoder
def test_a_body_cut_anywhere_is_malformed(encoding: str, encode: Callable[[bytes], bytes]) -> None:
    whole = encode(b"five spans, five spans")
    for size in range(len(whole)):
        with pytest.raises(Malformed):
            decompress(whole[:size], encoding, MIB)


@every_encoder
@given(garbage=st.binary(min_size=1, max_size=30))
def test_garbage_behind_the_end_is_malformed(
    encoding: str, encode: Callable[[bytes], bytes], garbage: bytes
) -> None:
    with pytest.raises(Malformed):
        decompress(encode(SPANS) + garbage, encoding, MIB)


@every_encoder
@given(garbage=st.binary())
def test_garbage_is_malformed_or_harmless(
    encoding: str, encode: Callable[[bytes], bytes], garbage: bytes
) -> None:
    with contextlib.suppress(Malformed, TooLarge):
        assert len(decompress(garbage, encoding, MIB)) <= MIB


@pytest.mark.parametrize(("encoding", "encode"), [("gzip", gzip.compress), ("zstd", zstd)])
def test_a_wrong_checksum_is_malformed(encoding: str, encode: Callable[[bytes], bytes]) -> None:
    whole = bytearray(encode(SPANS))
    whole[-5 if encoding == "gzip" else -1] ^= 0xFF
    with pytest.raises(Malformed):
        decompress(bytes(whole), encoding, MIB)


@pytest.mark.parametrize("encoding", ["br", "gzip, gzip", "gzip, identity", "compress"])
def test_other_encodings_are_refused_and_the_served_ones_named(encoding: str) -> None:
    with pytest.raises(UnknownEncoding, match="send one of gzip, deflate, zstd, identity"):
        decompress(SPANS, encoding, MIB)
