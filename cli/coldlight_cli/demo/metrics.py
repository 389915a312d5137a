"""The metrics of the simulated functions, of every kind that the SDK can make, set to simulated time."""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from opentelemetry.context import Context
from opentelemetry.metrics import Meter
from opentelemetry.sdk.metrics.export import (
    Gauge,
    Metric,
    ResourceMetrics,
    ScopeMetrics,
)
from opentelemetry.sdk.metrics.view import ExponentialBucketHistogramAggregation, View

ORDER_VALUE = "shop.order.value"
VIEWS = [View(instrument_name=ORDER_VALUE, aggregation=ExponentialBucketHistogramAggregation())]
BYTES_PER_MB = 1 << 20


class Measurements:
    """The instruments of one simulated process; `faas.*` as in OpenTelemetry's "FaaS Metrics"."""

    def __init__(self, meter: Meter) -> None:
        self._invocations = meter.create_counter(
            "faas.invocations", "{invocation}", "Invocations that ended well"
        )
        self._errors = meter.create_counter("faas.errors", "{error}", "Invocations that failed")
        self._timeouts = meter.create_counter(
            "faas.timeouts", "{timeout}", "Invocations that ran out of time"
        )
        self._coldstarts = meter.create_counter(
            "faas.coldstarts", "{coldstart}", "Invocations in a new sandbox"
        )
        self._duration = meter.create_histogram("faas.invoke_duration", "s", "Duration of the handler")
        self._memory = meter.create_histogram("faas.mem_usage", "By", "Memory used at most")
        self._value = meter.create_histogram(ORDER_VALUE, "{EUR}", "What customers order")
        self._backlog = meter.create_gauge(
            "shop.queue.backlog", "{message}", "Messages that wait in the queue"
        )

    def invocation(
        self, context: Context, trigger: str, duration_s: float, memory_mb: int, error_type: str | None
    ) -> None:
        """One invocation has ended; `context` is that of its span, for the exemplars."""
        attributes = {"faas.trigger": trigger}
        self._duration.record(duration_s, attributes, context)
        self._memory.record(memory_mb * BYTES_PER_MB, attributes, context)
        if error_type is None:
            self._invocations.add(1, attributes, context)
        else:
            self._errors.add(1, {**attributes, "error.type": error_type}, context)

    def timeout(self, trigger: str) -> None:
        """The invocation that just ended ran out of time."""
        self._timeouts.add(1, {"faas.trigger": trigger})

    def coldstart(self, trigger: str) -> None:
        """A new sandbox was started for an invocation."""
        self._coldstarts.add(1, {"faas.trigger": trigger})

    def order(self, context: Context, value_eur: float) -> None:
        """A customer ordered."""
        self._value.record(value_eur, {"shop.currency": "EUR"}, context)

    def backlog(self, queue: str, messages: int) -> None:
        """So many messages wait in the queue now."""
        self._backlog.set(messages, {"messaging.destination.name": queue})


def stamp(metrics: ResourceMetrics, since_ns: int, now_ns: int) -> ResourceMetrics:
    """The same metrics as of `now_ns`, counted since `since_ns` (ns since the epoch).

    The SDK stamps data points with the real time, at which the demo plays a quarter of an hour in a second.
    """
    scopes = [_stamp_scope(scope, since_ns, now_ns) for scope in metrics.scope_metrics]
    return replace(metrics, scope_metrics=scopes)


def _stamp_scope(scope: ScopeMetrics, since_ns: int, now_ns: int) -> ScopeMetrics:
    return replace(scope, metrics=[_stamp_metric(metric, since_ns, now_ns) for metric in scope.metrics])


def _stamp_metric(metric: Metric, since_ns: int, now_ns: int) -> Metric:
    data: Any = metric.data  # one of four classes with the same field: more than `replace` can type
    start = {} if isinstance(data, Gauge) else {"start_time_unix_nano": since_ns}
    points = [
        replace(point, **start, time_unix_nano=now_ns, exemplars=_stamp_exemplars(point, now_ns))
        for point in data.data_points
    ]
    return replace(metric, data=replace(data, data_points=points))


def _stamp_exemplars(point: Any, now_ns: int) -> list[Any]:
    return [replace(exemplar, time_unix_nano=now_ns) for exemplar in point.exemplars]


def count_points(resources: Iterable[ResourceMetrics]) -> int:
    """Data points in all metrics of all scopes."""
    return sum(
        len(metric.data.data_points)
        for resource in resources
        for scope in resource.scope_metrics
        for metric in scope.metrics
    )
