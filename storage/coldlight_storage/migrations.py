"""Creates and upgrades the tables.

Each file of `schema/` is one numbered step. A step holds only statements that may run again, so an upgrade that was
cut off is finished by the next start, and two processes that upgrade at once do no harm.

Beside SQL, a step may have a statement of our own: `FILL view` gives a materialized view's target what the view would have
made of the rows that are stored already. The target's aggregates do not notice rows that come twice.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib import resources

from coldlight_storage.signals import Signal
from coldlight_storage.store import NewerSchema, Reader, Store

_LEDGER = """
CREATE TABLE IF NOT EXISTS coldlight_migrations
(
    Number UInt32,
    Name String,
    AppliedTime DateTime64(3) DEFAULT now64(3)
) ENGINE = MergeTree
ORDER BY Number
"""


@dataclass(frozen=True)
class Step:
    """One file of `schema/`: `0003_trace_index.sql` is step 3, "trace_index"."""

    number: int
    name: str
    statements: tuple[str, ...]


def steps() -> tuple[Step, ...]:
    """All steps that this program knows, in order."""
    files = (resources.files("coldlight_storage") / "schema").iterdir()
    return tuple(sorted(_read_steps((f.name, f.read_text()) for f in files), key=lambda step: step.number))


def _read_steps(files: Iterator[tuple[str, str]]) -> Iterator[Step]:
    for name, text in files:
        number, _, title = name.removesuffix(".sql").partition("_")
        yield Step(int(number), title, tuple(part.strip() for part in text.split(";\n") if part.strip()))


def migrate(store: Store, known: tuple[Step, ...] | None = None) -> tuple[Step, ...]:
    """Brings the tables to this program's schema; returns the steps that were missing.

    Raises `NewerSchema` when the tables were made by a newer program, and what `Store.command` raises.
    """
    known = steps() if known is None else known
    store.command(_LEDGER)
    applied = _applied(store)
    newest, ours = max(applied, default=0), known[-1].number
    if newest > ours:
        raise NewerSchema(
            f"the tables are of a newer Coldlight (schema {newest}; this program knows {ours}): "
            "upgrade this program, or point it at another database"
        )
    missing = tuple(step for step in known if step.number not in applied)
    for step in missing:
        for statement in step.statements:
            run(store, statement)
        store.command(
            f"INSERT INTO coldlight_migrations (Number, Name) VALUES ({step.number}, '{step.name}')"
        )
    return missing


_FILL = re.compile(r"FILL (?P<view>\w+);?")
_VIEW = """
SELECT
    as_select AS made,
    extract(create_table_query, ' TO (\\\\S+)') AS target,
    (SELECT groupArray(name) FROM system.columns WHERE database = currentDatabase() AND table = {view:String}) AS columns
FROM system.tables
WHERE database = currentDatabase() AND name = {view:String}
"""


def run(store: Store, statement: str) -> None:
    """Runs one statement of a step. Raises what `Store` raises."""
    filling = _FILL.fullmatch(statement)
    store.command(_fill(store, filling["view"]) if filling else statement)


def _fill(store: Store, view: str) -> str:
    """The INSERT of all that a materialized view would have made by now."""
    [row] = store.select(_VIEW, {"view": view})
    return (
        f"INSERT INTO {row['target']} ({', '.join(row['columns'])}) {row['made']}"
        " SETTINGS max_partitions_per_insert_block = 0, max_execution_time = 0"
    )


def behind(store: Reader) -> tuple[Step, ...]:
    """The steps that the tables lack; all of them where no table is. Raises what `Store.select` raises."""
    has_ledger = (
        "SELECT 1 FROM system.tables WHERE database = currentDatabase() AND name = 'coldlight_migrations'"
    )
    if not store.select(has_ledger):
        return steps()
    applied = _applied(store)
    return tuple(step for step in steps() if step.number not in applied)


def _applied(store: Reader) -> set[int]:
    return {row["Number"] for row in store.select("SELECT Number FROM coldlight_migrations")}


_KEPT_WITH = {
    "otel_traces": Signal.TRACES,
    "trace_index": Signal.TRACES,
    "issues": Signal.TRACES,
    "invocations": Signal.TRACES,
    "link_keys": Signal.TRACES,
    "otel_logs": Signal.LOGS,
}


def set_retention(store: Store, days: Mapping[Signal, int | None]) -> None:
    """Lets ClickHouse drop rows so many days after their receipt; None keeps them for ever.

    Changes only tables whose retention differs. Raises what `Store` raises.
    """
    tables = store.select(
        "SELECT name, create_table_query AS statement FROM system.tables"
        " WHERE database = currentDatabase() AND engine LIKE '%MergeTree' AND create_table_query LIKE '%ReceivedDate%'"
    )
    for table in tables:
        wanted = days[_KEPT_WITH.get(table["name"], Signal.METRICS)]
        if wanted is None and " TTL " in table["statement"]:
            store.command(f"ALTER TABLE {table['name']} REMOVE TTL")
        elif wanted is not None and f"TTL ReceivedDate + toIntervalDay({wanted}) " not in table["statement"]:
            store.command(f"ALTER TABLE {table['name']} MODIFY TTL ReceivedDate + toIntervalDay({wanted})")
