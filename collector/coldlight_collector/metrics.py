"""What the collector shows of itself, in Prometheus' terms. Nothing is dropped in silence: every loss has a counter here.

`docs/operating.md` lists all of it, with what to do about each.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from coldlight_collector.inserter import Inserter
from coldlight_collector.journal import Journal
from coldlight_collector.journal.state import look
from coldlight_collector.ports import Ports
from coldlight_collector.tallies import NOBODY, UDP, Tallies, Tally

_TAKEN = {
    "accepted_requests": ("requests", "Requests acknowledged"),
    "accepted_items": ("items", "Spans, log records and data points acknowledged"),
    "accepted_bytes": ("bytes", "Bytes of OTLP acknowledged"),
    "repaired_fields": ("repaired_fields", "Fields changed so that they could be stored"),
    "truncated_fields": ("truncated_fields", "Fields cut because they were over a cap"),
}
_Value = tuple[type[GaugeMetricFamily] | type[CounterMetricFamily], str, str, float]


@dataclass(frozen=True, eq=False)  # the registry keeps it in a dictionary
class _Receivers(Collector):
    """By receiver: what came, what was refused, what was taken."""

    tallies: Tallies

    def collect(self) -> Iterator[Metric]:
        received = CounterMetricFamily(
            "coldlight_received_requests", "Requests received", labels=["receiver"]
        )
        size = CounterMetricFamily("coldlight_received_bytes", "Bytes received, as sent", labels=["receiver"])
        labels = ["receiver", "reason"]
        refused = CounterMetricFamily(
            "coldlight_refused_requests", "Requests refused as a whole", labels=labels
        )
        for receiver, tally in self.tallies.items():
            if receiver == UDP:
                continue
            received.add_metric([receiver], tally.requests)
            size.add_metric([receiver], tally.bytes)
            for reason, count in tally.refused.items():
                refused.add_metric([receiver, reason], count)
        yield from (received, size, refused, *self._taken(), self._rejected())

    def _receivers(self) -> list[tuple[str, Tally]]:
        return [(receiver, tally) for receiver, tally in self.tallies.items() if receiver != NOBODY]

    def _rejected(self) -> Metric:
        name, meaning = "coldlight_rejected_items", "Items refused for good, in partial successes"
        family = CounterMetricFamily(name, meaning, labels=["receiver", "signal", "reason"])
        for receiver, tally in self._receivers():
            for signal, taken in tally.taken.items():
                family.add_metric([receiver, signal, "unreadable"], taken.unreadable_items)
                family.add_metric([receiver, signal, "invalid_id"], taken.unidentified_items)
        return family

    def _taken(self) -> Iterator[Metric]:
        for name, (field, meaning) in _TAKEN.items():
            family = CounterMetricFamily(f"coldlight_{name}", meaning, labels=["receiver", "signal"])
            for receiver, tally in self._receivers():
                for signal, taken in tally.taken.items():
                    family.add_metric([receiver, signal], getattr(taken, field))
            yield family


@dataclass(frozen=True, eq=False)
class _Ports(Collector):
    """What is open, and in hand."""

    ports: Ports

    def collect(self) -> Iterator[Metric]:
        ports, budget = self.ports, self.ports.budget
        connections = GaugeMetricFamily("coldlight_connections", "Open HTTP connections", labels=["port"])
        for name, server in {"http": ports.http, "zipkin": ports.zipkin, "xray": ports.xray_http}.items():
            connections.add_metric([name], server.connections)
        yield connections
        yield GaugeMetricFamily("coldlight_in_flight_bytes", "Bytes of requests in memory", budget.held)
        yield GaugeMetricFamily("coldlight_in_flight_limit_bytes", "The most there may be", budget.limit)


@dataclass(frozen=True, eq=False)
class _Journal(Collector):
    """What is on its way from the disk into ClickHouse, and how long it has been."""

    journal: Journal
    inserter: Inserter

    def collect(self) -> Iterator[Metric]:
        for family, name, meaning, value in (*self._waiting(), *self._disk(), *self._inserted()):
            yield family(f"coldlight_{name}", meaning, value=value)
        yield from self.inserter.counts.durations_s.collect()
        yield from self.inserter.counts.delays_s.collect()

    def _waiting(self) -> Iterable[_Value]:
        journal, gauge, state = self.journal, GaugeMetricFamily, self.journal.state()
        lag_s = max(0, state.now_ns - state.watermark_ns) / 10**9
        is_waiting = bool(self.inserter.counts.waiting_for)
        return (
            (gauge, "journal_bytes", "Bytes in the journal", journal.stored_bytes),
            (gauge, "journal_limit_bytes", "The most there may be", journal.limit_bytes),
            (gauge, "journal_segments", "Sealed segments not yet inserted", journal.sealed.qsize()),
            (gauge, "journal_age_seconds", "Age of the oldest request that is not visible yet", state.age_s),
            (gauge, "watermark_timestamp_seconds", "All acknowledged up to then is visible", state.watermark_ns / 10**9),
            (gauge, "watermark_lag_seconds", "How far that is behind the clock", lag_s),
            (gauge, "clickhouse_waiting", "1 while inserts wait for ClickHouse or the disk", is_waiting),
        )  # fmt: skip

    def _disk(self) -> Iterable[_Value]:
        disk, gauge = look(self.journal.folder), GaugeMetricFamily
        return (
            (gauge, "journal_disk_free_bytes", "Space left on the journal's disk", disk.free_bytes),
            (gauge, "quarantine_files", "Files of refused requests in the journal", disk.quarantined_files),
            (gauge, "quarantine_bytes", "Bytes in them", disk.quarantined_bytes),
        )

    def _inserted(self) -> Iterable[_Value]:
        counts, counter = self.inserter.counts, CounterMetricFamily
        return (
            (counter, "repeated_requests", "Requests sent again and not stored twice", self.journal.repeated_requests),
            (counter, "inserted_batches", "Batches in ClickHouse", counts.batches),
            (counter, "inserted_items", "Items in ClickHouse", counts.items),
            (counter, "insert_retries", "Attempts that failed and are repeated", counts.retries),
            (counter, "rewritten_batches", "Batches rewritten so that ClickHouse takes them", counts.rewritten_batches),
            (counter, "quarantined_requests", "Requests refused by ClickHouse and set aside", counts.quarantined_requests),
            (counter, "quarantined_items", "Items in them", counts.quarantined_items),
            (counter, "rejected_batches", "Batches refused by ClickHouse and set aside as a whole", counts.rejected_batches),
            (counter, "heartbeat_failures", "Heartbeats that ClickHouse did not take", self.inserter.heart.failures),
        )  # fmt: skip


def watch(
    registry: CollectorRegistry, journal: Journal, inserter: Inserter, tallies: Tallies, ports: Ports
) -> None:
    """Registers the metrics of a collector."""
    for part in (_Receivers(tallies), _Ports(ports), _Journal(journal, inserter)):
        registry.register(part)
