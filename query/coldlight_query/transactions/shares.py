"""A batch is worked on for several requests: what of it is one transaction's."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property

from coldlight_query.cost.shares import share_of_records
from coldlight_query.transactions.picture import Picture
from coldlight_query.transactions.spans import Ref
from coldlight_query.transactions.stitching import Records, together


@dataclass(frozen=True)
class Share:
    """The places of a transaction's own records among all `records` of a batch."""

    records: int = 1
    own: tuple[int, ...] = (0,)

    def of(self, whole: Decimal) -> Decimal:
        return share_of_records(whole, self.records, self.own)


ALL = Share()


@dataclass(frozen=True)
class Shares:
    """Of the runs of one transaction."""

    picture: Picture

    def of(self, ref: Ref) -> Share:
        """What of the run that a member is in belongs to the transaction: all of it, unless it came by some records of a batch."""
        head = self.picture.run_of(ref)
        mine = self._entered.get(head)
        if mine is None:
            return ALL
        records = [each for each in self.picture.known.records(head) if not each.stands_alone]
        own = tuple(place for place, each in enumerate(records) if not each.entries.isdisjoint(mine))
        told = self.picture.members[head].record_count if head in self.picture.members else 0
        return Share(max(len(records), told), own) if own else ALL

    @cached_property
    def _entered(self) -> Mapping[Ref, Records]:
        """By which records each run was reached, all ways together; None for all of them."""
        picture, entered = self.picture, dict[Ref, Records]()
        ways = [(picture.transaction.root.ref, picture.transaction.root.records)]
        for edge in picture.transaction.edges:
            if edge.effect in picture.members and picture.run_of(edge.effect) != picture.run_of(edge.cause):
                ways.append((edge.effect, edge.records))
        for ref, records in ways:
            head = picture.run_of(ref)
            entered[head] = together(entered[head], records) if head in entered else records
        return entered
