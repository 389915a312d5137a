"""Tables are made from nothing, upgraded step by step, and kept for as long as was asked."""

import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import date

import pytest

from coldlight_storage import NewerSchema, Signal, Store, StoreError
from coldlight_storage.migrations import Step, migrate, run, set_retention, steps
from coldlight_storage.testing import Put, span, traces_request

FOR_EVER = dict.fromkeys(Signal)


@pytest.fixture
def bare(store: Store) -> Iterator[Store]:
    """A store without any table; what the other tests need is made anew afterwards."""
    drop_tables(store)
    yield store
    drop_tables(store)
    migrate(store)


def drop_tables(store: Store) -> None:
    for table in reversed(tables(store)):
        store.command(f"DROP TABLE IF EXISTS {table} SYNC")


def tables(store: Store) -> list[str]:
    """In the order in which they were made, so that views come behind what they read."""
    rows = store.select(
        "SELECT name FROM system.tables WHERE database = currentDatabase() ORDER BY metadata_modification_time, name"
    )
    return [row["name"] for row in rows]


def applied(store: Store) -> list[int]:
    rows = store.select("SELECT Number FROM coldlight_migrations ORDER BY Number")
    return [row["Number"] for row in rows]


def test_steps_are_numbered_without_a_gap() -> None:
    assert [step.number for step in steps()] == [*range(1, len(steps()) + 1)]
    assert all(step.name and step.statements for step in steps())


def test_tables_are_made_from_nothing(bare: Store) -> None:
    assert migrate(bare) == steps()
    assert applied(bare) == [step.number for step in steps()]
    assert {"otel_traces", "otel_logs", "otel_metrics_sum", "trace_index"} <= set(tables(bare))


def test_a_second_time_there_is_nothing_to_do(bare: Store) -> None:
    migrate(bare)
    assert migrate(bare) == ()
    assert applied(bare) == [step.number for step in steps()]


def test_two_that_upgrade_at_once_do_no_harm(bare: Store) -> None:
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(migrate, [bare, bare]))
    assert set(applied(bare)) == {step.number for step in steps()}
    assert migrate(bare) == ()


FIRST = Step(1, "first", ("CREATE TABLE IF NOT EXISTS first (a UInt8) ENGINE = MergeTree ORDER BY a",))
HALF = "CREATE TABLE IF NOT EXISTS half (a UInt8) ENGINE = MergeTree ORDER BY a"
BROKEN = Step(2, "second", (HALF, "CREATE TABLE nonsense"))
WHOLE = Step(2, "second", (HALF, "ALTER TABLE half ADD COLUMN IF NOT EXISTS b UInt8"))


def test_an_upgrade_that_failed_half_way_is_finished_by_the_next(bare: Store) -> None:
    with pytest.raises(StoreError):
        migrate(bare, (FIRST, BROKEN))
    assert applied(bare) == [1]
    assert migrate(bare, (FIRST, WHOLE)) == (WHOLE,)
    assert applied(bare) == [1, 2]
    assert bare.select("SELECT a, b FROM half") == []


def test_any_step_may_run_again(bare: Store) -> None:
    """So that one that was cut off between two statements can."""
    for _ in range(2):
        for step in steps():
            for statement in step.statements:
                run(bare, statement)
    assert "otel_traces" in tables(bare)


def test_what_was_stored_before_a_view_was_made_is_in_its_table(bare: Store, put: Put) -> None:
    [its] = (step.number for step in steps() if step.name == "invocations")
    migrate(bare, tuple(step for step in steps() if step.number < its))
    put(traces_request(span(1, attributes={"faas.invocation_id": "r1"}), span(2)))
    migrate(bare)
    assert bare.select("SELECT RequestId, ServiceName FROM invocations") == [
        {"RequestId": "r1", "ServiceName": "orders"}
    ]


def test_an_older_program_leaves_newer_tables_alone(bare: Store) -> None:
    migrate(bare)
    before = tables(bare)
    last, newest = (step.number for step in steps()[-2:])
    with pytest.raises(NewerSchema, match=rf"schema {newest}; this program knows {last}\): upgrade"):
        migrate(bare, steps()[:-1])
    assert tables(bare) == before


def retention(store: Store) -> dict[str, int | None]:
    """Table -> days that it keeps a row, for all that have a day of receipt."""
    rows = store.select(
        "SELECT name, create_table_query AS ddl FROM system.tables WHERE database = currentDatabase()"
        " AND engine LIKE '%MergeTree' AND create_table_query LIKE '%PARTITION BY ReceivedDate%'"
    )
    found = {
        row["name"]: re.search(r"TTL ReceivedDate \+ toIntervalDay\((\d+)\)", row["ddl"]) for row in rows
    }
    return {name: int(match[1]) if match else None for name, match in found.items()}


def mutations(store: Store) -> int:
    return int(
        store.select("SELECT count() AS n FROM system.mutations WHERE database = currentDatabase()")[0]["n"]
    )


def test_each_signal_is_kept_for_its_own_days(store: Store) -> None:
    set_retention(store, {Signal.TRACES: 30, Signal.LOGS: 7, Signal.METRICS: 400})
    assert retention(store) == {
        "otel_traces": 30,
        "trace_index": 30,
        "issues": 30,
        "invocations": 30,
        "link_keys": 30,
        "otel_logs": 7,
        "otel_metrics_gauge": 400,
        "otel_metrics_sum": 400,
        "otel_metrics_histogram": 400,
        "otel_metrics_exponential_histogram": 400,
        "otel_metrics_summary": 400,
    }
    set_retention(store, FOR_EVER)
    assert set(retention(store).values()) == {None}


def test_retention_that_stays_as_it_is_costs_nothing(store: Store) -> None:
    days = {Signal.TRACES: 30, Signal.LOGS: 3, Signal.METRICS: None}
    set_retention(store, days)
    before = mutations(store)
    set_retention(store, days)
    assert mutations(store) == before
    set_retention(store, days | {Signal.LOGS: 30})
    assert retention(store)["otel_logs"] == 30
    set_retention(store, FOR_EVER)


def test_rows_past_their_days_go(store: Store, put: Put) -> None:
    put(traces_request(span(1)), received=date(2020, 1, 1))
    put(traces_request(span(2)), received=date(2100, 1, 1))
    set_retention(store, FOR_EVER | {Signal.TRACES: 30})
    for table in ("otel_traces", "trace_index"):
        store.command(f"OPTIMIZE TABLE {table} FINAL")
        rows = store.select(f"SELECT DISTINCT toString(ReceivedDate) AS day FROM {table}")
        assert rows == [{"day": "2100-01-01"}]
    set_retention(store, FOR_EVER)
