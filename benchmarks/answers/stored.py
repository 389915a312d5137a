"""An embedded store with a week of spans and log records, made once and kept: real rows, multiplied inside ClickHouse."""

import shutil
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from clickhouse_connect import get_client
from clickhouse_connect.driver.client import Client
from rich.progress import track

from benchmarks.answers.seed import SLOT_NS, SLOTS, seed
from benchmarks.bench import console
from coldlight_storage import EmbeddedStore
from coldlight_storage.embedded import engine_options
from coldlight_storage.migrations import migrate
from coldlight_storage.testing import NOON, Put

END_NS = int(NOON.timestamp()) * 10**9
WEEK_NS = 7 * 24 * 3600 * 10**9
BYTES_PER_SPAN = 130
"""On disk, with everything that is derived of a span and with the log records beside it."""
HUGE_SPANS = 100_000

_SEED = "seed"
_FIRST_NS = int(datetime(2026, 11, 1, tzinfo=UTC).timestamp()) * 10**9
_SPANS_AN_INSERT = 1_000_000
_REQUESTS_A_BATCH = 500
_SQL = Path(__file__).parents[1] / "sql" / "answers"
_ENGINE = """<clickhouse>
    <query_log><database>system</database><table>query_log</table><flush_interval_milliseconds>60000</flush_interval_milliseconds></query_log>
</clickhouse>
"""
"""An embedded engine keeps no log of its queries unless it is told to."""


@dataclass(frozen=True)
class Stored:
    """A store in use: `spans` as asked for, `client` for what the store's own interface does not answer."""

    spans: int
    store: EmbeddedStore
    client: Client


@contextmanager
def stored(folder: Path, spans: int, memory_bytes: int) -> Iterator[Stored]:
    """The store with so many spans in `folder`, made if it is not there. Raises OSError where the disk has no room for it."""
    data = folder / f"{spans}-spans"
    made = data / "made"
    if not made.exists():
        _check_room(data, spans)
    with _opened(data, memory_bytes) as (store, client):
        migrate(store)
        if not made.exists():
            _make(store, client, data, spans)
            made.touch()
        yield Stored(spans, store, client)


def _check_room(data: Path, spans: int) -> None:
    """Says what it will take. Raises OSError."""
    data.mkdir(parents=True, exist_ok=True)
    needed, free = spans * BYTES_PER_SPAN * 2, shutil.disk_usage(data).free
    console.print(
        f"Making {spans:,} spans in {data}: about {needed / 2e9:.1f} GB, twice that while parts are merged; {free / 1e9:.0f} GB are free."
    )
    if free < needed:
        raise OSError(f"{data} has {free / 1e9:.1f} GB free, and {needed / 1e9:.1f} GB are needed")


@contextmanager
def _opened(data: Path, memory_bytes: int) -> Iterator[tuple[EmbeddedStore, Client]]:
    """The engine is of whoever connects first, and so has a log of its queries."""
    config = data / "engine.xml"
    config.write_text(_ENGINE)
    path = str((data / "clickhouse").resolve())
    options = {**engine_options(memory_bytes), "config-file": str(config.resolve())}
    with (
        closing(get_client(interface="chdb", path=path, chdb_options=options, query_limit=0)) as client,
        closing(EmbeddedStore(data, memory_bytes)) as store,
    ):
        yield store, client


def _make(store: EmbeddedStore, client: Client, data: Path, spans: int) -> None:
    """Insert by insert, each of a stretch of time after the one before, as a collector would."""
    client.command(f"DROP DATABASE IF EXISTS default_{_SEED}")
    for table in ("otel_traces", "otel_logs", "trace_index", "link_keys", "invocations", "issues"):
        client.command(f"TRUNCATE TABLE {table}")
    with closing(store.beside(_SEED)) as seeds:
        seeds.create_database()
        migrate(seeds)
        _put(seeds)
        [(seed_spans,)] = client.query(f"SELECT count() FROM default_{_SEED}.otel_traces").result_rows
        copies = -(-spans // seed_spans)
        at_once = max(1, min(_SPANS_AN_INSERT // seed_spans, copies))
        for first in track(range(0, copies, at_once), "spans and log records", console=console):
            bounds = _bounds(first, min(first + at_once, copies), copies)
            _copy(client, "copy_spans", bounds)
            _copy(client, "copy_logs", bounds)
        _copy(client, "copy_spans", _bounds(0, HUGE_SPANS // 12 + 1, 10**6, _a_trace(client)))
    _merged(client)


def _put(seeds: EmbeddedStore) -> None:
    """Stores the seed as a collector does."""
    with TemporaryDirectory() as folder:
        put = Put(seeds, Path(folder), count(1))
        for requests in seed(_FIRST_NS):
            for start in range(0, len(requests), _REQUESTS_A_BATCH):
                put(*requests[start : start + _REQUESTS_A_BATCH])


def _bounds(first: int, last: int, copies: int, trace_id: str = "") -> dict[str, Any]:
    """Of one statement. With a trace id, all copies are of that trace, and one trace of the last second but an hour."""
    at_the_end = {"begin_ns": END_NS - 3600 * 10**9, "end_ns": END_NS - 3590 * 10**9}
    all_week = {"begin_ns": END_NS - WEEK_NS, "end_ns": END_NS}
    return {
        "first": first,
        "last": last,
        "copies": copies,
        "slots": SLOTS,
        "slot_ns": SLOT_NS,
        "first_ns": _FIRST_NS,
        "trace_id": trace_id,
        "huge": bool(trace_id),
        **(at_the_end if trace_id else all_week),
    }


def _a_trace(client: Client) -> str:
    """One of the seed with 12 spans."""
    text = f"SELECT TraceId FROM default_{_SEED}.otel_traces GROUP BY TraceId HAVING count() = 12 ORDER BY TraceId LIMIT 1"
    [(trace_id,)] = client.query(text).result_rows
    return str(trace_id)


def _copy(client: Client, name: str, bounds: dict[str, Any]) -> None:
    text = (_SQL / f"{name}.sql").read_text().replace("$seed", f"default_{_SEED}")
    client.command(text, parameters=bounds)


def _merged(client: Client) -> None:
    """Waits until the engine has nothing to merge any more."""
    seconds_quiet = 0
    while seconds_quiet < 3:
        [(merges,)] = client.query("SELECT count() FROM system.merges").result_rows
        seconds_quiet = 0 if merges else seconds_quiet + 1
        time.sleep(1)
