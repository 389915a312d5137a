"""A batch of which nobody knows what became is in ClickHouse exactly once in the end."""

from dataclasses import replace
from pathlib import Path

import pytest
from opentelemetry.proto.metrics.v1.metrics_pb2 import Gauge, Metric, NumberDataPoint, Sum

from coldlight_collector.insertion import Insertion, Miscounted
from coldlight_storage import Batch, QueryTooLarge, Row, Signal, Store, StoreUnavailable
from coldlight_storage.segments import remove_items, stored_items
from coldlight_storage.testing import TODAY, Put, batch, metrics_request, span, traces_request


def spans_in_index(store: Store) -> int:
    return int(store.select("SELECT uniqExactMerge(Spans) AS n FROM trace_index")[0]["n"])


def test_a_new_batch_is_inserted(store: Store, tmp_path: Path, number: int) -> None:
    made = batch(tmp_path, traces_request(span(1), span(2)), number)
    Insertion(store, made, is_new=True).insert()
    assert stored_items(store, made) == 2


def test_a_batch_that_went_in_before_is_not_inserted_again(store: Store, put: Put) -> None:
    made = put(traces_request(span(1), span(2)))
    Insertion(store, made, is_new=False).insert()
    assert stored_items(store, made) == 2


def test_a_batch_of_which_clickhouse_knows_the_token_and_lacks_the_rows_is_inserted(
    store: Store, put: Put
) -> None:
    """As after a kill between its deduplication log and the part (ADR 10)."""
    made = put(traces_request(span(1), span(2)))
    remove_items(store, made)
    store.insert(made)
    assert stored_items(store, made) == 0
    Insertion(store, made, is_new=False).insert()
    assert stored_items(store, made) == 2


def test_a_batch_of_which_clickhouse_has_the_rows_and_has_lost_the_token_is_there_once(
    store: Store, put: Put
) -> None:
    """As after a loss of power: the deduplication log is never synced (ADR 10)."""
    made = put(traces_request(span(1), span(2)))
    forgotten = replace(made, token="another token")
    Insertion(store, forgotten, is_new=False).insert()
    assert stored_items(store, made) == 2
    assert spans_in_index(store) == 2


def test_a_batch_that_was_mended_before_is_mended_again(store: Store, put: Put) -> None:
    """Tokens of earlier repairs are known to ClickHouse, too, and each is dropped until a fresh one is found."""
    made = put(traces_request(span(1)))
    for _ in range(3):
        remove_items(store, made)
        Insertion(store, made, is_new=False).insert()
        assert stored_items(store, made) == 1


def test_of_several_tables_the_one_that_lacks_its_rows_gets_them(store: Store, put: Put) -> None:
    point = NumberDataPoint(as_int=1)
    made = put(
        metrics_request(
            Metric(name="a", gauge=Gauge(data_points=[point])), Metric(name="b", sum=Sum(data_points=[point]))
        )
    )
    store.command(
        f"DELETE FROM otel_metrics_sum WHERE IngestSegment = {made.ingest_segment} SETTINGS lightweight_deletes_sync = 2"
    )
    Insertion(store, made, is_new=False).insert()
    for table in ("otel_metrics_gauge", "otel_metrics_sum"):
        assert store.select(f"SELECT count() AS n FROM {table}") == [{"n": 1}]


def test_the_rows_of_other_batches_are_left_alone(store: Store, put: Put) -> None:
    made, other = put(traces_request(span(1))), put(traces_request(span(2), span(3)))
    Insertion(store, replace(made, token="lost"), is_new=False).insert()
    assert stored_items(store, other) == 2


def test_a_batch_that_never_counts_right_is_given_up(store: Store, put: Put) -> None:
    made = put(traces_request(span(1)))
    with pytest.raises(Miscounted, match="1 rows of 2 after 6 attempts"):
        Insertion(store, replace(made, items=2), is_new=False).insert()


def test_nothing_is_asked_of_clickhouse_for_an_empty_batch(store: Store, tmp_path: Path) -> None:
    nowhere = Batch(Signal.TRACES, tmp_path / "no file", 1, TODAY, "token", 0, 0)
    Insertion(store, nowhere, is_new=True).insert()


def test_a_batch_that_cannot_be_counted_now_is_not_refused_for_good(
    store: Store, put: Put, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As when memory is short: its rows are in, and set aside it would be inserted twice one day."""

    def short(*_: object) -> list[Row]:
        raise QueryTooLarge("memory limit exceeded", 241)

    made = put(traces_request(span(1)))
    with monkeypatch.context() as patched:
        patched.setattr(store, "select", short)
        with pytest.raises(StoreUnavailable, match="memory limit"):
            Insertion(store, made, is_new=False).insert()


def test_what_a_batch_has_left_in_some_tables_is_withdrawn_with_its_last_request(
    store: Store, put: Put
) -> None:
    made = put(traces_request(span(1)))
    Insertion(store, replace(made, requests=0, items=0), is_new=False).insert()
    assert stored_items(store, made) == 0
