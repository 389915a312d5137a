"""What was owed, against what is there."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from coldlight_storage import Row, Signal
from soak.senders import Request

STORED = {
    Signal.TRACES: "SELECT TraceId AS trace, SpanName AS name, count() AS times FROM otel_traces GROUP BY ALL",
    Signal.LOGS: "SELECT TraceId AS trace, Body AS name, count() AS times FROM otel_logs GROUP BY ALL",
}

Stored = Mapping[Signal, Mapping[tuple[str, str], int]]
"""By signal, trace and name: how many rows there are."""


@dataclass(frozen=True)
class Verdict:
    """Promises broken, each named; and how many were kept."""

    items: int
    lost: list[str] = field(default_factory=list)
    doubled: list[str] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)

    @property
    def is_good(self) -> bool:
        return not (self.lost or self.doubled or self.unknown)


def as_stored(rows: Mapping[str, Sequence[Row]]) -> Stored:
    """Of the rows that the queries of `STORED` give, by signal."""
    return {
        Signal(signal): {(row["trace"], row["name"]): row["times"] for row in found}
        for signal, found in rows.items()
    }


def judge(owed: Iterable[Request], found: Stored) -> Verdict:
    """What was acknowledged is there once, with the names it was sent with, and nothing else is there."""
    expected = {(request.signal, request.trace_id, name) for request in owed for name in request.names}
    times = Counter(
        {(signal, *place): count for signal, places in found.items() for place, count in places.items()}
    )
    return Verdict(
        items=len(expected),
        lost=[_named(item) for item in sorted(expected - times.keys())],
        doubled=[f"{_named(item)}: {count} times" for item, count in sorted(times.items()) if count > 1],
        unknown=[_named(item) for item in sorted(times.keys() - expected)],
    )


def _named(item: tuple[str, str, str]) -> str:
    signal, trace_id, name = item
    return f"{signal} {trace_id} {name}"
