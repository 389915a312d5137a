"""What ClickHouse does not take: it costs nobody else anything, and is kept."""

from pathlib import Path

import pytest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Span
from tests.collector.inserting import (
    NEVER_BY_ITSELF,
    Fickle,
    a_span,
    bodies,
    collecting,
    journal_alone,
    names,
)

from coldlight_collector.intake import Payload
from coldlight_storage import EmbeddedStore, StoreError


async def test_requests_that_clickhouse_refuses_do_not_cost_the_others_of_their_batch(
    tmp_path: Path, embedded_store: EmbeddedStore
) -> None:
    refused = [Payload(b"\xff\xff no protobuf " + text, 1) for text in (b"at all", b"either")]
    async with collecting(tmp_path, embedded_store, NEVER_BY_ITSELF) as running:
        await running.add(a_span(1), refused[0], a_span(2), a_span(3), refused[1])
    assert names(embedded_store) == ["span 1", "span 2", "span 3"]
    counts = running.inserter.counts
    assert (counts.quarantined_requests, counts.rejected_batches, counts.items) == (2, 0, 3)
    [kept] = tmp_path.glob("traces/*")
    assert kept.suffix == ".rejected"
    assert bodies(kept) == [payload.body for payload in refused]


async def test_a_batch_of_nothing_but_refused_requests_does_not_hold_up_the_queue(
    tmp_path: Path, embedded_store: EmbeddedStore
) -> None:
    async with collecting(tmp_path, embedded_store) as running:
        await running.add(Payload(b"\xff\xff no protobuf at all", 1))
        await running.add(a_span(2))
    assert names(embedded_store) == ["span 2"]
    assert running.inserter.counts.quarantined_requests == 1


async def test_a_batch_that_clickhouse_refuses_for_good_is_kept(
    tmp_path: Path, embedded_store: EmbeddedStore
) -> None:
    """Refused even after it was rewritten, though each of its requests by itself is not."""
    store = Fickle(embedded_store, insert_failures=[StoreError("no"), StoreError("still no")])
    await journal_alone(tmp_path, [a_span(1), a_span(2)], [a_span(3)])
    async with collecting(tmp_path, store) as running:
        running.inserter.workers = 1
    assert names(embedded_store) == ["span 3"]
    assert running.inserter.counts.rejected_batches == 1
    assert len(list(tmp_path.glob("*/*.rejected"))) == 1


def with_an_attribute(value: bytes) -> Payload:
    """A span with an attribute of any bytes, spelled as nobody does."""
    key_value = delimited(0x0A, b"odd") + delimited(0x12, value)
    spelled = Span(name="odd").SerializeToString() + delimited(0x4A, key_value)
    return Payload(delimited(0x0A, delimited(0x12, delimited(0x12, spelled))), 1)


def delimited(tag: int, content: bytes) -> bytes:
    assert len(content) < 128
    return bytes([tag, len(content)]) + content


ODD_VALUES = {
    "two values of which the last counts": AnyValue(string_value="a").SerializeToString()
    + AnyValue(int_value=5).SerializeToString(),
    "a known field of a wrong wire type": b"\x0d\x01\x02\x03\x04" + AnyValue(int_value=5).SerializeToString(),
}


@pytest.mark.parametrize("value", ODD_VALUES)
def test_the_odd_values_are_protobuf(value: str) -> None:
    assert AnyValue.FromString(ODD_VALUES[value]).int_value == 5


@pytest.mark.parametrize("value", ODD_VALUES)
async def test_one_odd_request_does_not_cost_the_others_of_its_batch(
    tmp_path: Path, embedded_store: EmbeddedStore, value: str
) -> None:
    """Protobuf's own readers take it, ClickHouse's does not."""
    async with collecting(tmp_path, embedded_store, NEVER_BY_ITSELF) as running:
        await running.add(a_span(1), with_an_attribute(ODD_VALUES[value]), a_span(2))
    assert names(embedded_store) == ["odd", "span 1", "span 2"]
    rows = embedded_store.select(
        "SELECT SpanAttributes['odd'] AS odd FROM otel_traces WHERE SpanName = 'odd'"
    )
    assert rows == [{"odd": "5"}]
    counts = running.inserter.counts
    assert (counts.batches, counts.rewritten_batches, counts.rejected_batches) == (1, 1, 0)
    assert running.journal.stored_bytes == 0


async def test_a_quarantined_file_is_never_overwritten(tmp_path: Path, embedded_store: EmbeddedStore) -> None:
    """Refused requests were left out of the batch, and then it is refused all the same."""
    store = Fickle(embedded_store, insert_failures=[StoreError("no")] * 3)
    await journal_alone(tmp_path, [a_span(1), Payload(b"\xff\xff no protobuf", 1)])
    async with collecting(tmp_path, store) as running:
        pass
    kept = sorted(tmp_path.glob("traces/*.rejected"))
    assert [len(bodies(path)) for path in kept] == [1, 1]
    assert running.journal.stored_bytes == 0
