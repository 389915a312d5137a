"""A batch's cost, shared by its records."""

from collections.abc import Iterable, Sequence
from decimal import Decimal

from coldlight_query.cost.pricing import exact_sum
from coldlight_query.cost.usage import EXACT

_DECIMALS = 12
"""A share has no more of them than this, unless the whole has."""


def shared(whole: Decimal, weights: Sequence[int]) -> list[Decimal]:
    """The whole in shares that add up to it, to the last digit.

    `weights` says how much each bears: 1 for every record, say. Without any weight, all bear the same. What cannot be
    divided goes to those whose share was cut most, the first of equals first (the largest remainder's method).
    Raises ValueError for a negative weight.
    """
    if not weights:
        return []
    if any(weight < 0 for weight in weights):
        raise ValueError("a share cannot be less than nothing")
    bearing = list(weights) if any(weights) else [1] * len(weights)
    decimals = max(_DECIMALS, -int(whole.as_tuple().exponent))
    units, total = int(EXACT.scaleb(whole, decimals)), sum(bearing)
    shares = [units * weight // total for weight in bearing]
    cut_most_first = sorted(range(len(bearing)), key=lambda place: -(units * bearing[place] % total))
    for place in cut_most_first[: units - sum(shares)]:
        shares[place] += 1
    return [EXACT.scaleb(Decimal(share), -decimals) for share in shares]


def share_of_records(whole: Decimal, records: int, own: Iterable[int]) -> Decimal:
    """What a batch's whole costs those who caused the records at the places `own`, of `records` in all.

    Those of all who share the batch add up to the whole, as long as each record is somebody's and nobody's twice.
    """
    shares = shared(whole, [1] * records)
    return exact_sum(shares[place] for place in own)
