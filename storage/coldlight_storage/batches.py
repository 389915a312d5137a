"""One batch, one INSERT: the statements by which ClickHouse itself reads a sealed segment into its tables."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from functools import cache
from importlib import resources
from pathlib import Path

from coldlight_storage.rendering import render
from coldlight_storage.signals import Signal
from coldlight_storage.wire import Wire, wire

TABLES: dict[Signal, tuple[str, ...]] = {
    Signal.TRACES: ("otel_traces",),
    Signal.LOGS: ("otel_logs",),
    Signal.METRICS: (
        "otel_metrics_gauge",
        "otel_metrics_sum",
        "otel_metrics_histogram",
        "otel_metrics_exponential_histogram",
        "otel_metrics_summary",
    ),
}
"""The tables that a batch of a signal goes to, each with one INSERT."""

METRICS_PREFIX = "otel_metrics_"
"""Before the kind of metric data, in the name of its table."""

NOWHERE = "FUNCTION null()"
"""Where rows go that are only to be read."""

Settings = dict[str, str | int]
"""Settings of a statement, each value as SQL."""

_ROWS_PARSED_AT_ONCE = 32_768
_ROWS_IN_A_BLOCK = 16_777_216
_COLUMN = re.compile(r"^    .* AS (`[\w.]+`|\w+),?$", re.MULTILINE)


@dataclass(frozen=True)
class Batch:
    """A sealed segment: a file of length-delimited OTLP requests of one signal, which nothing will change any more.

    `ingest_segment` is unique over all collectors; `received` picks the partition, so that a retry meets the same
    one; `token` is the deduplication token (each table adds its name); `requests` and `items` count what is inside.
    `data` names the kinds of metric data inside ("gauge", ...); None if that is not known.
    """

    signal: Signal
    path: Path
    ingest_segment: int
    received: date
    token: str
    requests: int
    items: int
    data: frozenset[str] | None = None

    @property
    def tables(self) -> tuple[str, ...]:
        """Those that it has rows for, or may have."""
        every = TABLES[self.signal]
        if self.data is None:
            return every
        return tuple(table for table in every if table.removeprefix(METRICS_PREFIX) in self.data)


@dataclass(frozen=True)
class _Insert:
    columns: str
    select: str
    wire: Wire


def insert_statement(
    batch: Batch, table: str, source: str, schema: Callable[[Wire], Settings], into: str = ""
) -> str:
    """The INSERT of `batch` into `table`, or of the same rows into another place.

    `source` is the table function that yields the requests, with `{structure}` where its structure goes; `schema`
    gives the settings by which ClickHouse finds the Protobuf schema. They and everything else here come from
    the program, never from a sender.
    """
    insert = _insert(batch.signal, table)
    select = (
        insert.select.replace("$ingest_segment", f"toUInt64({batch.ingest_segment})")
        .replace("$received_date", f"toDate('{batch.received.isoformat()}')")
        .replace("$source", source.replace("{structure}", quote(insert.wire.structure)))
    )
    values = _settings(batch, table) | schema(insert.wire)
    settings = ", ".join(f"{name} = {value}" for name, value in values.items())
    return f"INSERT INTO {into or f'{table} ({insert.columns})'} SETTINGS {settings}\n{select}"


@cache
def _insert(signal: Signal, table: str) -> _Insert:
    sql = (resources.files("coldlight_storage") / "inserts" / f"{table}.sql").read_text()
    columns = ", ".join(_COLUMN.findall(sql.split("\nFROM\n")[0]))
    return _Insert(columns, render(sql), wire(signal, table.removeprefix(METRICS_PREFIX)))


def _settings(batch: Batch, table: str) -> Settings:
    """Settings of one INSERT; the reasons are in ADR 4."""
    rows_a_request = max(1, batch.items // max(1, batch.requests))
    return {
        "insert_deduplication_token": quote(f"{batch.token}:{table}"),
        "input_format_protobuf_oneof_presence": 1,
        # A row of the input is a whole request: read few at a time, or a batch is held in memory twice.
        "max_block_size": max(1, _ROWS_PARSED_AT_ONCE // rows_a_request),
        # One block a batch: it becomes visible at once, or not at all.
        "min_insert_block_size_rows": _ROWS_IN_A_BLOCK,
        "min_insert_block_size_bytes": 0,
        "min_insert_block_size_rows_for_materialized_views": _ROWS_IN_A_BLOCK,
        "min_insert_block_size_bytes_for_materialized_views": 0,
        "max_insert_threads": 1,
        # No branch of our expressions is costly or can fail: choosing rows for each costs more than computing all.
        "short_circuit_function_evaluation": "'disable'",
        # Filters stand where they belong. Without looking for better plans the CPU of an INSERT of 500 rows, views and all,
        # went from 166 to 124 ms and, measured again, from 150 to 140; of one of 20,000 rows from 430 to 375.
        "query_plan_enable_optimizations": 0,
        "async_insert": 0,
        "insert_deduplicate": 1,
        "deduplicate_blocks_in_dependent_materialized_views": 1,
    }


def quote(text: str) -> str:
    """A SQL string literal."""
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def quote_name(name: str) -> str:
    """A SQL identifier."""
    return "`" + name.replace("\\", "\\\\").replace("`", "\\`") + "`"
