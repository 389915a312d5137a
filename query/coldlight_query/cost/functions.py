"""What functions cost in a stretch of time: what Lambda bills of them, nothing of what they called."""

from collections.abc import Iterable
from dataclasses import dataclass

from coldlight_query.cost.lambda_usage import usage_of_run
from coldlight_query.cost.price_tables import PriceTable, partition_of
from coldlight_query.cost.pricing import Cost, added, price
from coldlight_query.cost.reading import VERSION, Group, read_groups
from coldlight_query.cost.spending import Tables
from coldlight_query.invocations.names import Identity, identity_of
from coldlight_query.invocations.runs import Stretch
from coldlight_storage import Reader


@dataclass(frozen=True)
class FunctionCosts:
    """The runs of a stretch, alike ones together, and the prices to compute with."""

    groups: tuple[Group, ...]
    tables: Tables

    def of(self, function: Identity, version: str = "") -> Cost:
        """Of a function, or of one version of it."""
        return self._sum(
            group
            for group in self.groups
            if identity_of(group.row) == function and version in ("", group.row["by_version"])
        )

    def by_name(self) -> dict[str, Cost]:
        """Of each name of functions, in whatever accounts and regions."""
        named: dict[str, list[Group]] = {}
        for group in self.groups:
            named.setdefault(group.row["function"], []).append(group)
        return {name: self._sum(groups) for name, groups in named.items()}

    def of_cohort(self, function: Identity, version: str, is_published: bool, of_version: bool) -> Cost:
        """Of one version after the split, which is Lambda's (`is_published`) or the service's own; or of all but that one,
        before the split."""
        name = "by_version" if is_published else "by_service_version"
        return self._sum(
            group
            for group in self.groups
            if identity_of(group.row).may_be(function)
            and (group.row[name] == version) == of_version == bool(group.row["is_after_split"])
        )

    def _sum(self, groups: Iterable[Group]) -> Cost:
        costs = [price(usage_of_run(group.run), self._table(group), group.run.day) for group in groups]
        return added(costs, self.tables[partition_of("")])

    def _table(self, group: Group) -> PriceTable:
        return self.tables[partition_of(group.run.region or "")]


def read_function_costs(store: Reader, stretch: Stretch, tables: Tables, split_ns: int = 0) -> FunctionCosts:
    """Of all functions, or of the one that the stretch names; apart before and after `split_ns`, where it is given."""
    return FunctionCosts(tuple(read_groups(store, stretch, (VERSION,), split_ns)), tables)
