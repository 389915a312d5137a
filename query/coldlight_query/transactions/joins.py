"""Which span caused which: the rules by which what one process sent is found again where another received it.

A record has its producers by the first of these that finds any:

1. exact link keys of either end's request or message ids, `lambda:<request id>` of an invocation that failed included
2. span links
3. composite keys: the nearest earlier write, within an hour, in the same account and region as far as they are known
4. nobody here has sent it (a schedule, a browser, a sender that was lost): the first that received it, which began the request

Beside them stands the parent in another process. Every rule reads the same from both ends: what a producer reaches is what
names it as its producer.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from coldlight_query.transactions.known import WINDOW_NS, Known
from coldlight_query.transactions.records import Record
from coldlight_query.transactions.spans import COMPOSITE, KeyRow, Ref, Span, SpanLink, kind_of
from coldlight_query.transactions.trees import Tree

EXACT, WITH_TIME = "exact", "composite"
ADOPTED = "trace"
"""The rule of a span whose parent was not received: it belongs to its trace, and no hop is known."""

TOGETHER = "together"
"""The rule of a span that received what another one received before it, from somebody who was not seen: no hop either."""

NO_HOP = frozenset({ADOPTED, TOGETHER})

_INVOKED = ("invoked",)
_PRODUCED = ("produced",)
_CONSUMED = ("consumed",)


@dataclass(frozen=True)
class Edge:
    """`cause` led to `effect`: to what it does for these `records` of its batch, or to all of it (None).

    `keys` are those that both ends have. A cause that was not received has no kind.
    """

    cause: Ref
    effect: Ref
    records: frozenset[str] | None
    evidence: str
    rule: str
    keys: tuple[str, ...] = ()


def causes(known: Known, span: Span, only: frozenset[str] | None = None) -> Iterator[Edge]:
    """What led to a span, for `only` these records that it came in with (None: for all)."""
    by_record = [
        edge
        for record in known.records(span.ref)
        if only is None or not record.entries.isdisjoint(only)
        for edge in producers(known, span, record)
    ]
    yield from by_record
    for edge in (*_invokers(known, span), *_callers(known, span)):
        is_asked = only is None or edge.records is None or not edge.records.isdisjoint(only)
        if is_asked and not (edge.rule == ADOPTED and by_record):
            yield edge


def effects(known: Known, span: Span) -> Iterator[Edge]:
    """What a span led to, outside of its run."""
    tree = known.tree(span.ref.trace_id)
    if tree is None:
        return
    for ref in tree.calls.get(span.ref, ()):
        yield from _callers(known, tree.spans[ref])
    if span.ref == tree.main:
        yield from _adopted(known, tree)
    for ref, key in _receivers(known, tree, span):
        effect = known.span(ref)
        for edge in causes(known, effect, frozenset({key})) if effect else ():
            if edge.cause == span.ref or _stands_for(tree, span, edge.cause):
                yield edge


def _adopted(known: Known, tree: Tree) -> Iterator[Edge]:
    for ref in tree.heads[1:]:
        if tree.is_orphan(ref):
            yield from (edge for edge in causes(known, tree.spans[ref]) if edge.rule == ADOPTED)


def _stands_for(tree: Tree, span: Span, missing: Ref) -> bool:
    """A span of this trace that was not received is stood for by where the trace begins."""
    return not missing.kind and missing.trace_id == span.ref.trace_id and span.ref == tree.main


def _receivers(known: Known, tree: Tree, span: Span) -> Iterable[tuple[Ref, str]]:
    """Spans that have a key of this one, or a link to it; whether they came from it, they tell by themselves."""
    found: dict[tuple[Ref, str], None] = {}
    for key in dict.fromkeys((*span.produced, *([span.own_key] if span.own_key else []))):
        for row in _readers(known, span, key):
            found.update(_outermost(known, row, key))
    for row in known.having(f"trace:{span.ref.trace_id}", 0, "linked"):
        linking = known.span(row.ref)
        for link in linking.links if linking else ():
            if _leads_to(link, tree, span):
                found.update(_outermost(known, row, link.key))
    return [(ref, key) for ref, key in found if ref != span.ref]


def _readers(known: Known, span: Span, key: str) -> list[KeyRow]:
    """Who received a key; of a composite one, those to whom this span is the last that wrote it."""
    rows = known.having(key, span.start_ns, "consumed", "invoked")
    if kind_of(key) not in COMPOSITE:
        return rows
    writes = [row.time_ns for row in known.having(key, span.start_ns, *_PRODUCED)]
    after = min((time_ns for time_ns in writes if time_ns > span.start_ns), default=span.start_ns + WINDOW_NS)
    return [row for row in rows if span.start_ns <= row.time_ns <= after]


def _leads_to(link: SpanLink, tree: Tree, span: Span) -> bool:
    if link.trace_id != span.ref.trace_id:
        return False
    if link.span_id == span.ref.span_id:
        return True
    return span.ref == tree.main and link.span_id not in tree.by_id


def _outermost(known: Known, row: KeyRow, key: str) -> dict[tuple[Ref, str], None]:
    """The outermost span of a run that has the key; none while its trace is not known."""
    tree = known.tree(row.ref.trace_id)
    if tree is None or row.ref not in tree.spans:
        return {}
    if row.role == "invoked":
        return {(row.ref, key): None}
    if key not in tree.spans[row.ref].entries:
        return {}
    return {(tree.carrier(row.ref, frozenset({key})), key): None}


def producers(known: Known, span: Span, record: Record) -> list[Edge]:
    """Where a record came from."""
    exact = [edge for key in _exact_keys(record) for edge in _exact(known, span, record, key)]
    return (
        exact
        or list(_linked(known, span, record))
        or list(_nearest(known, span, record))
        or list(_received_before(known, span, record))
    )


def _exact_keys(record: Record) -> list[str]:
    return sorted(key for key in record.entries if kind_of(key) not in (*COMPOSITE, "span"))


def _edge(span: Span, record: Record, cause: Ref, key: str, evidence: str = EXACT) -> Edge:
    """Of a key of which nothing tells whose record it is, what follows is everything."""
    kind = kind_of(key)
    rule = "link" if kind == "span" else kind
    records = None if record.stands_alone else record.entries
    return Edge(cause, span.ref, records, evidence, rule, () if kind == "span" else (key,))


def _exact(known: Known, span: Span, record: Record, key: str) -> Iterator[Edge]:
    """By the key of one record. An invocation whose id somebody else received has failed, or reports its end."""
    if kind_of(key) == "lambda":
        runs = [row for row in known.having(key, 0, *_INVOKED) if row.ref != span.ref]
        earlier = [row for row in runs if row.time_ns <= span.start_ns] or runs[:1]
        if earlier:
            yield _edge(span, record, earlier[-1].ref, key)
            return
    for row in known.having(key, 0, *_PRODUCED):
        if not _is_same_run(known, row.ref, span.ref):
            yield _edge(span, record, row.ref, key)


def _is_same_run(known: Known, one: Ref, other: Ref) -> bool:
    tree = known.tree(one.trace_id)
    if one.trace_id != other.trace_id or tree is None or one not in tree.spans:
        return False
    return tree.run_of(one) == tree.run_of(other)


def _linked(known: Known, span: Span, record: Record) -> Iterator[Edge]:
    for link in span.links:
        if link.key in record.entries:
            cause = known.find(link.trace_id, link.span_id) or Ref(link.trace_id, link.span_id)
            if not _is_same_run(known, cause, span.ref):
                yield _edge(span, record, cause, link.key)


def _nearest(known: Known, span: Span, record: Record) -> Iterator[Edge]:
    """By names and time. Two ends that both know the request's id, and not the same, are not of one request."""
    for key in sorted(key for key in record.entries if kind_of(key) in COMPOSITE):
        writes = [row for row in known.having(key, span.start_ns, *_PRODUCED) if _is_near(row, span)]
        cause = known.span(writes[-1].ref) if writes and key not in known.crowded else None
        if cause is not None and not _contradict(cause, span):
            yield _edge(span, record, cause.ref, key, WITH_TIME)


def _received_before(known: Known, span: Span, record: Record) -> Iterator[Edge]:
    for key in _exact_keys(record):
        rows = known.having(key, 0, *_CONSUMED)
        if rows and not _is_same_run(known, rows[0].ref, span.ref):
            for ref, _ in _outermost(known, rows[0], key):
                yield replace(_edge(span, record, ref, key), rule=TOGETHER)


def also_received(known: Known, span: Span, only: frozenset[str] | None) -> Iterator[Edge]:
    """What received after a span what nobody here has sent."""
    for record in known.records(span.ref):
        if only is None or not record.entries.isdisjoint(only):
            for key in _exact_keys(record):
                for row in known.having(key, 0, *_CONSUMED):
                    yield from _received_after(known, span, row, key)


def _received_after(known: Known, span: Span, row: KeyRow, key: str) -> Iterator[Edge]:
    for ref, _ in _outermost(known, row, key):
        other = known.span(ref)
        for edge in causes(known, other, frozenset({key})) if other else ():
            if edge.rule == TOGETHER and edge.cause == span.ref:
                yield edge


def _is_near(row: KeyRow, span: Span) -> bool:
    return (
        0 <= span.start_ns - row.time_ns <= WINDOW_NS
        and (not row.account or not span.account or row.account == span.account)
        and (not row.region or not span.region or row.region == span.region)
        and row.ref != span.ref
    )


def _contradict(cause: Span, effect: Span) -> bool:
    sent = {key for key in cause.produced if kind_of(key) == "s3req"}
    received = {key for key in effect.entries if kind_of(key) == "s3req"}
    return bool(sent and received and sent.isdisjoint(received))


def _invokers(known: Known, span: Span) -> Iterator[Edge]:
    """Who called an invocation, by its request id."""
    if span.own_key:
        for row in known.having(span.own_key, 0, *_PRODUCED):
            if not _is_same_run(known, row.ref, span.ref):
                yield Edge(row.ref, span.ref, None, EXACT, "lambda", (span.own_key,))


def _callers(known: Known, span: Span) -> Iterator[Edge]:
    """The parent in another process. What has none that was received belongs to its trace."""
    tree = known.tree(span.ref.trace_id)
    if tree is None:
        return
    parent = tree.parents.get(span.ref)
    if parent is not None:
        if tree.run_of(span.ref) == span.ref:
            yield Edge(parent, span.ref, _sent_by(known, tree.spans[parent], span), EXACT, "parent")
    elif tree.is_orphan(span.ref) and span.ref != tree.main:
        yield Edge(tree.main, span.ref, _unknown(span), EXACT, ADOPTED)


def _sent_by(known: Known, parent: Span, span: Span) -> frozenset[str] | None:
    """The records of a batch that its parent sent; all of a call that is no message."""
    own = f"span:{parent.ref.trace_id}:{parent.ref.span_id}"
    sent = span.entries & {*parent.produced, own}
    if sent:
        whole = (record.entries for record in known.records(span.ref) if not record.entries.isdisjoint(sent))
        return frozenset(sent).union(*whole)
    return frozenset({own}) if parent.ref.kind == "producer" and span.entries else None


def _unknown(span: Span) -> frozenset[str] | None:
    """Of a batch, no record: which of them came this way is not known."""
    return frozenset() if len(span.entries) > 1 and span.record_count != 1 else None


def strongest(edges: Sequence[Edge]) -> Edge:
    """One edge for all that join the same two spans: its rule is the one that tells most."""
    ranked = sorted(edges, key=lambda edge: (_RANK.get(edge.rule, 0), edge.rule, edge.keys))
    keys = tuple(dict.fromkeys(key for edge in ranked for key in edge.keys))
    records = [edge.records for edge in ranked]
    merged = None if None in records else frozenset[str]().union(*filter(None, records))
    best = ranked[0]
    return Edge(best.cause, best.effect, merged, best.evidence, best.rule, keys)


_RANK = {"link": 1, "parent": 2, "s3obj": 3, "dynamodb": 3, TOGETHER: 4, ADOPTED: 5}
