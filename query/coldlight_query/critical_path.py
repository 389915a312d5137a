"""The critical path: which span's own work a trace was waiting for, at every moment from its start to its end.

Walked backwards from the end of the root: the child that ended last before this moment is what its parent waited for;
before that child started, the parent waited for the child that ended before it, and so on. Children that outlive
their parent ran in the background; what counts of them is what lies inside it.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Node:
    """What the walk needs of a span; times are Unix nanoseconds."""

    span_id: str
    start_ns: int
    end_ns: int


def critical_path(spans: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """`models.CriticalStep`s of the spans of one trace (`models.Span`), in order of time."""
    nodes = {span["span_id"]: _node(span) for span in spans}
    children: dict[str, list[Node]] = {}
    for span in spans:
        if span["parent_span_id"] in nodes and span["parent_span_id"] != span["span_id"]:
            children.setdefault(span["parent_span_id"], []).append(nodes[span["span_id"]])
    for siblings in children.values():
        siblings.sort(key=lambda node: node.end_ns)
    roots = [nodes[span["span_id"]] for span in spans if span["parent_span_id"] not in nodes]
    if not roots:
        return []
    root = min(roots, key=lambda node: (node.start_ns, -node.end_ns))
    steps = reversed(list(_walk(root, children)))
    return [
        {"span_id": span_id, "start_time_unix_nano": start, "duration_ns": end - start}
        for span_id, start, end in steps
    ]


def _node(span: Mapping[str, Any]) -> Node:
    start = span["start_time_unix_nano"]
    return Node(span["span_id"], start, start + span["duration_ns"])


def _walk(root: Node, children: Mapping[str, list[Node]]) -> Iterator[tuple[str, int, int]]:
    """Stretches (span, start, end) from the last to the first. Has its own stack: traces may be deep."""
    stack = [(root, root.end_ns, list(children.get(root.span_id, ())))]
    seen = {root.span_id}
    while stack:
        node, moment, left = stack.pop()
        child = _last_before(left, node, moment)
        if child is None or child.span_id in seen:
            if moment > node.start_ns:
                yield node.span_id, node.start_ns, moment
            continue
        seen.add(child.span_id)
        end = min(child.end_ns, moment)
        if moment > end:
            yield node.span_id, end, moment
        stack.append((node, max(child.start_ns, node.start_ns), left))
        stack.append((child, end, list(children.get(child.span_id, ()))))


def _last_before(left: list[Node], parent: Node, moment: int) -> Node | None:
    """Takes from `left`, sorted by end, the last child that began before `moment` and ended inside its parent."""
    while left:
        child = left.pop()
        if parent.start_ns <= child.start_ns < moment:
            return child
    return None
