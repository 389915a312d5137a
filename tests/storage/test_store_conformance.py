"""The contract of `Store`, over both forms: whole batches go in once, and rows come out."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from coldlight_storage import (
    Batch,
    QueryTooLarge,
    QueryTooLong,
    Signal,
    Store,
    StoreError,
)
from coldlight_storage.segments import remove_items, stored_items
from coldlight_storage.testing import (
    TODAY,
    Put,
    batch,
    log_record,
    logs_request,
    span,
    trace_id,
    traces_request,
)

SHARED_STORE = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)


def count(store: Store, table: str) -> int:
    return int(store.select(f"SELECT count() AS n FROM {table}")[0]["n"])


def spans_in_index(store: Store) -> int:
    return int(store.select("SELECT uniqExactMerge(Spans) AS n FROM trace_index")[0]["n"])


def test_a_select_sees_what_an_insert_returned_from(store: Store, put: Put) -> None:
    put(traces_request(span(1), span(2)))
    assert store.select("SELECT SpanId FROM otel_traces ORDER BY SpanId") == [
        {"SpanId": "0000000000000001"},
        {"SpanId": "0000000000000002"},
    ]


def test_the_requests_of_a_segment_are_all_inserted(store: Store, put: Put) -> None:
    put(traces_request(span(1)), traces_request(span(2), service="payments"), traces_request())
    rows = store.select("SELECT ServiceName FROM otel_traces ORDER BY SpanId")
    assert [row["ServiceName"] for row in rows] == ["orders", "payments"]


def test_the_same_batch_again_adds_nothing(store: Store, put: Put) -> None:
    made = put(traces_request(span(1), span(2)))
    store.insert(made)
    store.insert(made)
    assert count(store, "otel_traces") == 2
    assert count(store, "trace_index") == 1


def test_the_same_batch_again_adds_nothing_after_many_others(store: Store, put: Put) -> None:
    first = put(logs_request(log_record("first")))
    for number in range(3):
        put(logs_request(log_record(f"later {number}")))
    store.insert(first)
    assert count(store, "otel_logs") == 4


def test_a_segment_says_which_batch_a_row_came_with(store: Store, put: Put) -> None:
    made = put(traces_request(span(1)))
    put(traces_request(span(2)))
    rows = store.select(
        "SELECT SpanId FROM otel_traces WHERE IngestSegment = {n:UInt64}", {"n": made.ingest_segment}
    )
    assert rows == [{"SpanId": "0000000000000001"}]


def test_batches_with_equal_rows_and_different_tokens_are_two_batches(store: Store, put: Put) -> None:
    put(traces_request(span(1)))
    put(traces_request(span(1)))
    assert count(store, "otel_traces") == 2
    assert spans_in_index(store) == 1


def test_a_batch_goes_to_the_partition_of_its_day_of_receipt(store: Store, put: Put) -> None:
    made = put(traces_request(span(1)), received=date(2026, 2, 3))
    put(traces_request(span(2)), received=date(2026, 2, 4))
    store.insert(made)
    for table in ("otel_traces", "trace_index"):
        rows = store.select(f"SELECT DISTINCT _partition_id AS day FROM {table} ORDER BY day")
        assert [row["day"] for row in rows] == ["20260203", "20260204"]
    assert count(store, "otel_traces") == 2


def test_a_large_batch_is_one_part(store: Store, put: Put) -> None:
    spans = [span(number, trace=number % 100 + 1) for number in range(1, 20_001)]
    made = put(traces_request(*spans), traces_request(*spans))
    store.insert(made)
    rows = store.select("SELECT count() AS spans, uniqExact(_part) AS parts FROM otel_traces")
    assert rows == [{"spans": 40_000, "parts": 1}]


def test_a_check_reads_a_batch_and_stores_nothing(store: Store, tmp_path: Path, number: int) -> None:
    made = batch(tmp_path, traces_request(span(1)), number)
    store.check(made)
    assert count(store, "otel_traces") == count(store, "trace_index") == 0
    store.insert(made)
    assert count(store, "otel_traces") == 1


def test_a_check_refuses_what_an_insert_refuses(store: Store, tmp_path: Path, number: int) -> None:
    made = batch(tmp_path, traces_request(span(1)), number)
    made.path.write_bytes(b"\x04\xff\xff\xff\xff")
    with pytest.raises(StoreError):
        store.check(made)


def test_the_rows_of_a_batch_are_counted_and_removed(store: Store, put: Put) -> None:
    made, other = put(traces_request(span(1), span(2))), put(traces_request(span(3)))
    assert stored_items(store, made) == 2
    remove_items(store, made)
    assert (stored_items(store, made), stored_items(store, other)) == (0, 1)


def test_after_a_sync_all_is_as_before(store: Store, put: Put) -> None:
    put(traces_request(span(1)))
    store.sync()
    assert count(store, "otel_traces") == 1


CORRUPTIONS = {
    "a length beyond the end": lambda whole: whole + b"\xff\xff\x03only a few bytes",
    "a message cut off": lambda whole: whole[:-5],
    "no protobuf": lambda whole: whole + b"\x04\xff\xff\xff\xff",
    "a wrong type in the middle": lambda whole: whole + b"\x02\x0a\x7f" + whole,
}


@pytest.mark.parametrize("corruption", CORRUPTIONS)
def test_of_a_corrupt_segment_nothing_is_inserted(
    store: Store, tmp_path: Path, number: int, corruption: str
) -> None:
    made = batch(tmp_path, traces_request(span(1), span(2)), number)
    whole = made.path.read_bytes()
    made.path.write_bytes(CORRUPTIONS[corruption](whole))
    with pytest.raises(StoreError):
        store.insert(made)
    assert count(store, "otel_traces") == 0
    assert count(store, "trace_index") == 0

    made.path.write_bytes(whole)
    store.insert(made)
    assert count(store, "otel_traces") == 2


def test_an_error_of_clickhouse_is_short(store: Store, tmp_path: Path, number: int) -> None:
    made = batch(tmp_path, traces_request(span()), number)
    made.path.write_bytes(b"\x04\xff\xff\xff\xff")
    with pytest.raises(StoreError) as caught:
        store.insert(made)
    assert caught.value.code
    assert len(str(caught.value)) < 1000


AWKWARD = [
    "'",
    '"',
    "`",
    "\\",
    "\\n",
    "\n",
    "\r\t\0\x1b\x7f",
    "{x:String}",
    "%s %(x)s",
    "$a$",
    "\\N",
    "",
    "日本😀",
]


@SHARED_STORE
@given(st.lists(st.text(st.characters(exclude_categories=["Cs"])), min_size=1))
@example(AWKWARD)
def test_parameters_reach_clickhouse_unchanged(store: Store, texts: list[str]) -> None:
    rows = store.select(
        "SELECT {texts:Array(String)} AS all, {last:String} AS last", {"texts": texts, "last": texts[-1]}
    )
    assert rows == [{"all": texts, "last": texts[-1]}]


def test_numbers_and_times_can_be_parameters(store: Store) -> None:
    parameters = {"n": 2**64 - 1, "day": TODAY, "ratio": 0.1, "is": True}
    sql = "SELECT {n:UInt64} AS n, {day:Date} AS day, {ratio:Float64} AS ratio, {is:Bool} AS is"
    assert store.select(sql, parameters) == [parameters]


def test_a_parameter_without_a_place_changes_nothing(store: Store) -> None:
    assert store.select("SELECT 'a%b' LIKE '%b' AS found", {"b": "x"}) == [{"found": 1}]


def test_a_select_of_nothing_is_empty(store: Store) -> None:
    assert store.select("SELECT SpanId FROM otel_traces") == []


def test_rows_belong_to_the_caller(store: Store) -> None:
    first = store.select("SELECT 1 AS one, [1, 2] AS list")
    first[0]["list"].append(3)
    assert store.select("SELECT 1 AS one, [1, 2] AS list") == [{"one": 1, "list": [1, 2]}]


@pytest.mark.parametrize("sql", ["SELEC 1", "SELECT nothing", "SELECT * FROM nowhere", "SELECT {x:UInt8}"])
def test_wrong_sql_is_an_error_for_good(store: Store, sql: str) -> None:
    with pytest.raises(StoreError) as caught:
        store.select(sql)
    assert type(caught.value) is StoreError


def test_a_wrong_command_is_an_error_for_good(store: Store) -> None:
    with pytest.raises(StoreError) as caught:
        store.command("CREATE TABLE otel_traces (a UInt8) ENGINE = Nothing")
    assert type(caught.value) is StoreError


WRITES = [
    "INSERT INTO coldlight_collectors (Number) VALUES (1)",
    "TRUNCATE TABLE otel_traces",
    "DROP TABLE otel_traces",
    "SELECT 1; TRUNCATE TABLE otel_traces",
]


def test_a_select_cannot_write_and_leaves_the_store_able_to(store: Store, put: Put) -> None:
    put(traces_request(span(1)))
    for sql in WRITES:
        with pytest.raises(StoreError) as caught:
            store.select(sql)
        assert type(caught.value) is StoreError
    put(traces_request(span(2)))
    assert count(store, "otel_traces") == 2
    assert count(store, "coldlight_collectors") == 0


FAILS_HALF_WAY = "SELECT throwIf(number = 1000000), number FROM numbers(2000000) SETTINGS max_block_size = 1000, max_threads = 1"


def test_a_query_that_fails_half_way_leaves_nothing_to_the_next(store: Store) -> None:
    with pytest.raises(StoreError):
        store.select(FAILS_HALF_WAY)
    assert store.select("SELECT 2 AS two") == [{"two": 2}]


def test_a_query_over_its_time_is_too_long(store: Store) -> None:
    with pytest.raises(QueryTooLong):
        store.select("SELECT count() FROM system.numbers SETTINGS max_execution_time = 0.1")


def test_a_query_over_its_memory_is_too_large(store: Store) -> None:
    with pytest.raises(QueryTooLarge):
        store.select("SELECT groupArray(number) FROM numbers(10000000) SETTINGS max_memory_usage = 10000000")


def test_an_insert_that_lacks_memory_may_be_tried_again(store: Store, put: Put) -> None:
    """A limit that a query runs into ends that query, not the store."""
    with pytest.raises(QueryTooLarge):
        store.select("SELECT groupArray(number) FROM numbers(10000000) SETTINGS max_memory_usage = 10000000")
    put(traces_request(span(1)))
    assert count(store, "otel_traces") == 1


def test_threads_see_whole_batches(store: Store, tmp_path: Path, number: int) -> None:
    """Readers beside writers: every count is one of whole batches, and none goes back."""
    batches = [
        batch(tmp_path, traces_request(*[span(n + 1, trace=trace) for n in range(100)]), number + trace)
        for trace in range(1, 9)
    ]
    with ThreadPoolExecutor(8) as pool:
        writing = [pool.submit(store.insert, one) for one in batches]
        reading = [pool.submit(watch, store) for _ in range(4)]
        for each in writing:
            each.result()
        seen = [each.result() for each in reading]
    for counts in seen:
        assert all(each % 100 == 0 for each in counts)
        assert counts == sorted(counts)
    assert count(store, "otel_traces") == 800
    assert spans_in_index(store) == 100


def watch(store: Store) -> list[int]:
    return [count(store, "otel_traces") for _ in range(20)]


def test_a_thread_sees_its_own_insert_while_others_write(store: Store, tmp_path: Path, number: int) -> None:
    def insert_and_look(trace: int) -> int:
        store.insert(batch(tmp_path, traces_request(span(1, trace=trace)), number + trace))
        found = store.select(
            "SELECT count() AS n FROM otel_traces WHERE TraceId = {t:String}", {"t": trace_id(trace).hex()}
        )
        return int(found[0]["n"])

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(insert_and_look, range(1, 9))) == [1] * 8


def test_a_segment_may_lie_in_any_folder(store: Store, tmp_path: Path, number: int) -> None:
    folder = tmp_path / 'it\'s a "back\\slash", per%cent, ünï\n$source [a]'
    folder.mkdir()
    store.insert(batch(folder, traces_request(span()), number))
    assert count(store, "otel_traces") == 1


def test_a_batch_without_items_adds_nothing(store: Store, put: Put) -> None:
    made: Batch = put(traces_request())
    store.insert(replace(made, signal=Signal.LOGS))
    assert count(store, "otel_traces") == 0
    assert count(store, "otel_logs") == 0
