"""Metrics in log lines: CloudWatch's Embedded Metric Format (User Guide, "Specification: Embedded metric format").

The line stays a log record. Its metrics become OTLP points, one a set of dimensions: the namespace is the scope, the
dimensions are the attributes. A member of the line that is not as the format wants it makes no point.
"""

from collections import Counter
from collections.abc import Iterator
from itertools import islice
from typing import Any

from coldlight_collector.firehose.measurements import Distribution, Measurement, Statistics, ucum
from coldlight_collector.intake import Malformed
from coldlight_collector.json_body import parse_json

MOST_POINTS = 1000
"""Points of one line, large ones counting more. The format itself allows 100 metrics, times any sets of dimensions."""

_MOST_VALUES = 100
_MOST_DIMENSIONS = 30
_LONGEST_TEXT = 1024
"""What the format allows of values, of dimensions in a set, and of characters in a dimension or a name."""

_LAST_MS = 2**63 // 10**6
_LARGEST_COUNT = 2**31
_Value = float | Statistics | Distribution


def measurements(text: str, time_unix_nano: int) -> Iterator[Measurement]:
    """What a line measures; nothing for a line of another format. `time_unix_nano` counts where it has no time."""
    # On Lambda, text may stand before the object.
    start = text.find("{") if '"_aws"' in text else -1
    if start < 0:
        return
    try:
        root = parse_json(text[start:].encode())
    except Malformed:
        return
    metadata = root.get("_aws")
    if type(metadata) is not dict:
        return
    timestamp = metadata.get("Timestamp")
    if type(timestamp) is int and 0 < timestamp < _LAST_MS:
        time_unix_nano = timestamp * 10**6
    for directive in _objects(metadata.get("CloudWatchMetrics")):
        yield from _of_directive(root, directive, time_unix_nano)


def _of_directive(
    root: dict[str, Any], directive: dict[str, Any], time_unix_nano: int
) -> Iterator[Measurement]:
    namespace: Any = directive.get("Namespace")
    if not _is_text(namespace):
        return
    dimension_sets = list(islice(_dimension_sets(root, directive.get("Dimensions")), MOST_POINTS + 1))
    for metric in _objects(directive.get("Metrics")):
        name: Any = metric.get("Name")
        unit: Any = metric.get("Unit", "None")
        value = _value(root.get(name)) if _is_text(name) and _is_text(unit) else None
        if value is None:
            continue
        for dimensions in dimension_sets:
            yield Measurement(name, ucum(unit), time_unix_nano, value, dimensions, namespace)


def _objects(value: Any) -> Iterator[dict[str, Any]]:
    return (item for item in value if type(item) is dict) if type(value) is list else iter(())


def _dimension_sets(root: dict[str, Any], sets: Any) -> Iterator[dict[str, str]]:
    """Each set once, with the values its dimensions have in the line; without any, the one that is empty."""
    seen: set[frozenset[tuple[str, str]]] = set()
    for names in sets if type(sets) is list else ():
        if type(names) is not list:
            continue
        dimensions = {
            name: str(root[name]) for name in names if type(name) is str and _is_plain(root.get(name))
        }
        identity = frozenset(dimensions.items())
        if identity not in seen:
            seen.add(identity)
            yield dimensions
    if not seen:
        yield {}


def _is_text(value: Any) -> bool:
    return type(value) is str and len(value) <= _LONGEST_TEXT


def _is_plain(value: Any) -> bool:
    return _is_text(value) or _is_number(value)


def _is_number(value: Any) -> bool:
    return type(value) in (int, float)


def _value(value: Any) -> _Value | None:
    if _is_number(value):
        return float(value)
    if type(value) is list:
        return _distribution(value, None)
    if type(value) is not dict:
        return None
    if type(value.get("Values")) is list:
        return _distribution(value["Values"], value.get("Counts"))
    return _statistics(value)


def _distribution(values: list[Any], counts: Any) -> Distribution | None:
    if not 0 < len(values) <= _MOST_VALUES:
        return None
    counts = [1] * len(values) if counts is None else counts
    is_sound = type(counts) is list and len(counts) == len(values)
    if not (is_sound and all(map(_is_number, values)) and all(map(_is_count, counts))):
        return None
    total: Counter[float] = Counter()
    for value, count in zip(values, counts, strict=True):
        total[float(value)] += round(count)
    return Distribution(total)


def _is_count(value: Any) -> bool:
    return _is_number(value) and 0 <= value < _LARGEST_COUNT


def _statistics(value: dict[str, Any]) -> Statistics | None:
    count: Any = value.get("Count", value.get("SampleCount"))
    total: Any = value.get("Sum")
    if not (_is_count(count) and _is_number(total)):
        return None
    extremes: dict[float, Any] = {0.0: value.get("Min"), 1.0: value.get("Max")}
    quantiles = {quantile: float(extreme) for quantile, extreme in extremes.items() if _is_number(extreme)}
    return Statistics(round(count), float(total), quantiles)
