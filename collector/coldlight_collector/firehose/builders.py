"""OTLP requests of the stored type, put together record by record: equal resources, scopes and metrics are one."""

from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, field
from typing import Any

from coldlight_collector.any_value import Plain, add_attributes
from coldlight_collector.firehose.measurements import Measurement
from coldlight_storage.signals import Signal
from coldlight_storage.stored import STORED_TYPE

Describe = Callable[[], Mapping[str, Plain]]
"""Makes the attributes of a resource; called only for one that is new."""


@dataclass
class LogsBuilder:
    """A logs request. `items` counts its log records."""

    request: Any = field(default_factory=STORED_TYPE[Signal.LOGS])
    items: int = 0
    _scopes: dict[Hashable, Any] = field(default_factory=dict)

    def scope(self, key: Hashable, describe: Describe, name: str, attributes: Mapping[str, Plain]) -> Any:
        """The scope logs of a resource that `key` stands for, together with the scope."""
        if key not in self._scopes:
            resource_logs = self.request.resource_logs.add()
            add_attributes(resource_logs.resource.attributes, describe())
            self._scopes[key] = scope_logs = resource_logs.scope_logs.add()
            scope_logs.scope.name = name
            add_attributes(scope_logs.scope.attributes, attributes)
        return self._scopes[key]

    def record(self, scope_logs: Any) -> Any:
        """A new log record in a scope."""
        self.items += 1
        return scope_logs.log_records.add()


@dataclass
class MetricsBuilder:
    """A metrics request. `items` counts its data points."""

    request: Any = field(default_factory=STORED_TYPE[Signal.METRICS])
    items: int = 0
    _resources: dict[Hashable, Any] = field(default_factory=dict)
    _scopes: dict[Hashable, Any] = field(default_factory=dict)
    _metrics: dict[Hashable, Any] = field(default_factory=dict)

    def add(self, key: Hashable, describe: Describe, measurement: Measurement) -> None:
        """Adds a point to the resource that `key` stands for."""
        scope = (key, measurement.scope)
        series = (scope, measurement.name, measurement.unit, measurement.kind)
        if series not in self._metrics:
            metric = self._scope(scope, describe).metrics.add(name=measurement.name, unit=measurement.unit)
            self._metrics[series] = metric
        measurement.write(self._metrics[series])
        self.items += 1

    def extend(self, request: Any, points: int) -> None:
        """Takes over the resources of another request, which has so many points."""
        self.request.resource_metrics.extend(request.resource_metrics)
        self.items += points

    def _scope(self, key: tuple[Hashable, str], describe: Describe) -> Any:
        resource, name = key
        if resource not in self._resources:
            self._resources[resource] = self.request.resource_metrics.add()
            add_attributes(self._resources[resource].resource.attributes, describe())
        if key not in self._scopes:
            self._scopes[key] = self._resources[resource].scope_metrics.add()
            if name:
                self._scopes[key].scope.name = name
        return self._scopes[key]
