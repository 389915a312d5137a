import struct
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coldlight_lambda import frames
from coldlight_lambda.frames import BrokenFrame, Frames, encode

KINDS = st.sampled_from([frames.HELLO, frames.START, frames.OPEN, frames.SPAN, frames.END, frames.DROPPED])
SENT = st.lists(
    st.tuples(KINDS, st.text(st.characters(max_codepoint=127), max_size=40), st.binary(max_size=300))
)


@given(sent=SENT, size=st.integers(1, 50))
def test_frames_come_out_as_they_went_in_however_the_stream_is_cut(
    sent: list[tuple[bytes, str, bytes]], size: int
) -> None:
    stream = b"".join(encode(*frame) for frame in sent)
    reader = Frames()
    received = [frame for at in range(0, len(stream), size) for frame in reader.feed(stream[at : at + size])]
    assert received == sent


def test_what_is_too_large_for_a_frame_is_refused() -> None:
    with pytest.raises(ValueError, match="at most"):
        encode(frames.SPAN, "id", bytes(frames.LONGEST_CONTENT + 1))


@pytest.mark.parametrize(
    "stream", [b"GET / HTTP/1.1\r\n", struct.pack(">cBI", b"P", 0, frames.LONGEST_CONTENT + 1)]
)
def test_a_stream_of_something_else_is_broken(stream: bytes) -> None:
    with pytest.raises(BrokenFrame):
        Frames().feed(stream)


@given(st.binary(max_size=200))
def test_no_bytes_do_more_than_break(stream: bytes) -> None:
    with suppress(BrokenFrame):
        Frames().feed(stream)
