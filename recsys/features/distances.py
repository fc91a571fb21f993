"""How far apart two days' distributions of one feature are.

Categories are compared by the L-infinity distance: the largest change of one value's share. Numbers
are compared by the Jensen-Shannon divergence with logarithms to base 2, which lies in [0, 1].

Of numbers only figures are known: zeros, a histogram of ten buckets, quantiles, the least and the
greatest. Between these a distribution function is known within bounds only, so what is reported is
the least divergence that the bounds of both days allow: values that tie at the edge of a bucket, as
prices and positions do, raise no alarm, and whatever is reported is really there.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from recsys.features import statistics
from recsys.features.statistics import FeatureNameStatistics

QUANTILE_ERROR = 0.01
"""Rank error allowed to the quantiles in statistics, which are approximate."""
NUM_CELLS = 3
"""Cells that numbers are compared over: zeros, and the rest on both sides of a cut."""

Shares = NDArray[np.float64]


class Change(NamedTuple):
    """One category's share on two days."""

    value: str
    first: float
    second: float

    @property
    def size(self) -> float:
        """The absolute change."""
        return abs(self.second - self.first)


def changes(first: FeatureNameStatistics, second: FeatureNameStatistics) -> list[Change]:
    """How each category's share changed, the largest change first: its size is the L-infinity
    distance. Empty where a day has no values."""
    before, after = _shares(first), _shares(second)
    if not before or not after:
        return []
    values = {**before, **after}
    changed = [Change(value, before.get(value, 0.0), after.get(value, 0.0)) for value in values]
    return sorted(changed, key=lambda change: -change.size)


def _shares(feature: FeatureNameStatistics) -> dict[str, float]:
    total = statistics.common(feature).tot_num_values
    return {value: num / total for value, num in statistics.value_counts(feature).items()}


def jensen_shannon(first: Shares, second: Shares) -> Shares:
    """The Jensen-Shannon divergence, in bits, of distributions over the cells of the last axis."""
    middle = (first + second) / 2
    return (_divergence(first, middle) + _divergence(second, middle)) / 2


def _divergence(of: Shares, against: Shares) -> Shares:
    ratio = np.divide(of, against, out=np.ones_like(of), where=of > 0)
    divergence: Shares = (of * np.log2(ratio)).sum(axis=-1)
    return divergence


def least_jensen_shannon(first: FeatureNameStatistics, second: FeatureNameStatistics) -> float:
    """A lower bound on the Jensen-Shannon divergence of a number's distributions on two days.

    Both are cut into zeros, and what else lies on either side of a point; of all points the one
    that shows the largest divergence counts, since merging cells never adds any. How much lies
    below a point is taken to be as equal as both days' bounds allow.
    """
    one, other = _Bounds.of(first), _Bounds.of(second)
    points = np.unique(np.concatenate([one.points, other.points]))
    (low, high), (other_low, other_high) = one.at(points), other.at(points)
    here = np.clip(other_low, low, high)
    there = np.clip(here, other_low, other_high)
    found = jensen_shannon(_cells(one.zeros, here), _cells(other.zeros, there))
    return float(found.max(initial=0.0))


def _cells(zeros: float, below: Shares) -> Shares:
    """Shares of zeros, and of the rest below and above each point; `[num_points, NUM_CELLS]`."""
    rest = 1 - zeros
    return np.stack([np.full_like(below, zeros), rest * below, rest * (1 - below)], axis=-1)


_BEFORE, _THROUGH = 0, 1
"""At a value: the share of what is less than it, and of what is at most it. Pairs of value and side
are in the order in which a distribution function grows."""
_POINT = np.dtype([("value", np.float64), ("side", np.int8)])


class _Fact(NamedTuple):
    """What a figure says of the distribution function at a point."""

    value: float
    side: int
    least: float
    most: float


@dataclass(frozen=True)
class _Bounds:
    """What statistics say about a number's distribution."""

    zeros: float
    """Share of zeros."""
    points: NDArray[Any]
    """Where something is known of the distribution function of all but zeros; ascending."""
    low: Shares
    """The function is at least this at each point."""
    high: Shares
    """And at most this."""

    @staticmethod
    def of(feature: FeatureNameStatistics) -> _Bounds:
        """The bounds, from all figures together."""
        histogram = statistics.histogram(feature)
        num_values = sum(histogram.counts) if histogram else 0
        zeros = feature.num_stats.num_zeros / num_values if num_values else 0.0
        facts = sorted(_without_zeros(fact, zeros) for fact in _facts(feature)) if zeros < 1 else []
        low, high = ([getattr(fact, side) for fact in facts] for side in ("least", "most"))
        return _Bounds(
            zeros=zeros,
            points=np.array([(fact.value, fact.side) for fact in facts], _POINT),
            low=np.maximum.accumulate(np.array([0.0, *low])),
            high=np.minimum.accumulate(np.array([*high, 1.0])[::-1])[::-1],
        )

    def at(self, points: NDArray[Any]) -> tuple[Shares, Shares]:
        """The bounds at any points: those of the known ones around it."""
        num_known_before = np.searchsorted(self.points, points, side="right")
        next_known = np.searchsorted(self.points, points, side="left")
        return self.low[num_known_before], self.high[next_known]


def _facts(feature: FeatureNameStatistics) -> list[_Fact]:
    numbers, histogram = feature.num_stats, statistics.histogram(feature)
    if histogram is None:
        return []
    facts = [_Fact(numbers.min, _BEFORE, 0.0, 0.0), _Fact(numbers.max, _THROUGH, 1.0, 1.0)]
    before = np.cumsum(histogram.counts)[:-1] / sum(histogram.counts)
    for edge, share in zip(histogram.edges[1:-1], before.tolist(), strict=True):
        facts.append(_Fact(edge, _BEFORE, share, share))
    quantiles = statistics.quantiles(feature)
    for place, value in enumerate(quantiles[1:-1], start=1):
        share = place / (len(quantiles) - 1)
        facts.append(_Fact(value, _BEFORE, 0.0, share + QUANTILE_ERROR))
        facts.append(_Fact(value, _THROUGH, share - QUANTILE_ERROR, 1.0))
    return facts


def _without_zeros(fact: _Fact, zeros: float) -> _Fact:
    """The same said of all values but zeros."""
    counted = zeros if (fact.value, fact.side) >= (0.0, _THROUGH) else 0.0
    least, most = ((share - counted) / (1 - zeros) for share in (fact.least, fact.most))
    return _Fact(fact.value, fact.side, max(least, 0.0), min(most, 1.0))
