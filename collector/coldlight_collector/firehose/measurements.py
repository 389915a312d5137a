"""Measurements in CloudWatch's terms, and how they become OTLP points.

One number is a gauge point. Statistics (min, max, sum, count) are a summary point, as CloudWatch itself writes them in
OTLP: quantile 0 is the least value, quantile 1 the greatest. Single values with how often each occurred are a delta
histogram whose bounds are these very values, so that nothing is lost.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from coldlight_collector.any_value import Plain, add_attributes

_DELTA = 1
_ORDINARY_TEXT = 256
_ORDINARY_VALUES = 16
_UNITS = {
    "Seconds": "s",
    "Second": "s",
    "Microseconds": "us",
    "Milliseconds": "ms",
    "Bytes": "By",
    "Kilobytes": "kBy",
    "Megabytes": "MBy",
    "Gigabytes": "GBy",
    "Terabytes": "TBy",
    "Bits": "bit",
    "Kilobits": "kbit",
    "Megabits": "MBit",
    "Gigabits": "GBit",
    "Terabits": "Tbit",
    "Percent": "%",
    "Count": "{Count}",
    "None": "1",
}
"""CloudWatch User Guide, "Translations with OpenTelemetry 1.0.0 format"."""


def ucum(unit: str) -> str:
    """OTLP's unit for CloudWatch's (`Bytes/Second` gives `By/s`); one that CloudWatch does not have stays."""
    return "/".join(_UNITS.get(part, part) for part in unit.split("/"))


@dataclass(frozen=True)
class Statistics:
    """What is known of `count` values. Quantiles are fractions: 0 is the least value, 1 the greatest."""

    count: int
    sum: float
    quantiles: Mapping[float, float] = field(default_factory=dict)

    def write(self, point: Any) -> None:
        point.count, point.sum = self.count, self.sum
        for quantile, value in sorted(self.quantiles.items()):
            point.quantile_values.add(quantile=quantile, value=value)


@dataclass(frozen=True)
class Distribution:
    """Every value, and how often it occurred."""

    counts: Mapping[float, int]

    def write(self, point: Any) -> None:
        values = sorted(self.counts)
        point.count = sum(self.counts.values())
        point.sum = sum(value * count for value, count in self.counts.items())
        point.min, point.max = values[0], values[-1]
        point.explicit_bounds.extend(values)
        # A bound belongs to the bucket below it; above the last one there is nothing.
        point.bucket_counts.extend([*(self.counts[value] for value in values), 0])


@dataclass(frozen=True)
class Measurement:
    """A value of a metric; `scope` is the name of OTLP's instrumentation scope."""

    name: str
    unit: str
    time_unix_nano: int
    value: float | Statistics | Distribution
    attributes: Mapping[str, Plain]
    scope: str = ""

    @property
    def weight(self) -> int:
        """What the point costs in memory, in points of ordinary size."""
        text = sum(len(key) + len(str(value)) for key, value in self.attributes.items())
        values = len(self.value.counts) if isinstance(self.value, Distribution) else 1
        return 1 + text // _ORDINARY_TEXT + values // _ORDINARY_VALUES

    @property
    def kind(self) -> str:
        """The field of OTLP's `Metric` that holds it."""
        match self.value:
            case Statistics():
                return "summary"
            case Distribution():
                return "histogram"
            case _:
                return "gauge"

    def write(self, metric: Any) -> None:
        """Adds a point to a metric of this name, unit and kind."""
        data = getattr(metric, self.kind)
        point = data.data_points.add(time_unix_nano=self.time_unix_nano)
        match self.value:
            case Statistics():
                self.value.write(point)
            case Distribution():
                data.aggregation_temporality = _DELTA
                self.value.write(point)
            case _:
                point.as_double = self.value
        add_attributes(point.attributes, self.attributes)
