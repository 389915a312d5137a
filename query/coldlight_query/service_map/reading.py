"""The service map of a stretch of time, from the spans themselves.

Nothing is paired when it arrives: both sides of a call may come hours apart, in any order. A node is who made spans, or
what spans speak of (a queue, a table, a host); an edge is who called what, or what set whom off.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from coldlight_query.statements import statement
from coldlight_storage import Reader, Row

_NS_PER_MS = 1e6
_QUANTILES = ("p50", "p95", "p99")
Node = tuple[str, str]
"""Kind and name."""


@dataclass(frozen=True)
class Range:
    """[start_ns, end_ns)."""

    start_ns: int
    end_ns: int


def read_map(store: Reader, of: Range) -> dict[str, Any]:
    """`models.ServiceMap`. Raises what `Reader.select` raises."""
    calls, arrivals = _read(store, "calls", of), _read(store, "arrivals", of)
    served = {_node(row["own"]): row for row in _read(store, "nodes", of)}
    known = {_node(row["own"]) for row in _read(store, "alone", of)}
    edges = [_edge(row) for row in (*calls, *arrivals)]
    met = {_node(row[end]) for row in (*calls, *arrivals) for end in ("source", "target")}
    nodes = sorted(known | served.keys() | met)
    return {
        "start_time_unix_nano": of.start_ns,
        "end_time_unix_nano": of.end_ns,
        "nodes": [_served(node, served[node]) if node in served else _called(node, edges) for node in nodes],
        "edges": sorted(edges, key=lambda edge: (edge["source"], edge["target"])),
    }


def _read(store: Reader, name: str, of: Range) -> list[Row]:
    return store.select(statement(f"service_map/{name}"), vars(of))


def _node(pair: Iterable[str]) -> Node:
    kind, name = pair
    return kind, name


def _id(node: Node) -> str:
    return f"{node[0]}:{node[1]}"


def _served(node: Node, row: Row) -> dict[str, Any]:
    """One that tells of itself what it was asked to do."""
    return {
        **_named(node),
        "calls": row["calls"],
        "errors": row["errors"],
        "duration_ms": _ms(row["durations_ns"]),
    }


def _called(node: Node, edges: list[dict[str, Any]]) -> dict[str, Any]:
    """One that is known by its callers alone. Quantiles of several callers cannot be put together: the edges have them."""
    callers = [edge for edge in edges if edge["target"] == _id(node)]
    return {
        **_named(node),
        "calls": sum(edge["calls"] for edge in callers),
        "errors": sum(edge["errors"] for edge in callers),
        "duration_ms": callers[0]["duration_ms"] if len(callers) == 1 else None,
    }


def _named(node: Node) -> dict[str, str]:
    return {"id": _id(node), "kind": node[0], "name": node[1]}


def _edge(row: Row) -> dict[str, Any]:
    return {
        "source": _id(_node(row["source"])),
        "target": _id(_node(row["target"])),
        "calls": row["calls"],
        "errors": row["errors"],
        "duration_ms": _ms(row["durations_ns"]),
        "queue_wait_ms": _ms(row["waits_ns"]) if row.get("waited") else None,
    }


def _ms(quantiles_ns: Iterable[float]) -> dict[str, float]:
    return {name: value / _NS_PER_MS for name, value in zip(_QUANTILES, quantiles_ns, strict=True)}
