"""What the collector counts, in Prometheus' terms. Nothing is dropped in silence: every loss has a counter here."""

from prometheus_client import CollectorRegistry, Counter, Gauge

from coldlight_collector.inserter import Inserter
from coldlight_collector.intake import Accepted, Intake, Payload, Unavailable
from coldlight_collector.journal import Journal
from coldlight_storage import Signal


class IntakeMetrics:
    """Counts what passes an intake."""

    def __init__(self, registry: CollectorRegistry) -> None:
        labels = ["signal"]
        self._requests = Counter("coldlight_requests", "Requests acknowledged", labels, registry=registry)
        self._items = Counter(
            "coldlight_items", "Spans, log records and data points acknowledged", labels, registry=registry
        )
        self._bytes = Counter("coldlight_bytes", "Bytes of OTLP acknowledged", labels, registry=registry)
        self._rejected = Counter(
            "coldlight_rejected_items", "Items refused in a partial success", labels, registry=registry
        )
        self._repaired = Counter(
            "coldlight_repaired_fields",
            "Fields changed so that they could be stored",
            labels,
            registry=registry,
        )
        self._unavailable = Counter(
            "coldlight_unavailable_requests", "Requests told to come again", labels, registry=registry
        )

    def counted(self, intake: Intake) -> Intake:
        """The same intake, counted."""

        async def take(signal: Signal, payload: Payload) -> Accepted:
            try:
                accepted = await intake(signal, payload)
            except Unavailable:
                self._unavailable.labels(signal).inc()
                raise
            self._requests.labels(signal).inc()
            self._items.labels(signal).inc(payload.items)
            self._bytes.labels(signal).inc(len(payload.body))
            if accepted.rejected or accepted.repaired:
                self._rejected.labels(signal).inc(accepted.rejected)
                self._repaired.labels(signal).inc(accepted.repaired)
            return accepted

        return take


def watch(registry: CollectorRegistry, journal: Journal, inserter: Inserter) -> None:
    """Shows the state of the journal and what the inserter has done."""
    counts = inserter.counts
    for name, text, read in (
        ("coldlight_journal_bytes", "Bytes in the journal", lambda: journal.stored_bytes),
        ("coldlight_journal_segments", "Sealed segments not yet inserted", journal.sealed.qsize),
        ("coldlight_inserted_batches", "Batches in ClickHouse since the start", lambda: counts.batches),
        ("coldlight_inserted_items", "Items in ClickHouse since the start", lambda: counts.items),
        ("coldlight_insert_retries", "Attempts that had to be repeated", lambda: counts.retries),
        ("coldlight_rewritten_batches", "Batches rewritten so that ClickHouse takes them",
         lambda: counts.rewritten_batches),
        ("coldlight_rejected_batches", "Batches that ClickHouse refused and that were set aside",
         lambda: counts.rejected_batches),
    ):  # fmt: skip
        Gauge(name, text, registry=registry).set_function(read)
