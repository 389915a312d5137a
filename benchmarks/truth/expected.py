"""What an answer about a request has to say, and what it may say, by what of the request was left to be seen."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from benchmarks.truth.graph import Followed, Graph, Hop, Request, Run, SpanRef, follow
from benchmarks.truth.recording import MadeSpan, Role
from benchmarks.truth.trouble import LOSSES, Wire

COMPOSITE, CONTENDED = "composite keys", "composite keys that several wrote"
UNTOLD = "batches whose spans do not tell"
SILENT = "hops without trace context"


@dataclass(frozen=True)
class Expected:
    """An answer is right when it has all that is `required`, and nothing that is not `allowed`.

    The two differ only where spans were lost; what became of messages is not asked there. `caused` is what the request truly caused, which nobody can know of a batch whose
    spans do not tell: there an answer follows every record. `labels` are all kinds of trouble in it.
    """

    request: Request
    roots: frozenset[SpanRef]
    required: Followed
    allowed: Followed
    caused: Followed
    labels: frozenset[str]


def expectations(graph: Graph, wire: Wire, spans: Mapping[str, MadeSpan], has_keys: bool) -> list[Expected]:
    """One for each request. `spans` are all that were made, by span id.

    Without keys only trace context joins: of two invocations that an outside cause has set off, nothing tells.
    """
    lost_records = {span.run for span in spans.values() if span.role is Role.RECORD} & {
        spans[span_id].run for span_id in wire.lost if spans[span_id].role is Role.RECORD
    }

    def is_seen(hop: Hop) -> bool:
        ends = (graph.runs[hop.target].span.span_id, *_upwards(spans, hop.producer.span_id))
        return (has_keys or hop.is_carried) and wire.lost.isdisjoint(ends)

    def is_told(run: Run) -> bool:
        return run.tells and run.number not in lost_records

    found = []
    for request in graph.requests:
        caused = follow(graph, request, lambda _: True, lambda _: True)
        told = follow(graph, request, lambda run: run.tells, lambda _: True)
        allowed = follow(graph, request, is_told, lambda _: True)
        known = request if has_keys else replace(request, starts=request.starts[:1])
        required = follow(graph, known, lambda run: run.tells, is_seen)
        labels = {kind for kind, runs in wire.touched.items() if runs & allowed.runs}
        labels |= _labels(graph, told, caused) | (set() if has_keys else _silences(graph, request, allowed))
        reported = frozenset(run for run in required.runs if graph.runs[run].span.span_id not in wire.lost)
        roots = frozenset(graph.runs[run].span for run in known.starts)
        messages = required.messages if has_keys and not labels & set(LOSSES) else frozenset()
        seen = Followed(reported, required.hops, messages)
        found.append(Expected(request, roots, seen, allowed, caused, frozenset(labels)))
    return found


def _upwards(spans: Mapping[str, MadeSpan], span_id: str) -> Iterator[str]:
    """The ids of a span and of those above it in its run: below one that was lost, nobody knows what caused it."""
    run = spans[span_id].run
    while span_id in spans and spans[span_id].run == run:
        yield span_id
        span_id = spans[span_id].parent


def _labels(graph: Graph, told: Followed, caused: Followed) -> set[str]:
    labels = {UNTOLD} if told.runs != caused.runs else set()
    composite = [graph.hops[hop] for hop in told.hops if not graph.hops[hop].is_exact]
    if composite:
        labels.add(COMPOSITE)
        writers = _writers(graph)
        labels |= {CONTENDED for hop in composite if any(writers[key] > 1 for key in hop.keys)}
    return labels


def _writers(graph: Graph) -> Counter[str]:
    """How many spans wrote each composite key."""
    written = (hop for hop in graph.hops if not hop.is_exact)
    pairs = {(key, hop.producer) for hop in written for key in hop.keys if key.startswith("dynamodb:")}
    return Counter(key for key, _ in pairs)


def _silences(graph: Graph, request: Request, allowed: Followed) -> set[str]:
    is_silent = len(request.starts) > 1 or any(not graph.hops[hop].is_carried for hop in allowed.hops)
    return {SILENT} if is_silent else set()
