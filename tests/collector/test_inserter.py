"""From the journal into ClickHouse: exactly once, whatever happens in between."""

import asyncio
import uuid
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.proto.metrics.v1.metrics_pb2 import Gauge, Metric, NumberDataPoint, Sum
from tests.collector.inserting import (
    AT_ONCE,
    NEVER_BY_ITSELF,
    Fickle,
    a_span,
    collecting,
    journal_alone,
    names,
    nothing_to_prepare,
    until,
)

from coldlight_collector.inserter import Inserter, read_identity
from coldlight_collector.intake import Payload, Unavailable
from coldlight_collector.journal import Journal, JournalLimits
from coldlight_collector.validate import validate
from coldlight_storage import Batch, EmbeddedStore, Signal, StoreError, StoreUnavailable
from coldlight_storage.collectors import claim_number
from coldlight_storage.segments import stored_items
from coldlight_storage.testing import (
    log_record,
    logs_request,
    metrics_request,
    stored_form,
)


async def test_what_is_acknowledged_is_seen_once(tmp_path: Path, embedded_store: EmbeddedStore) -> None:
    async with collecting(tmp_path, embedded_store) as running:
        await running.add(a_span(1), a_span(2))
        await running.add(
            Payload(stored_form(logs_request(log_record("hello")), Signal.LOGS), 1), signal=Signal.LOGS
        )
    assert names(embedded_store) == ["span 1", "span 2"]
    assert embedded_store.select("SELECT Body FROM otel_logs") == [{"Body": "hello"}]
    assert (running.inserter.counts.items, running.inserter.counts.waiting_for) == (3, "")
    assert running.journal.stored_bytes == 0
    assert not any(tmp_path.glob("*/*"))


async def test_a_row_tells_the_collector_and_the_segment_and_the_day(
    tmp_path: Path, embedded_store: EmbeddedStore
) -> None:
    """The day is that of receipt, not that of the insert, so that a late repetition meets the same partition."""
    midnight = int(datetime(2026, 2, 4, tzinfo=UTC).timestamp()) * 10**9
    now_ns = midnight - 1
    async with collecting(tmp_path, embedded_store, clock_ns=lambda: now_ns) as running:
        await running.add(a_span(1))
        now_ns = midnight
        await running.add(a_span(2))
    rows = embedded_store.select(
        "SELECT IngestSegment, toString(ReceivedDate) AS day FROM otel_traces ORDER BY SpanName"
    )
    [holder] = embedded_store.select("SELECT Number, Identity FROM coldlight_collectors")
    assert holder["Identity"] == read_identity(tmp_path)
    assert {row["IngestSegment"] >> 44 for row in rows} == {holder["Number"]}
    assert [row["day"] for row in rows] == ["2026-02-03", "2026-02-04"]


async def test_a_collector_keeps_its_number_when_clickhouse_has_lost_it(
    tmp_path: Path, embedded_store: EmbeddedStore
) -> None:
    """As after a loss of power; a segment that comes back must find the rows that it had."""
    async with collecting(tmp_path, embedded_store) as running:
        await running.add(a_span(1))
    embedded_store.command("TRUNCATE TABLE coldlight_collectors")
    async with collecting(tmp_path, embedded_store) as running:
        await running.add(a_span(2))
    rows = embedded_store.select(
        "SELECT DISTINCT bitShiftRight(IngestSegment, 44) AS number FROM otel_traces"
    )
    claims = embedded_store.select("SELECT Number AS number FROM coldlight_collectors")
    assert len(rows) == 1
    assert claims == rows


async def test_a_lost_number_that_somebody_else_has_is_theirs(embedded_store: EmbeddedStore) -> None:
    first = claim_number(embedded_store, "first")
    assert claim_number(embedded_store, "second", had=first) != first
    assert claim_number(embedded_store, "first", had=first) == first


async def test_two_workers_are_one_collector(tmp_path: Path, embedded_store: EmbeddedStore) -> None:
    await journal_alone(tmp_path, *[[a_span(n), a_span(n + 1)] for n in range(1, 9, 2)])
    async with collecting(tmp_path, embedded_store):
        pass
    assert len(names(embedded_store)) == 8
    assert len(embedded_store.select("SELECT Number FROM coldlight_collectors")) == 1


async def test_while_clickhouse_is_away_requests_are_acknowledged_and_inserted_later(
    tmp_path: Path, embedded_store: EmbeddedStore
) -> None:
    away = StoreUnavailable("connection refused")
    store = Fickle(embedded_store, insert_failures=[away] * 2, select_failures=[away])
    async with collecting(tmp_path, store) as running:
        await running.add(a_span(1), a_span(2))
        await until(lambda: running.inserter.counts.waiting_for == "connection refused")
    assert names(embedded_store) == ["span 1", "span 2"]
    assert running.inserter.counts.retries == 3
    assert running.inserter.counts.waiting_for == ""


async def test_a_journal_that_clickhouse_s_absence_has_filled_refuses_and_recovers(
    tmp_path: Path, embedded_store: EmbeddedStore
) -> None:
    away = StoreUnavailable("connection refused")
    store = Fickle(embedded_store, insert_failures=[away] * 1000)
    size = len(a_span(1).body)
    limits = JournalLimits(batch_items=1, total_bytes=2 * size)
    async with collecting(tmp_path, store, limits) as running:
        await running.add(a_span(1))
        with pytest.raises(Unavailable, match="ClickHouse does not keep up"):
            await running.add(a_span(2))
        store.insert_failures.clear()
        await until(lambda: running.journal.stored_bytes == 0)
        await running.add(a_span(3))
    assert names(embedded_store) == ["span 1", "span 3"]


async def test_tables_are_made_as_soon_as_clickhouse_is_there(
    tmp_path: Path, embedded_store: EmbeddedStore
) -> None:
    failures = [StoreUnavailable("not yet")] * 1000

    def prepare() -> None:
        if failures:
            raise failures.pop()

    async with collecting(tmp_path, embedded_store, prepare=prepare) as running:
        await running.add(a_span(1))
        assert names(embedded_store) == []
        failures.clear()
    assert names(embedded_store) == ["span 1"]


async def test_a_reason_never_to_start_is_raised(tmp_path: Path, embedded_store: EmbeddedStore) -> None:
    def prepare() -> None:
        raise StoreError("no permission")

    inserter = Inserter(Journal(tmp_path, AT_ONCE), embedded_store, read_identity(tmp_path), prepare)
    with pytest.raises(StoreError, match="no permission"):
        await inserter.run()


async def test_a_restart_inserts_what_was_sealed_and_what_was_open(
    tmp_path: Path, embedded_store: EmbeddedStore
) -> None:
    await journal_alone(tmp_path, [a_span(1), a_span(2)], [a_span(3)])
    assert [path.suffix for path in sorted(tmp_path.glob("traces/*"))] == [".sealed", ".open"]
    async with collecting(tmp_path, embedded_store) as running:
        await running.add(a_span(4))
    assert names(embedded_store) == ["span 1", "span 2", "span 3", "span 4"]


async def test_a_torn_tail_is_not_inserted(tmp_path: Path, embedded_store: EmbeddedStore) -> None:
    await journal_alone(tmp_path, [a_span(1)])
    [left] = tmp_path.glob("traces/*.open")
    with left.open("ab") as file:
        file.write(b"\x7fhalf a request")
    async with collecting(tmp_path, embedded_store) as running:
        pass
    assert names(embedded_store) == ["span 1"]
    assert running.inserter.counts.rejected_batches == 0


class Died(BaseException):
    """The process ends here."""


@dataclass
class Deadly(Fickle):
    """A store whose process dies right after an insert, before anybody hears of it."""

    def insert(self, batch: Batch) -> None:
        super().insert(batch)
        raise Died


async def test_a_batch_inserted_by_a_process_that_died_of_it_is_not_inserted_again(
    tmp_path: Path, embedded_store: EmbeddedStore
) -> None:
    await journal_alone(tmp_path, [a_span(1), a_span(2)], [a_span(3)])
    deadly = Deadly(embedded_store)
    inserter = Inserter(
        Journal(tmp_path, AT_ONCE), deadly, read_identity(tmp_path), nothing_to_prepare, workers=1
    )
    with suppress(BaseExceptionGroup):
        await inserter.run()
    assert names(embedded_store) == ["span 1", "span 2"]

    again = Fickle(embedded_store)
    async with collecting(tmp_path, again):
        pass
    assert names(embedded_store) == ["span 1", "span 2", "span 3"]
    assert deadly.inserted[0] in again.inserted
    spans = embedded_store.select("SELECT uniqExactMerge(Spans) AS n FROM trace_index")
    assert spans == [{"n": 3}]


async def test_a_batch_of_a_failed_insert_that_went_in_is_not_inserted_twice(
    tmp_path: Path, embedded_store: EmbeddedStore
) -> None:
    """The answer was lost, not the insert."""

    class Mumbling(Fickle):
        def insert(self, batch: Batch) -> None:
            super().insert(batch)
            if len(self.inserted) == 1:
                raise StoreUnavailable("the connection broke")

    async with collecting(tmp_path, Mumbling(embedded_store)) as running:
        await running.add(a_span(1))
    assert names(embedded_store) == ["span 1"]
    assert running.inserter.counts.retries == 1


async def test_an_inserter_that_is_cancelled_leaves_the_rest_for_the_next(
    tmp_path: Path, embedded_store: EmbeddedStore
) -> None:
    await journal_alone(tmp_path, [a_span(1), a_span(2)])
    store = Fickle(embedded_store, insert_failures=[StoreUnavailable("away")] * 100)
    inserter = Inserter(Journal(tmp_path, AT_ONCE), store, read_identity(tmp_path), nothing_to_prepare)
    task = asyncio.create_task(inserter.run())
    await until(lambda: inserter.counts.retries > 0)
    task.cancel()
    await asyncio.wait([task])
    async with collecting(tmp_path, embedded_store):
        pass
    assert names(embedded_store) == ["span 1", "span 2"]


async def test_what_a_failed_sync_may_have_cost_is_inserted_anew(
    tmp_path: Path, embedded_store: EmbeddedStore
) -> None:
    """A later sync may say yes though the system has let go of what it could not write."""
    store = Fickle(embedded_store, sync_failures=[OSError(5, "Input/output error")])
    async with collecting(tmp_path, store) as running:
        await running.add(a_span(1))
    first, again = store.inserted
    assert (first.ingest_segment, first.token) == (again.ingest_segment, again.token.partition("-")[0])
    assert first.token != again.token
    assert names(embedded_store) == ["span 1"]
    assert running.journal.stored_bytes == 0


def test_an_identity_is_made_up_once(tmp_path: Path) -> None:
    identity = read_identity(tmp_path)
    assert read_identity(tmp_path) == identity == str(uuid.UUID(identity))


def test_a_broken_identity_is_not_taken_for_one(tmp_path: Path) -> None:
    """Two collectors with an empty one would share their numbers, and lose each other's batches."""
    (tmp_path / "identity").write_text("")
    with pytest.raises(ValueError, match="UUID"):
        read_identity(tmp_path)


async def test_a_segment_that_was_taken_away_does_not_hold_up_the_queue(
    tmp_path: Path, embedded_store: EmbeddedStore
) -> None:
    await journal_alone(tmp_path, [a_span(1), a_span(2)], [a_span(3)])
    journal = Journal(tmp_path, AT_ONCE)
    [first, second] = [journal.sealed.get_nowait() for _ in range(2)]
    first.path.unlink()
    for segment in (first, second):
        journal.sealed.put_nowait(segment)
    inserter = Inserter(journal, embedded_store, read_identity(tmp_path), nothing_to_prepare)
    task = asyncio.create_task(inserter.run())
    await until(lambda: inserter.counts.batches == 1)
    task.cancel()
    await asyncio.wait([task])
    assert names(embedded_store) == ["span 3"]


def measured(**data: Any) -> Payload:
    request = metrics_request(Metric(name="measured", **data))
    return validate(Signal.METRICS, stored_form(request, Signal.METRICS))


GAUGE = {"gauge": Gauge(data_points=[NumberDataPoint(as_int=1)])}
SUM = {"sum": Sum(data_points=[NumberDataPoint(as_int=2), NumberDataPoint(as_int=3)])}


async def test_only_metrics_tables_with_rows_get_an_insert(
    tmp_path: Path, embedded_store: EmbeddedStore
) -> None:
    store = Fickle(embedded_store)
    async with collecting(tmp_path, store, NEVER_BY_ITSELF) as running:
        await running.add(measured(**GAUGE), measured(**SUM), signal=Signal.METRICS)
    [batch] = store.inserted
    assert batch.tables == ("otel_metrics_gauge", "otel_metrics_sum")
    assert stored_items(embedded_store, batch) == 3


async def test_after_a_restart_all_metrics_tables_are_tried(
    tmp_path: Path, embedded_store: EmbeddedStore
) -> None:
    journal = Journal(tmp_path, NEVER_BY_ITSELF)
    task = asyncio.create_task(journal.run())
    await journal.append(Signal.METRICS, measured(**SUM))
    task.cancel()
    await asyncio.wait([task])
    store = Fickle(embedded_store)
    async with collecting(tmp_path, store):
        pass
    [batch] = store.inserted
    assert batch.data is None
    assert stored_items(embedded_store, batch) == 2
