"""CloudWatch Metric Streams in JSON: one object a data point (CloudWatch User Guide, "JSON format").

They become what CloudWatch itself writes in its OpenTelemetry 1.0 format, so that either format gives the same rows.
"""

import math
import re
from decimal import Decimal
from typing import Any

from coldlight_collector.any_value import Plain
from coldlight_collector.firehose.measurements import Measurement, Statistics, ucum
from coldlight_collector.intake import Malformed

_LAST_MS = 2**63 // 10**6
_MOST_STATISTICS = 100
_LARGEST_COUNT = 2**63
_LONGEST_TEXT = 1024
_MOST_DIMENSIONS = 30
_PERCENTILE = re.compile(r"p(\d{1,2}(?:\.\d{1,10})?|100)")
_EXTREMES = {"min": 0.0, "max": 1.0}


def is_data_point(document: dict[str, Any]) -> bool:
    return "metric_stream_name" in document


def text_of(document: dict[str, Any], name: str) -> str:
    """A field that must be a string, of no more than AWS allows. Raises `Malformed` that names it."""
    value = document.get(name)
    if type(value) is not str or len(value) > _LONGEST_TEXT:
        raise Malformed(f"{name}: expected a string of at most {_LONGEST_TEXT} characters")
    return value


def measurements(document: dict[str, Any]) -> list[Measurement]:
    """The data point, and one more for each statistic that a summary has no place for, such as a trimmed mean.

    Raises `Malformed` that names the first field that is not as it must be.
    """
    namespace, name = text_of(document, "namespace"), text_of(document, "metric_name")
    dimensions = _dimensions(document)
    attributes: dict[str, Plain] = {"Namespace": namespace, "MetricName": name, "Dimensions": dimensions}
    unit = ucum(text_of(document, "unit") if document.get("unit") else "None")
    metric = (f"amazonaws.com/{namespace}/{name}", unit, _time_unix_nano(document))
    statistics, others = _statistics(document)
    return [
        Measurement(*metric, statistics, attributes),
        *(Measurement(*metric, value, {**attributes, "Statistic": key}) for key, value in others.items()),
    ]


def _time_unix_nano(document: dict[str, Any]) -> int:
    timestamp = document.get("timestamp")
    if type(timestamp) is not int or not 0 < timestamp < _LAST_MS:
        raise Malformed("timestamp: expected milliseconds since 1970")
    return timestamp * 10**6


def _dimensions(document: dict[str, Any]) -> dict[str, Any]:
    dimensions = document.get("dimensions") or {}
    if type(dimensions) is not dict or len(dimensions) > _MOST_DIMENSIONS:
        raise Malformed(f"dimensions: expected an object of at most {_MOST_DIMENSIONS} entries")
    if any(len(name) > _LONGEST_TEXT for name in dimensions):
        raise Malformed(f"dimensions: names of at most {_LONGEST_TEXT} characters")
    return {name: text_of(dimensions, name) for name in dimensions}


def _statistics(document: dict[str, Any]) -> tuple[Statistics, dict[str, float]]:
    value = document.get("value")
    if type(value) is not dict or not all(type(number) in (int, float) for number in value.values()):
        raise Malformed("value: expected an object of numbers")
    if not ("count" in value and "sum" in value and 0 <= value["count"] < _LARGEST_COUNT):
        raise Malformed("value: expected count and sum, the count not negative")
    if len(value) > _MOST_STATISTICS:
        raise Malformed(f"value: at most {_MOST_STATISTICS} statistics")
    quantiles, others = {}, {}
    for name, number in value.items():
        quantile = _quantile(name)
        if quantile is not None:
            quantiles[quantile] = float(number)
        elif name not in ("count", "sum"):
            others[name] = float(number)
    if value["count"] != math.floor(value["count"]):
        others["count"] = float(value["count"])
    return Statistics(round(value["count"]), float(value["sum"]), quantiles), others


def _quantile(name: str) -> float | None:
    percentile = _PERCENTILE.fullmatch(name)
    # By decimal arithmetic: 99.9 / 100 is not 0.999.
    return float(Decimal(percentile[1]) / 100) if percentile else _EXTREMES.get(name)
