"""A batch's cost, shared by its records."""

from collections.abc import Sequence
from decimal import Decimal

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
