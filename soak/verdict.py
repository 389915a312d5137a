"""What was owed, against what is there."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from coldlight_storage import Row, Signal
from soak.senders import TRACE, Request

_LISTED = "arrayStringConcat(arraySort(arrayMap((key, value) -> concat(key, '=', value), mapKeys({0}), mapValues({0}))), ',')"
_ROWS = "SELECT {trace} AS trace, concat({name}, ' ', {listed}) AS item FROM {table}"
_CONTENT = """
SELECT trace, count() AS items, lower(hex(MD5(arrayStringConcat(arraySort(groupArray(item)), '\\n')))) AS content
FROM ({rows}) GROUP BY trace
"""


def _stored(trace: str, name: str, attributes: str, *tables: str) -> str:
    listed = _LISTED.format(attributes)
    rows = (_ROWS.format(trace=trace, name=name, listed=listed, table=table) for table in tables)
    return _CONTENT.format(rows=" UNION ALL ".join(rows))


STORED = {
    Signal.TRACES: _stored("TraceId", "SpanName", "SpanAttributes", "otel_traces"),
    Signal.LOGS: _stored("TraceId", "Body", "LogAttributes", "otel_logs"),
    Signal.METRICS: _stored(
        f"Attributes['{TRACE}']", "MetricName", "Attributes", "otel_metrics_gauge", "otel_metrics_sum"
    ),
}

Stored = Mapping[tuple[Signal, str], tuple[int, str]]
"""By signal and trace: how many rows there are, and what is in them."""


@dataclass(frozen=True)
class Verdict:
    """Promises broken, each named; and how many were kept."""

    requests: int = 0
    items: int = 0
    lost: list[str] = field(default_factory=list)
    doubled: list[str] = field(default_factory=list)
    altered: list[str] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)

    @property
    def is_good(self) -> bool:
        return not (self.lost or self.doubled or self.altered or self.unknown)

    def __add__(self, other: "Verdict") -> "Verdict":
        return Verdict(
            self.requests + other.requests,
            self.items + other.items,
            self.lost + other.lost,
            self.doubled + other.doubled,
            self.altered + other.altered,
            self.unknown + other.unknown,
        )


def as_stored(rows: Mapping[str, Sequence[Row]]) -> Stored:
    """Of the rows that the queries of `STORED` give, by signal."""
    return {
        (Signal(signal), row["trace"]): (row["items"], row["content"])
        for signal, found in rows.items()
        for row in found
    }


def judge(owed: Iterable[Request], found: Stored) -> Verdict:
    """What was acknowledged is there once, as it was sent, and nothing else is there."""
    left, broken = dict(found), Verdict()
    requests = promised = 0
    for request in owed:
        items, content = left.pop((request.signal, request.trace_id), (0, ""))
        requests, promised = requests + 1, promised + len(request.items)
        told = f"{request.signal} {request.trace_id}: {items} of {len(request.items)}"
        if items < len(request.items):
            broken.lost.append(told)
        elif items > len(request.items):
            broken.doubled.append(told)
        elif content != request.content:
            broken.altered.append(told)
    broken.unknown.extend(f"{signal} {trace}" for signal, trace in sorted(left))
    return replace(broken, requests=requests, items=promised)
