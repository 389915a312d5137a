"""The spans of one trace as they hang together: runs (what one process did for one call), and the calls between them."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from coldlight_query.transactions.records import Record, records_of
from coldlight_query.transactions.spans import Ref, Span, SpanLink, in_order


@dataclass(frozen=True)
class Tree:
    """`parents` has every span but the heads. A run begins at a head, or at a span that another process called."""

    spans: Mapping[Ref, Span]
    parents: Mapping[Ref, Ref]
    inside: Mapping[Ref, Sequence[Ref]]
    """By span, its children of the same run."""
    calls: Mapping[Ref, Sequence[Ref]]
    """By span, its children that begin a run."""
    heads: Sequence[Ref]
    """Spans whose parent is not there, the earliest of those without one first."""
    by_id: Mapping[str, Sequence[Ref]]
    """By span id: usually one, of the two sides of a call the caller's first."""

    @property
    def main(self) -> Ref:
        """Where the trace begins, as far as it is known."""
        return self.heads[0]

    def is_orphan(self, ref: Ref) -> bool:
        """Whether it names a parent that has not been received."""
        return ref not in self.parents and self.spans[ref].parent_span_id != ""

    def way_up(self, ref: Ref) -> Iterator[Span]:
        """The span and those above it, up to where its run begins."""
        while True:
            yield self.spans[ref]
            parent = self.parents.get(ref)
            if parent is None or ref not in self.inside.get(parent, ()):
                return
            ref = parent

    def run_of(self, ref: Ref) -> Ref:
        """Where the run of a span begins."""
        *_, first = self.way_up(ref)
        return first.ref

    def carrier(self, ref: Ref, entries: frozenset[str]) -> Ref:
        """The outermost span of the run, from this one up, that carries any of these entries."""
        return [span.ref for span in self.way_up(ref) if not span.entries.isdisjoint(entries)][-1]

    def below(self, ref: Ref) -> Iterator[Span]:
        """The span and what is below it in its run."""
        waiting = [ref]
        while waiting:
            ref = waiting.pop()
            yield self.spans[ref]
            waiting.extend(self.inside.get(ref, ()))

    def for_records(self, ref: Ref, records: frozenset[str] | None) -> Iterator[Span]:
        """As `below`, without what a span below does for other records of the batch alone. None: for every record."""
        batch = self.spans[ref].entries
        waiting = [ref]
        while waiting:
            span = self.spans[waiting.pop()]
            mine = span.entries & batch
            if records is None or not mine or span.ref == ref or not mine.isdisjoint(records):
                yield span
                waiting.extend(self.inside.get(span.ref, ()))

    def records(self, ref: Ref) -> list[Record]:
        """The records with which a span came in, without those that a span above it carries, too."""
        span, *above = self.way_up(ref)
        carried = frozenset[str]().union(*(each.entries for each in above))
        if not span.entries - carried:
            return []
        narrower = [each.entries for each in self.below(ref) if each.ref != ref and each.entries]
        return [each for each in records_of(span, narrower) if each.entries.isdisjoint(carried)]


def grow(spans: Iterable[Span]) -> Tree:
    """The tree of all spans of a trace that were received, at least one."""
    ordered = in_order(list(spans))
    parents = _without_circles(ordered, _parents(ordered))
    known = _with_what_set_them_off({span.ref: span for span in ordered}, parents)
    known = _with_untold_records(known, parents)
    inside: dict[Ref, list[Ref]] = {}
    calls: dict[Ref, list[Ref]] = {}
    for span in ordered:
        if parent := parents.get(span.ref):
            side = calls if _begins_a_run(span, known[parent]) else inside
            side.setdefault(parent, []).append(span.ref)
    heads = [span for span in ordered if span.ref not in parents]
    heads.sort(key=lambda span: span.parent_span_id != "")
    by_id: dict[str, list[Ref]] = {}
    for span in sorted(ordered, key=_is_called):
        by_id.setdefault(span.ref.span_id, []).append(span.ref)
    return Tree(known, parents, inside, calls, [span.ref for span in heads], by_id)


def _is_called(span: Span) -> bool:
    return span.ref.kind in ("server", "consumer")


def _with_what_set_them_off(spans: dict[Ref, Span], parents: Mapping[Ref, Ref]) -> dict[Ref, Span]:
    """An invocation that tells nothing of its own was set off by what a `CONSUMER` span right below it received."""
    received: dict[Ref, list[Span]] = {}
    for span in spans.values():
        above = spans[parents[span.ref]] if span.ref in parents else None
        if span.ref.kind == "consumer" and above and _tells_nothing(above):
            received.setdefault(above.ref, []).append(span)
    for ref, consumers in received.items():
        keys = tuple(dict.fromkeys(key for span in consumers for key in span.consumed))
        links = tuple(dict.fromkeys(link for span in consumers for link in span.links))
        spans[ref] = replace(spans[ref], consumed=keys, links=links)
    return spans


def _with_untold_records(spans: dict[Ref, Span], parents: Mapping[Ref, Ref]) -> dict[Ref, Span]:
    """A `CONSUMER` span that tells nothing, beside others that each tell their record, is for a record whose sender nobody
    knows: it and the batch get a link to the span itself, which joins nothing and parts it from the others."""
    consumers: dict[Ref, list[Span]] = {}
    for span in spans.values():
        if span.ref.kind == "consumer" and span.ref in parents:
            consumers.setdefault(parents[span.ref], []).append(span)
    for above, beside in consumers.items():
        told = frozenset[str]().union(*(span.entries for span in beside))
        for span in beside:
            if not span.entries and not told.isdisjoint(spans[above].entries):
                link = SpanLink(span.ref.trace_id, span.ref.span_id)
                for ref in (span.ref, *_carriers(spans, parents, above, told)):
                    spans[ref] = replace(spans[ref], links=(*spans[ref].links, link))
    return spans


def _carriers(
    spans: Mapping[Ref, Span], parents: Mapping[Ref, Ref], ref: Ref | None, entries: frozenset[str]
) -> Iterator[Ref]:
    """The spans from one up that carry any of these entries."""
    while ref is not None and not spans[ref].entries.isdisjoint(entries):
        yield ref
        ref = parents.get(ref)


def _tells_nothing(span: Span) -> bool:
    return bool(span.request_id) and not span.parent_span_id and not span.entries


def _parents(spans: Sequence[Span]) -> dict[Ref, Ref]:
    """Two spans of one id are the two sides of a call: the server's is below the client's (as in critical_path)."""
    inner: dict[str, Ref] = {}
    parents: dict[Ref, Ref] = {}
    for span in sorted(spans, key=_is_called):
        if other_side := inner.get(span.ref.span_id):
            parents[span.ref] = other_side
        inner[span.ref.span_id] = span.ref
    for span in spans:
        parent = inner.get(span.parent_span_id)
        if parent and parent.span_id != span.ref.span_id and span.ref not in parents:
            parents[span.ref] = parent
    return parents


def _without_circles(spans: Sequence[Span], parents: dict[Ref, Ref]) -> dict[Ref, Ref]:
    """Of parents that form a circle, the earliest span has none."""
    settled: set[Ref] = set()
    for span in spans:
        way: list[Ref] = []
        ref: Ref | None = span.ref
        while ref is not None and ref not in settled:
            settled.add(ref)
            way.append(ref)
            ref = parents.get(ref)
        if ref in way:
            del parents[min(way[way.index(ref) :], key=lambda each: _place(spans, each))]
    return parents


def _place(spans: Sequence[Span], ref: Ref) -> int:
    return next(place for place, span in enumerate(spans) if span.ref == ref)


def _begins_a_run(span: Span, parent: Span) -> bool:
    """An invocation always does; another server or consumer does if its parent was in another process."""
    if span.ref.kind not in ("server", "consumer"):
        return False
    if span.request_id and span.request_id != parent.request_id:
        return True
    if span.process and parent.process:
        return span.process != parent.process
    return (span.service, span.function) != (parent.service, parent.function)
