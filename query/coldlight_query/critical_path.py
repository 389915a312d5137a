"""The critical path: which span's own work a trace was waiting for, at every moment from its start to its end.

Of a span's children in progress at a moment, the one that ends last is what the span waits for; while none is in
progress, it works itself. Children that outlive their parent ran in the background, and a skewed clock may show one
that starts before it: what counts of them is what lies inside.
"""

from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar


class Stretch(Hashable, Protocol):
    """What has a start and an end, in Unix nanoseconds."""

    @property
    def start_ns(self) -> int: ...

    @property
    def end_ns(self) -> int: ...


N = TypeVar("N", bound=Stretch)


@dataclass(frozen=True)
class Node:
    """What the walk needs of a span; times are Unix nanoseconds."""

    span_id: str
    kind: str
    start_ns: int
    end_ns: int


def critical_path(spans: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """`models.CriticalStep`s of the spans of one trace (`models.Span`), in order of time and without gaps.

    They cover the earliest root. Where there is none, for the parents form a circle, the earliest span stands for it.
    """
    if not spans:
        return []
    parents = _parents(spans)
    roots = [node for node, parent in parents.items() if parent is None]
    root = min(roots or parents, key=lambda node: (node.start_ns, -node.end_ns))
    children: dict[Node, list[Node]] = {}
    for node, parent in sorted(parents.items(), key=lambda pair: (pair[0].end_ns, -pair[0].start_ns)):
        if parent is not None and node != root:
            children.setdefault(parent, []).append(node)
    return [
        {
            "span_id": node.span_id,
            "kind": node.kind,
            "start_time_unix_nano": start_ns,
            "duration_ns": end_ns - start_ns,
        }
        for node, start_ns, end_ns in reversed(list(walk(root, children, root.end_ns)))
    ]


def _parents(spans: Sequence[Mapping[str, Any]]) -> dict[Node, Node | None]:
    """The parent of each span, None for one whose parent is not there.

    Two spans of one id are the two sides of one call (Zipkin's shared spans): the server's is a child of the
    client's, and what names their id as its parent is a child of the server's.
    """
    nodes = [(_node(span), span["parent_span_id"]) for span in spans]
    other_side: dict[Node, Node] = {}
    inner: dict[str, Node] = {}
    for node, _ in sorted(nodes, key=lambda pair: (pair[0].kind in ("server", "consumer"), pair[0].start_ns)):
        if node.span_id in inner:
            other_side[node] = inner[node.span_id]
        inner[node.span_id] = node
    return {
        node: other_side.get(node) or (inner.get(parent_id) if parent_id != node.span_id else None)
        for node, parent_id in nodes
    }


def _node(span: Mapping[str, Any]) -> Node:
    start_ns = span["start_time_unix_nano"]
    return Node(span["span_id"], span["kind"], start_ns, start_ns + span["duration_ns"])


def walk(root: N, children: Mapping[N, list[N]], until_ns: int) -> Iterator[tuple[N, int, int]]:
    """Stretches (span, start, end) from the last, before a moment, to the first. Has its own stack: traces may be deep.

    Empties the lists of children, which are in the order of their end.
    """
    stack = [(root, root.start_ns, until_ns)] if root.start_ns < until_ns else []
    while stack:
        node, floor_ns, moment_ns = stack.pop()
        waited = _last_in_progress(children.get(node, []), floor_ns, moment_ns)
        if waited is None:
            yield node, floor_ns, moment_ns
            continue
        child, begin_ns, end_ns = waited
        if end_ns < moment_ns:
            yield node, end_ns, moment_ns
        if floor_ns < begin_ns:
            stack.append((node, floor_ns, begin_ns))
        stack.append((child, begin_ns, end_ns))


def _last_in_progress(siblings: list[N], floor_ns: int, moment_ns: int) -> tuple[N, int, int] | None:
    """Takes from `siblings` the one that ends last of those between two moments; which, and from when to when."""
    while siblings:
        child = siblings.pop()
        begin_ns, end_ns = max(child.start_ns, floor_ns), min(child.end_ns, moment_ns)
        if begin_ns < end_ns:
            return child, begin_ns, end_ns
    return None
