"""Frames: what was written is read back, and whatever was cut off or changed is found, at the right place."""

import io
import itertools
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from coldlight_collector.journal.frames import Frame, TornFrame, encode, scan, trim
from coldlight_storage import EmbeddedStore
from coldlight_storage.testing import batch, span, stored_form, traces_request

BODIES = st.binary(max_size=300)
RECORDS = st.lists(
    st.tuples(
        BODIES, st.integers(0, 2**64 - 1), st.integers(0, 2**32 - 1), st.binary(min_size=16, max_size=16)
    ),
    min_size=1,
    max_size=8,
)
Record = tuple[bytes, int, int, bytes]
DIGEST = bytes(range(16))


def segment(records: list[Record]) -> bytes:
    frames = (
        encode(body, sequence, received_ns, items, digest)
        for sequence, (body, received_ns, items, digest) in enumerate(records)
    )
    return b"".join(itertools.chain.from_iterable(frames))


def read(data: bytes) -> tuple[list[Frame], int | None]:
    """The whole frames, and where the first that is torn starts."""
    frames: list[Frame] = []
    try:
        frames.extend(frame for frame, _ in scan(io.BytesIO(data)))
    except TornFrame as torn:
        return frames, torn.offset
    return frames, None


@given(RECORDS)
def test_what_was_written_is_read_back(records: list[Record]) -> None:
    data = segment(records)
    frames, torn = read(data)
    assert torn is None
    assert [(frame.sequence, frame.received_ns, frame.items, frame.digest) for frame in frames] == [
        (sequence, *rest) for sequence, (_, *rest) in enumerate(records)
    ]
    assert [trim(message) for _, message in scan(io.BytesIO(data))] == [body for body, *_ in records]
    assert [frame.start for frame in frames] == [0, *(frame.end for frame in frames[:-1])]


@given(RECORDS, st.data())
def test_a_cut_is_found_where_it_tore_a_frame(records: list[Record], data: st.DataObject) -> None:
    whole = segment(records)
    frames, _ = read(whole)
    cut = data.draw(st.integers(0, len(whole)))
    left = [frame for frame in frames if frame.end <= cut]
    end = left[-1].end if left else 0
    assert read(whole[:cut]) == (left, None if cut == end else end)


@given(RECORDS, st.data())
def test_a_changed_byte_is_found_in_its_frame(records: list[Record], data: st.DataObject) -> None:
    changed = bytearray(segment(records))
    frames, _ = read(bytes(changed))
    place = data.draw(st.integers(0, len(changed) - 1))
    changed[place] ^= data.draw(st.integers(1, 255))
    before = [frame for frame in frames if frame.end <= place]
    assert read(bytes(changed)) == (before, before[-1].end if before else 0)


@given(RECORDS, st.binary(min_size=1, max_size=100))
def test_bytes_behind_the_last_frame_are_found(records: list[Record], rest: bytes) -> None:
    whole = segment(records)
    frames, torn = read(whole + rest)
    assert frames == read(whole)[0]
    assert torn == len(whole)


def test_an_empty_segment_has_no_frames() -> None:
    assert read(b"") == ([], None)


@pytest.mark.parametrize("length", [b"\xff\xff\xff\xff\x7f", b"\xff" * 9, b"\x80" * 4])
def test_a_torn_length_that_claims_gigabytes_takes_no_memory(tmp_path: Path, length: bytes) -> None:
    file = tmp_path / "segment"
    file.write_bytes(length + b"a few bytes")
    with file.open("rb") as opened, pytest.raises(TornFrame, match="at byte 0"):
        list(scan(opened))


def test_a_long_frame_has_a_long_length() -> None:
    body = b"x" * 3_000_000
    frames, torn = read(segment([(body, 1, 2, DIGEST), (b"", 3, 4, DIGEST)]))
    assert torn is None
    assert [frame.sequence for frame in frames] == [0, 1]


def test_any_reader_of_otlp_skips_the_private_fields() -> None:
    body = traces_request(span(attributes={"a": "b"})).SerializeToString()
    message = segment([(body, 1, 1, DIGEST)])[2:]  # behind the length
    read = ExportTraceServiceRequest.FromString(message)
    assert read.resource_spans == ExportTraceServiceRequest.FromString(body).resource_spans


def test_clickhouse_skips_the_private_fields(
    embedded_store: EmbeddedStore, tmp_path: Path, number: int
) -> None:
    made = batch(tmp_path, [], number)
    bodies = [stored_form(traces_request(span(n + 1, attributes={"n": [n]}))) for n in range(3)]
    made.path.write_bytes(segment([(body, 2**64 - 1, 1, DIGEST) for body in bodies]))
    embedded_store.insert(replace(made, requests=3, items=3))
    rows = embedded_store.select("SELECT SpanAttributes['n'] AS n FROM otel_traces ORDER BY SpanId")
    assert rows == [{"n": "[0]"}, {"n": "[1]"}, {"n": "[2]"}]
