"""Quantiles of measurements of which only buckets are known, whoever counted them and however their bounds lie."""

import math
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import accumulate


@dataclass(frozen=True)
class Bucket:
    """`count` measurements above `lower` and up to `upper`; either may be infinite."""

    lower: float
    upper: float
    count: float


@dataclass(frozen=True)
class Distribution:
    """How many measurements lie up to each of some places, and as if evenly between two of them.

    `below[i]` lie up to `places[i]`; where a place comes twice, that many more lie right at it.
    """

    places: Sequence[float]
    below: Sequence[float]

    def quantile(self, q: float) -> float | None:
        """The least value up to which `q` (of 1) of the measurements lie; None without any."""
        if not self.below or self.below[-1] <= 0:
            return None
        rank = q * self.below[-1]
        at = max(1, bisect_left(self.below, rank))
        lower, upper = self.places[at - 1], self.places[at]
        share = (rank - self.below[at - 1]) / ((self.below[at] - self.below[at - 1]) or 1)
        return min(max(lower + (upper - lower) * share, lower), upper)


def distribution_of(buckets: Iterable[Bucket]) -> Distribution:
    """Buckets are cut at the bounds of all others, so that those of different senders and scales can be merged.

    As Prometheus' `histogram_quantile` has it, the lowest bucket begins at 0 where its bound is above that; what lies beyond the
    last bound counts as lying at it. What is in a bucket without any bound could be anywhere, and is left out.
    """
    closed = [_closed(bucket) for bucket in buckets if bucket.count > 0 and _has_bound(bucket)]
    edges = sorted({edge for bucket in closed for edge in (bucket.lower, bucket.upper)})
    between, at = [0.0] * len(edges), [0.0] * len(edges)
    for bucket in closed:
        first, last = bisect_left(edges, bucket.lower), bisect_left(edges, bucket.upper)
        if first == last:
            at[first] += bucket.count
        for i in range(first, last):
            between[i + 1] += bucket.count * (edges[i + 1] - edges[i]) / (bucket.upper - bucket.lower)
    places = [edge for edge in edges for _ in range(2)]
    counts = [count for pair in zip(between, at, strict=True) for count in pair]
    return Distribution(places, list(accumulate(counts)))


def _has_bound(bucket: Bucket) -> bool:
    return math.isfinite(bucket.lower) or math.isfinite(bucket.upper)


def _closed(bucket: Bucket) -> Bucket:
    if math.isinf(bucket.upper):
        return Bucket(bucket.lower, bucket.lower, bucket.count)
    if math.isinf(bucket.lower):
        return Bucket(
            min(0.0, bucket.upper) if bucket.upper > 0 else bucket.upper, bucket.upper, bucket.count
        )
    return bucket
