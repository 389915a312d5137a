"""`trace_index` is right whatever the order, the batches and the days in which spans arrive, and however often."""

import itertools
from dataclasses import dataclass, replace
from datetime import timedelta
from random import Random

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from coldlight_storage import Row, Store
from coldlight_storage.testing import TODAY, Put, clock_ns, span, trace_id, traces_request

INDEX = """
SELECT
    TraceId,
    toUnixTimestamp64Nano(min(Start)) AS start_ns,
    toUnixTimestamp64Nano(max(End)) AS end_ns,
    uniqExactMerge(Spans) AS spans,
    uniqExactMerge(Errors) AS errors,
    min(Root).3 AS root,
    min(Root).5 AS name,
    min(Root).6 AS status
FROM trace_index
WHERE TraceId IN {traces:Array(String)}
GROUP BY TraceId
ORDER BY TraceId
"""


@dataclass(frozen=True)
class Sketch:
    """What the index makes use of in a span."""

    trace: int
    number: int
    kind: int
    parent: int
    at: int
    lasts: int
    is_error: bool

    @property
    def status(self) -> str:
        return "Error" if self.is_error else "Unset"

    def span(self) -> Span:
        code = Status.STATUS_CODE_ERROR if self.is_error else Status.STATUS_CODE_UNSET
        return span(
            self.number,
            trace=self.trace,
            parent=self.parent,
            at=self.at,
            lasts=self.lasts,
            kind=self.kind,
            name=f"{self.number} at {self.at}",
            status=Status(code=code),
        )


def expected(sketches: list[Sketch]) -> Row:
    """The row of one trace, the simple way."""
    root = min((bool(s.parent), s.at, s.number, f"{s.number} at {s.at}", s.status) for s in sketches)
    return {
        "TraceId": trace_id(sketches[0].trace).hex(),
        "start_ns": min(clock_ns(s.at) for s in sketches),
        "end_ns": max(clock_ns(s.at + s.lasts) for s in sketches),
        "spans": len({(s.number, s.kind) for s in sketches}),
        "errors": len({(s.number, s.kind) for s in sketches if s.is_error}),
        "root": f"{root[2]:016x}",
        "name": root[3],
        "status": root[4],
    }


def read(store: Store, sketches: list[Sketch]) -> list[Row]:
    traces = {trace_id(sketch.trace).hex() for sketch in sketches}
    return store.select(INDEX, {"traces": sorted(traces)})


def by_trace(sketches: list[Sketch]) -> list[list[Sketch]]:
    def of(sketch: Sketch) -> int:
        return sketch.trace

    return [list(group) for _, group in itertools.groupby(sorted(sketches, key=of), key=of)]


SKETCHES = st.builds(
    Sketch,
    trace=st.integers(1, 5),
    number=st.integers(1, 6),
    kind=st.integers(0, 5),
    parent=st.integers(0, 2),
    at=st.integers(-100, 100),
    lasts=st.integers(0, 100),
    is_error=st.booleans(),
)
FIRST_TRACE = itertools.count(10, 10)


@settings(max_examples=5, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(SKETCHES, min_size=10, max_size=60), st.randoms(use_true_random=False))
def test_the_index_knows_every_trace(store: Store, put: Put, sketches: list[Sketch], random: Random) -> None:
    first = next(FIRST_TRACE)
    sent = [replace(sketch, trace=first + sketch.trace) for sketch in sketches]
    repeated = [*sent, *random.sample(sent, len(sent) // 2)]
    random.shuffle(repeated)
    for day in range(3):
        part = repeated[day::3]
        put(traces_request(*[sketch.span() for sketch in part]), received=TODAY + timedelta(day))
    assert read(store, sent) == [expected(group) for group in by_trace(sent)]


def test_a_root_that_arrives_last_becomes_the_root(store: Store, put: Put) -> None:
    child = Sketch(1, 2, kind=3, parent=1, at=0, lasts=1, is_error=False)
    root = Sketch(1, 1, kind=2, parent=0, at=5, lasts=1, is_error=True)
    put(traces_request(child.span()))
    assert read(store, [child])[0]["root"] == "0000000000000002"
    put(traces_request(root.span()))
    assert read(store, [root])[0]["root"] == "0000000000000001"


def test_merging_changes_nothing(store: Store, put: Put) -> None:
    sketches = [Sketch(1, number, 2, number - 1, number, 1, number == 3) for number in range(1, 6)]
    for sketch in sketches:
        put(traces_request(sketch.span()))
    before = read(store, sketches)
    store.command("OPTIMIZE TABLE trace_index FINAL")
    assert store.select("SELECT count() AS n FROM trace_index") == [{"n": 1}]
    assert read(store, sketches) == before == [expected(sketches)]


def test_zipkin_s_shared_span_counts_as_two(store: Store, put: Put) -> None:
    client = Sketch(1, 1, Span.SPAN_KIND_CLIENT, 0, at=0, lasts=4, is_error=False)
    server = Sketch(1, 1, Span.SPAN_KIND_SERVER, 0, at=1, lasts=2, is_error=True)
    put(traces_request(client.span(), server.span()))
    assert [(row["spans"], row["errors"]) for row in read(store, [client])] == [(2, 1)]


def test_a_span_without_a_trace_is_stored_but_not_indexed(store: Store, put: Put) -> None:
    put(traces_request(Span(name="lost")))
    assert store.select("SELECT SpanName FROM otel_traces") == [{"SpanName": "lost"}]
    assert store.select("SELECT TraceId FROM trace_index") == []


def test_other_tools_find_when_a_trace_took_place(store: Store, put: Put) -> None:
    put(traces_request(span(1, at=0, lasts=1)), traces_request(span(2, at=10, lasts=5)))
    rows = store.select(
        "SELECT TraceId, toUnixTimestamp64Nano(Start) AS s, toUnixTimestamp64Nano(End) AS e"
        " FROM otel_traces_trace_id_ts"
    )
    assert rows == [{"TraceId": trace_id(1).hex(), "s": clock_ns(0), "e": clock_ns(15)}]
