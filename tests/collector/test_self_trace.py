"""The collector's spans of itself: what a request waited for, and no span about spans."""

from pathlib import Path
from typing import Any

import grpc
from opentelemetry.proto.collector.trace.v1.trace_service_pb2_grpc import TraceServiceStub
from tests.collector.inserting import Fickle, until
from tests.collector.watching import PROTOBUF, Watched, watched

from coldlight_collector.intake import Payload
from coldlight_storage import EmbeddedStore, Signal, StoreUnavailable
from coldlight_storage.testing import span, traces_request

OWN = """
SELECT SpanName AS name, TraceId AS trace, SpanId AS id, ParentSpanId AS parent, SpanAttributes AS attributes,
    length(Links.TraceId) AS links, StatusMessage AS message, length(Events.Name) AS events
FROM otel_traces WHERE ServiceName = 'coldlight-collector' ORDER BY Timestamp
"""


async def settle(at: Watched) -> None:
    """Stores the spans made so far, and inserts everything."""
    assert at.collector.trace
    await at.collector.trace.flush()
    await until(lambda: at.journal.state().oldest_unseen_ns is None)


async def own_spans(at: Watched, store: EmbeddedStore, count: int) -> dict[str, dict[str, Any]]:
    """The collector's own spans, by name, once there are so many; there must not be more."""
    while len(rows := store.select(OWN)) < count:
        await settle(at)
    assert len(rows) == count
    return {row["name"]: row for row in rows}


async def test_a_request_is_followed_from_its_receipt_into_clickhouse(
    tmp_path: Path, embedded_store: EmbeddedStore
) -> None:
    async with watched(tmp_path, embedded_store, self_trace=1, linger_s=0) as at:
        assert await at.send() == 200
        spans = await own_spans(at, embedded_store, 4)
    assert list(spans) == ["receive otlp_http", "decode", "journal", "insert traces"]
    receive, decode, journal, insert = spans.values()
    assert len({span["trace"] for span in spans.values()}) == 1
    assert (receive["parent"], decode["parent"], journal["parent"]) == ("", receive["id"], receive["id"])
    assert insert["parent"] == journal["id"]
    assert receive["attributes"]["http.route"] == "/v1/traces"
    assert receive["attributes"]["http.response.status_code"] == "200"


async def test_an_idle_collector_makes_no_spans(tmp_path: Path, embedded_store: EmbeddedStore) -> None:
    """To store a span makes none; else each would bring forth the next for ever."""
    async with watched(tmp_path, embedded_store, self_trace=1, linger_s=0) as at:
        assert await at.send() == 200
        await own_spans(at, embedded_store, 4)
        batches = at.inserter.counts.batches
        for _ in range(5):
            await settle(at)
        assert len(embedded_store.select(OWN)) == 4
        assert at.inserter.counts.batches == batches


async def test_a_batch_is_linked_to_all_that_it_carries(
    tmp_path: Path, embedded_store: EmbeddedStore
) -> None:
    async with watched(tmp_path, embedded_store, self_trace=1, linger_s=0) as at:
        journal = at.journal
        await until(lambda: at.inserter.is_prepared)
        wants_batch, journal.wants_batch = journal.wants_batch, lambda *_: False
        for number in (1, 2, 3):
            assert await at.send(number) == 200
        journal.wants_batch = wants_batch
        journal.nudge()
        spans = await own_spans(at, embedded_store, 10)
    assert spans["insert traces"]["links"] == 2  # and one is its parent


async def test_grpc_is_traced_like_http(tmp_path: Path, embedded_store: EmbeddedStore) -> None:
    async with watched(tmp_path, embedded_store, self_trace=1, linger_s=0) as at:
        async with grpc.aio.insecure_channel(f"127.0.0.1:{at.collector.ports.grpc.port}") as channel:
            await TraceServiceStub(channel).Export(traces_request(span(1)))  # type: ignore[no-untyped-call]
        spans = await own_spans(at, embedded_store, 4)
    assert list(spans) == ["receive otlp_grpc", "decode", "journal", "insert traces"]


async def test_what_was_sent_is_not_in_them(tmp_path: Path, embedded_store: EmbeddedStore) -> None:
    async with watched(tmp_path, embedded_store, self_trace=1, linger_s=0) as at:
        headers = {**PROTOBUF, "X-Secret": "s3cret", "traceparent": f"00-{7:032x}-{7:016x}-01"}
        answer = await at.client.post("/v1/traces?q=s3cret", content=b"\x0a\x7fs3cret", headers=headers)
        assert answer.status_code == 400
        spans = await own_spans(at, embedded_store, 2)
    assert "s3cret" not in str(spans)
    assert f"{7:032x}" not in str(spans)  # the sender's trace is not ours to write into
    assert {(span["events"], span["message"]) for span in spans.values()} == {(0, "")}


async def test_those_that_a_full_journal_does_not_take_are_counted(
    tmp_path: Path, embedded_store: EmbeddedStore
) -> None:
    store = Fickle(embedded_store, insert_failures=[StoreUnavailable("away")] * 1000)
    async with watched(tmp_path, store, self_trace=1, batch_items=1, total_bytes=100_000) as at:
        await at.journal.append(Signal.TRACES, Payload(b"x" * 99_900, 1))
        assert await at.send() == 503
        assert at.collector.trace
        await at.collector.trace.flush()
        refused = "coldlight_refused_requests_total{reason=unavailable,receiver=self}"
        shown = await at.metrics()
        assert shown[refused] == shown["coldlight_received_requests_total{receiver=self}"] >= 1
        store.insert_failures.clear()


async def test_a_fraction_of_nothing_is_off(tmp_path: Path, embedded_store: EmbeddedStore) -> None:
    async with watched(tmp_path, embedded_store, linger_s=0) as at:
        assert at.collector.trace is None
        assert await at.send() == 200
    assert embedded_store.select(OWN) == []
