"""What is wrong with what the query service stands on."""

from collections.abc import Iterator

from coldlight_storage import Store, StoreError, StoreUnavailable
from coldlight_storage.conditions import Condition
from coldlight_storage.heartbeats import CollectorSeen, collectors_seen
from coldlight_storage.migrations import behind

_MIGRATE = "run `coldlight migrate --clickhouse URL`, or start a collector of this version"


def conditions(store: Store) -> list[Condition]:
    """Everything that is wrong, as far as ClickHouse can be asked."""
    try:
        if behind(store):
            return [
                Condition(
                    "tables_not_migrated", "tables are missing, or older than this program", _MIGRATE, True
                )
            ]
        return list(_of_collectors(collectors_seen(store)))
    except StoreUnavailable as error:
        fix = "see to the server of --clickhouse; what arrives meanwhile is kept in the journals"
        return [Condition("clickhouse_unavailable", error.summary, fix, refuses=True)]
    except StoreError as error:
        return [Condition("tables_not_readable", error.summary, _MIGRATE, refuses=True)]


def _of_collectors(seen: tuple[CollectorSeen, ...]) -> Iterator[Condition]:
    for collector in seen:
        last = collector.last
        who = f"collector {last.number}"
        if collector.is_silent:
            text = f"{who} has not reported for {collector.silent_s:.0f} s, with {last.journal_bytes:,} bytes in its journal"
            yield Condition(
                "collector_silent", text, "start it again on its --data: what it acknowledged is there"
            )
        elif last.is_stopped and last.journal_bytes:
            text = f"{who} was stopped with {last.journal_bytes:,} bytes in its journal"
            yield Condition(
                "collector_stopped", text, "start it again on its --data: what it acknowledged is there"
            )
        if last.quarantined_files:
            text = f"{who} has {last.quarantined_files} files of requests that ClickHouse refuses"
            yield Condition("quarantine", text, "`coldlight journal list` on its --data shows them")
