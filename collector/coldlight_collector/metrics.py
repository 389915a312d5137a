"""What the collector shows of itself, in Prometheus' terms. Nothing is dropped in silence: every loss has a counter here.

`docs/operating.md` lists all of it, with what to do about each.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from coldlight_collector.journal.state import look, together
from coldlight_collector.ports import Ports
from coldlight_collector.tallies import NOBODY, UDP, Tallies, Tally
from coldlight_collector.tenants import Pipeline, Tenants

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
        displaced = CounterMetricFamily(
            "coldlight_displaced_connections", "Connections closed to make room for others", labels=["port"]
        )
        for name, server in {"http": ports.http, "zipkin": ports.zipkin, "xray": ports.xray_http}.items():
            connections.add_metric([name], server.connections)
            displaced.add_metric([name], server.displaced)
        yield from (connections, displaced)
        yield GaugeMetricFamily("coldlight_in_flight_bytes", "Bytes of requests in memory", budget.held)
        yield GaugeMetricFamily("coldlight_in_flight_limit_bytes", "The most there may be", budget.limit)


@dataclass(frozen=True, eq=False)
class _Journals(Collector):
    """What is on its way from the disk into ClickHouse, and how long it has been: of all tenants together."""

    tenants: Tenants

    def collect(self) -> Iterator[Metric]:
        pipelines = list(self.tenants.pipelines.values())
        shown = (*self._waiting(pipelines), *_disk(pipelines), *_inserted(pipelines))
        for family, name, meaning, value in shown:
            yield family(f"coldlight_{name}", meaning, value=value)
        yield from self.tenants.histograms()

    def _waiting(self, pipelines: list[Pipeline]) -> Iterable[_Value]:
        gauge, journals = GaugeMetricFamily, [pipeline.journal for pipeline in pipelines]
        states = [journal.state() for journal in journals]
        watermark_ns = min(state.watermark_ns for state in states)
        lag_s = max(max(0, state.now_ns - state.watermark_ns) for state in states) / 10**9
        age_s = max(state.age_s for state in states)
        segments = sum(journal.sealed.qsize() for journal in journals)
        is_waiting = bool(self.tenants.waiting_for)
        return (
            (gauge, "journal_bytes", "Bytes in the journal", sum(journal.stored_bytes for journal in journals)),
            (gauge, "journal_limit_bytes", "The most there may be", self.tenants.space.limit_bytes),
            (gauge, "journal_segments", "Sealed segments not yet inserted", segments),
            (gauge, "journal_age_seconds", "Age of the oldest request that is not visible yet", age_s),
            (gauge, "watermark_timestamp_seconds", "All acknowledged up to then is visible", watermark_ns / 10**9),
            (gauge, "watermark_lag_seconds", "How far that is behind the clock", lag_s),
            (gauge, "clickhouse_waiting", "1 while inserts wait for ClickHouse or the disk", is_waiting),
            (gauge, "tenants", "Tenants with a journal here", len(pipelines)),
        )  # fmt: skip


def _disk(pipelines: list[Pipeline]) -> Iterable[_Value]:
    gauge, disk = GaugeMetricFamily, together([look(pipeline.journal.folder) for pipeline in pipelines])
    return (
        (gauge, "journal_disk_free_bytes", "Space left on the journal's disk", disk.free_bytes),
        (gauge, "quarantine_files", "Files of refused requests in the journal", disk.quarantined_files),
        (gauge, "quarantine_bytes", "Bytes in them", disk.quarantined_bytes),
    )


_INSERTED = {
    "inserted_batches": ("batches", "Batches in ClickHouse"),
    "inserted_items": ("items", "Items in ClickHouse"),
    "insert_retries": ("retries", "Attempts that failed and are repeated"),
    "rewritten_batches": ("rewritten_batches", "Batches rewritten so that ClickHouse takes them"),
    "quarantined_requests": ("quarantined_requests", "Requests refused by ClickHouse and set aside"),
    "quarantined_items": ("quarantined_items", "Items in them"),
    "rejected_batches": ("rejected_batches", "Batches refused by ClickHouse and set aside as a whole"),
}


def _inserted(pipelines: list[Pipeline]) -> Iterator[_Value]:
    counter, counts = CounterMetricFamily, [pipeline.inserter.counts for pipeline in pipelines]
    for name, (field, meaning) in _INSERTED.items():
        yield counter, name, meaning, sum(getattr(one, field) for one in counts)
    repeated = sum(pipeline.journal.repeated_requests for pipeline in pipelines)
    failures = sum(pipeline.inserter.heart.failures for pipeline in pipelines)
    yield counter, "repeated_requests", "Requests sent again and not stored twice", repeated
    yield counter, "heartbeat_failures", "Heartbeats that ClickHouse did not take", failures


def watch(registry: CollectorRegistry, tenants: Tenants, tallies: Tallies, ports: Ports) -> None:
    """Registers the metrics of a collector."""
    for part in (_Receivers(tallies), _Ports(ports), _Journals(tenants)):
        registry.register(part)
