"""What the nodes and edges of the map cost: a function what Lambda bills of it, an edge its calls of an AWS API."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from coldlight_query.cost.functions import read_function_costs
from coldlight_query.cost.price_tables import partition_of
from coldlight_query.cost.pricing import Cost, added, price
from coldlight_query.cost.reading import IN_STRETCH, call_from, day_from, times
from coldlight_query.cost.single import usages_of
from coldlight_query.cost.spending import Tables
from coldlight_query.invocations.runs import Stretch
from coldlight_query.statements import statement
from coldlight_storage import Reader, Row

Node = tuple[str, str]
"""Kind and name."""


@dataclass(frozen=True)
class MapCosts:
    """By node, and by source and target; what is not there costs nothing, or nobody knows."""

    nodes: Mapping[Node, Cost] = field(default_factory=dict)
    edges: Mapping[tuple[Node, Node], Cost] = field(default_factory=dict)


def read_costs(store: Reader, stretch: Stretch, tables: Tables) -> MapCosts:
    """Raises what `Reader.select` raises."""
    by_name = read_function_costs(store, stretch, tables).by_name()
    return MapCosts(
        {("function", name): cost for name, cost in by_name.items()}, _of_calls(store, stretch, tables)
    )


def _of_calls(store: Reader, stretch: Stretch, tables: Tables) -> dict[tuple[Node, Node], Cost]:
    costs: dict[tuple[Node, Node], list[Cost]] = {}
    bounds = {"start_ns": stretch.start_ns, "end_ns": stretch.end_ns}
    for row in store.select(statement("service_map/paid_calls").replace("$among", IN_STRETCH), bounds):
        ends = (row["source"][0], row["source"][1]), (row["target"][0], row["target"][1])
        if cost := _cost(row, tables):
            costs.setdefault(ends, []).append(cost)
    return {ends: added(paid, tables[partition_of("")]) for ends, paid in costs.items()}


def _cost(row: Row, tables: Tables) -> Cost | None:
    """None of what is free."""
    usages = times(usages_of(call_from(row)), row["calls"])
    return price(usages, tables[partition_of(row["region"])], day_from(row["day"])) if usages else None
