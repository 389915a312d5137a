"""The service map of a stretch of time, from the spans themselves.

Nothing is paired when it arrives: both sides of a call may come hours apart, in any order. A node is who made spans, or
what spans speak of (a queue, a table, a host); an edge is who called what, or what set whom off.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from coldlight_query.cost.pricing import Cost
from coldlight_query.cost.single import figures
from coldlight_query.cost.spending import Tables
from coldlight_query.invocations.runs import Stretch
from coldlight_query.service_map.costs import MapCosts, Node, read_costs
from coldlight_query.statements import statement
from coldlight_query.times import NS_PER_MS
from coldlight_storage import Reader, Row

_QUANTILES = ("p50", "p95", "p99")


@dataclass(frozen=True)
class Range:
    """[start_ns, end_ns)."""

    start_ns: int
    end_ns: int


def read_map(store: Reader, of: Range, prices: Tables | None = None) -> dict[str, Any]:
    """`models.ServiceMap`, without costs if there are no `prices`. Raises what `Reader.select` raises."""
    costs = read_costs(store, Stretch(of.start_ns, of.end_ns - 1), prices) if prices else MapCosts()
    calls, arrivals = _read(store, "calls", of), _read(store, "arrivals", of)
    served = {_node(row["own"]): row for row in _read(store, "nodes", of)}
    known = {_node(row["own"]) for row in _read(store, "alone", of)}
    edges = [_edge(row, costs) for row in (*calls, *arrivals)]
    met = {_node(row[end]) for row in (*calls, *arrivals) for end in ("source", "target")}
    nodes = sorted(known | served.keys() | met)
    return {
        "start_time_unix_nano": of.start_ns,
        "end_time_unix_nano": of.end_ns,
        "nodes": [
            (_served(node, served[node]) if node in served else _called(node, edges))
            | _figures(costs.nodes.get(node))
            for node in nodes
        ],
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


def _figures(cost: Cost | None) -> dict[str, Any]:
    return {"cost_usd": None, "cost_basis": None} if cost is None else dict(figures(cost))


def _edge(row: Row, costs: MapCosts) -> dict[str, Any]:
    source, target = _node(row["source"]), _node(row["target"])
    return {
        "source": _id(source),
        "target": _id(target),
        "calls": row["calls"],
        "errors": row["errors"],
        "duration_ms": _ms(row["durations_ns"]),
        "queue_wait_ms": _ms(row["waits_ns"]) if row.get("waited") else None,
        "bytes": row["bytes"],
        **_figures(costs.edges.get((source, target))),
    }


def _ms(quantiles_ns: Iterable[float]) -> dict[str, float]:
    return {name: value / NS_PER_MS for name, value in zip(_QUANTILES, quantiles_ns, strict=True)}
