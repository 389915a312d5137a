"""What is wrong with what the query service stands on."""

from collections.abc import Iterator
from dataclasses import dataclass

from coldlight_storage import Reader, StoreError, StoreUnavailable
from coldlight_storage.conditions import Condition
from coldlight_storage.heartbeats import CollectorSeen, collectors_seen, watermark_ns
from coldlight_storage.migrations import behind

_MIGRATE = "run `coldlight migrate --clickhouse URL`, or start a collector of this version"


@dataclass(frozen=True)
class Readiness:
    """Everything that is wrong, as far as ClickHouse can be asked; `watermark_ns` is the system's, if anybody knows it."""

    conditions: tuple[Condition, ...]
    watermark_ns: int | None = None


def look(store: Reader) -> Readiness:
    """Asks ClickHouse. Raises nothing of it: that it does not answer is an answer, too."""
    try:
        if behind(store):
            text = "tables are missing, or older than this program"
            return _refusing("tables_not_migrated", text, _MIGRATE)
        seen = collectors_seen(store)
    except StoreUnavailable as error:
        fix = "see to the server of --clickhouse; what arrives meanwhile is kept in the journals"
        return _refusing("clickhouse_unavailable", error.summary, fix)
    except StoreError as error:
        return _refusing("tables_not_readable", error.summary, _MIGRATE)
    return Readiness(tuple(_of_collectors(seen)), watermark_ns(seen))


def _refusing(what: str, detail: str, fix: str) -> Readiness:
    return Readiness((Condition(what, detail, fix, refuses=True),))


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
