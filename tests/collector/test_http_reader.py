"""Properties of the request reader: however the bytes are cut, and whatever they are."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from coldlight_collector.http.known_heads import KnownHeads
from coldlight_collector.http.messages import Budget, Limits, Refusal, Request
from coldlight_collector.http.reader import RequestReader

GET = b"GET /a HTTP/1.1\r\nHost: x\r\n\r\n"
CHUNKED = b"POST /a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"


def posted(body: bytes) -> bytes:
    return b"POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body)


def chunked(body: bytes) -> bytes:
    return CHUNKED + b"".join(b"1\r\n%c\r\n" % byte for byte in body) + b"0\r\n\r\n"


def read(pieces: list[bytes], heads: KnownHeads | None = None) -> list[Request | Refusal]:
    reader = RequestReader(Limits(), Budget(), lambda: 0.0, heads or KnownHeads())
    for piece in pieces:
        if not reader.finished:
            reader.feed(piece)
    return list(reader.ready)


bodies = st.binary(max_size=50)


@given(
    requests=st.lists(bodies.map(posted) | bodies.map(chunked), min_size=1, max_size=4),
    cuts=st.lists(st.integers(0, 1000), max_size=8),
)
def test_where_the_network_cuts_makes_no_difference(requests: list[bytes], cuts: list[int]) -> None:
    stream = b"".join(requests)
    marks = sorted({0, len(stream), *(cut % len(stream) for cut in cuts)})
    assert read([stream[start:end] for start, end in pairwise(marks)]) == read(requests)


HEADS = [
    b"POST /a?b=c HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\nAuthorization: Bearer 1\r\n\r\n",
    b"POST /a HTTP/1.1\r\nhost: x\r\ncontent-length: %d\r\nauthorization: Bearer 1\r\n\r\n",
    b"POST /ength: %d HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\n",
    b"POST /a HTTP/1.1\r\nHost: x\r\nX-Wavelength: %d\r\nContent-Length: 3\r\n\r\n",
    b"POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: +%d\r\n\r\n",
    b"POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\nContent-Length: 3\r\n\r\n",
    b"POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\nTransfer-Encoding: chunked\r\n\r\n",
    b"POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\nExpect: 100-continue\r\n\r\n",
    b"POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\nConnection: close\r\n\r\n",
    b"POST /a HTTP/1.1\nHost: x\nContent-Length: %d\n\r\n\r\n",
    b"\r\nPOST /a HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n",
]


def told(read: list[Request | Refusal]) -> list[object]:
    return [(one.status, one.reason) if isinstance(one, Refusal) else one for one in read]


@given(st.lists(st.tuples(st.sampled_from(HEADS), st.integers(0, 5), st.binary(max_size=5)), min_size=2))
def test_a_head_that_was_read_before_means_what_it_meant_then(sent: list[tuple[bytes, int, bytes]]) -> None:
    known = KnownHeads()
    for head, length, body in sent:
        request = head % length + body
        assert told(read([request], known)) == told(read([request]))


def test_what_arrives_behind_a_beginning_belongs_to_it() -> None:
    known = KnownHeads()
    read([posted(b"1")], known)
    assert told(read([b"POST /b HTTP/1.1\r\nX: ", posted(b"1")], known)) == told(
        read([b"POST /b HTTP/1.1\r\nX: " + posted(b"1")])
    )


def test_too_many_heads_are_forgotten() -> None:
    known = KnownHeads(most=1)
    read([posted(b"1")], known)
    read([posted(b"1").replace(b"/a", b"/b")], known)
    assert known.read(posted(b"1")) is None
    assert known.read(posted(b"1").replace(b"/a", b"/b")) is not None


@given(bodies)
def test_both_framings_carry_the_same_body(body: bytes) -> None:
    (plain,), (in_chunks,) = read([posted(body)]), read([chunked(body)])
    assert isinstance(plain, Request)
    assert isinstance(in_chunks, Request)
    assert plain.body == in_chunks.body == body


@given(st.lists(st.binary() | st.sampled_from([GET, posted(b"x"), CHUNKED, b"\r\n", b"1\r\nx"])))
def test_any_bytes_end_in_requests_and_at_most_one_refusal(pieces: list[bytes]) -> None:
    assert all(isinstance(request, Request) for request in read(pieces)[:-1])


@given(st.lists(st.binary() | st.sampled_from([posted(b"x" * 60), CHUNKED, b"4\r\nxxxx\r\n", b"0\r\n\r\n"])))
def test_discarding_gives_back_every_byte_that_was_charged(pieces: list[bytes]) -> None:
    budget = Budget(100)
    reader = RequestReader(Limits(), budget, lambda: 0.0, KnownHeads())
    for piece in pieces:
        if not reader.finished:
            reader.feed(piece)
    reader.discard()
    assert budget.held == 0
