"""What the collector counts, in Prometheus' terms. Nothing is dropped in silence: every loss has a counter here."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, fields

from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from coldlight_collector.inserter import Inserter
from coldlight_collector.intake import Accepted, Intake, Payload, Unavailable
from coldlight_collector.journal import Journal
from coldlight_storage import Signal


@dataclass
class Tally:
    """What has passed the intake of one signal; plain numbers, for they are counted with every request."""

    requests: int = 0
    items: int = 0
    bytes: int = 0
    rejected_items: int = 0
    repaired_fields: int = 0
    unavailable_requests: int = 0


_MEANING = {
    "requests": "Requests acknowledged",
    "items": "Spans, log records and data points acknowledged",
    "bytes": "Bytes of OTLP acknowledged",
    "rejected_items": "Items refused in a partial success",
    "repaired_fields": "Fields changed so that they could be stored",
    "unavailable_requests": "Requests told to come again",
}


@dataclass(eq=False)  # the registry keeps it in a dictionary
class CollectorMetrics(Collector):
    """Shows the tallies, the state of the journal and what the inserter has done."""

    journal: Journal
    inserter: Inserter
    tallies: dict[Signal, Tally] = field(default_factory=lambda: {signal: Tally() for signal in Signal})

    def counted(self, intake: Intake) -> Intake:
        """The same intake, counted."""

        async def take(signal: Signal, payload: Payload) -> Accepted:
            tally = self.tallies[signal]
            try:
                accepted = await intake(signal, payload)
            except Unavailable:
                tally.unavailable_requests += 1
                raise
            tally.requests += 1
            tally.items += payload.items
            tally.bytes += len(payload.body)
            tally.rejected_items += accepted.rejected
            tally.repaired_fields += accepted.repaired
            return accepted

        return take

    def collect(self) -> Iterator[Metric]:
        for item in fields(Tally):
            family = CounterMetricFamily(f"coldlight_{item.name}", _MEANING[item.name], labels=["signal"])
            for signal, tally in self.tallies.items():
                family.add_metric([signal], getattr(tally, item.name))
            yield family
        yield GaugeMetricFamily("coldlight_journal_bytes", "Bytes in the journal", self.journal.stored_bytes)
        yield CounterMetricFamily(
            "coldlight_repeated_requests",
            "Requests sent again and not stored twice",
            self.journal.repeated_requests,
        )
        yield from self._segments()

    def _segments(self) -> Iterator[Metric]:
        counts, gauge, counter = self.inserter.counts, GaugeMetricFamily, CounterMetricFamily
        waiting = self.journal.sealed.qsize()
        shown: tuple[tuple[Callable[..., Metric], str, str, int], ...] = (
            (gauge, "journal_segments", "Sealed segments not yet inserted", waiting),
            (counter, "inserted_batches", "Batches in ClickHouse", counts.batches),
            (counter, "inserted_items", "Items in ClickHouse", counts.items),
            (counter, "insert_retries", "Attempts that had to be repeated", counts.retries),
            (counter, "rewritten_batches", "Batches rewritten so that ClickHouse takes them", counts.rewritten_batches),
            (counter, "quarantined_requests", "Requests refused by ClickHouse and set aside", counts.quarantined_requests),
            (counter, "rejected_batches", "Batches refused by ClickHouse and set aside", counts.rejected_batches),
        )  # fmt: skip
        for family, name, meaning, value in shown:
            yield family(f"coldlight_{name}", meaning, value=value)


def watch(registry: CollectorRegistry, journal: Journal, inserter: Inserter) -> CollectorMetrics:
    """Registers the metrics of a collector."""
    metrics = CollectorMetrics(journal, inserter)
    registry.register(metrics)
    return metrics
