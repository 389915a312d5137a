"""What the query service shows of itself, and of all collectors, in Prometheus' terms (`docs/operating.md` lists it)."""

import asyncio
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Histogram
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from coldlight_storage import Reader, Row, StoreError
from coldlight_storage.heartbeats import CollectorSeen, collectors_seen, watermark_ns

_BUCKETS_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
_LOOK_EVERY_S = 5.0
_PATIENCE_S = 5.0
_UNMATCHED = "unmatched"
_METHODS = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}


def _duration(name: str, meaning: str, label: str) -> Histogram:
    return Histogram(name, meaning, [label], registry=None, buckets=_BUCKETS_S)


@dataclass(frozen=True)
class QueryMetrics:
    """Counts requests by the route's template, never by what was asked."""

    requests: Counter = field(
        default_factory=lambda: Counter(
            "coldlight_query_requests", "Requests answered", ["route", "method", "status"], registry=None
        )
    )
    durations_s: Histogram = field(
        default_factory=lambda: _duration("coldlight_query_duration_seconds", "Time to answer", "route")
    )
    clickhouse_s: Histogram = field(
        default_factory=lambda: _duration(
            "coldlight_query_clickhouse_duration_seconds", "Time of one SELECT", "outcome"
        )
    )

    def register(self, registry: CollectorRegistry) -> None:
        for family in (self.requests, self.durations_s, self.clickhouse_s):
            registry.register(family)


@dataclass(frozen=True)
class Counted:
    """The app, whose answers are counted and timed; use it as a middleware."""

    app: ASGIApp
    metrics: QueryMetrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        status, began_s = 500, time.monotonic()

        async def note_status(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self.app(scope, receive, note_status)
        finally:
            route = getattr(scope.get("route"), "path", _UNMATCHED)
            method = scope["method"] if scope["method"] in _METHODS else "other"
            self.metrics.requests.labels(route, method, str(status)).inc()
            self.metrics.durations_s.labels(route).observe(time.monotonic() - began_s)


@dataclass(frozen=True)
class TimedReader:
    """A store whose SELECTs are timed."""

    store: Reader
    metrics: QueryMetrics

    def select(self, sql: str, parameters: Mapping[str, Any] | None = None) -> list[Row]:
        outcome, began_s = "failed", time.monotonic()
        try:
            rows = self.store.select(sql, parameters)
            outcome = "ok"
        finally:
            self.metrics.clickhouse_s.labels(outcome).observe(time.monotonic() - began_s)
        return rows


@dataclass(eq=False)  # the registry keeps it in a dictionary
class CollectorsWatch(Collector):
    """What the collectors tell through ClickHouse, read when somebody asks, and at most every few seconds."""

    store: Reader
    seen: tuple[CollectorSeen, ...] | None = None
    """None while ClickHouse does not say."""
    _looked_at_s: float = float("-inf")
    _looking: "asyncio.Task[None] | None" = None

    async def look(self) -> None:
        """Brings `seen` up to date, unless ClickHouse takes longer than anybody wants to wait."""
        if self._looking is None and time.monotonic() - self._looked_at_s >= _LOOK_EVERY_S:
            self._looking = asyncio.create_task(self._look(), name="look at collectors")
        if self._looking is not None:
            await asyncio.wait([self._looking], timeout=_PATIENCE_S)
            if self._looking is not None:
                self.seen = None

    async def _look(self) -> None:
        try:
            self.seen = await asyncio.to_thread(collectors_seen, self.store)
        except StoreError:
            self.seen = None  # `coldlight_clickhouse_up` says so
        finally:
            self._looked_at_s, self._looking = time.monotonic(), None

    def collect(self) -> Iterator[Metric]:
        is_up = self.seen is not None
        yield GaugeMetricFamily("coldlight_clickhouse_up", "1 if ClickHouse answers, with our tables", is_up)
        if self.seen is None:
            return
        collectors = GaugeMetricFamily("coldlight_collectors", "Collectors of the last day", labels=["state"])
        for state, count in _states(self.seen).items():
            collectors.add_metric([state], count)
        yield collectors
        watermark = watermark_ns(self.seen)
        if watermark is not None:
            name, meaning = (
                "coldlight_system_watermark_timestamp_seconds",
                "The least watermark of live collectors",
            )
            yield GaugeMetricFamily(name, meaning, watermark / 10**9)


def _states(seen: tuple[CollectorSeen, ...]) -> dict[str, int]:
    return {
        "live": sum(collector.is_live for collector in seen),
        "silent": sum(collector.is_silent for collector in seen),
        "stopped": sum(collector.last.is_stopped for collector in seen),
    }
