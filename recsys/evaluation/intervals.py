"""How sure a figure is: intervals and covariances by resampling users.

A user's impressions and installs hang together, so users are what is drawn anew, never rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

LEVEL = 0.95
"""Of the intervals that are shown."""

_DRAWS_AT_ONCE = 2_000_000


@dataclass(frozen=True)
class Ratio:
    """A metric as what it is a ratio of: two sums over users."""

    above: Floats
    """`[num_users]`"""
    below: Floats
    """`[num_users]`. For users whom the metric leaves out, both are 0."""

    @staticmethod
    def mean(values: Floats) -> Ratio:
        """The mean of one value a user, over those who have one: a NaN is left out."""
        has_one = ~np.isnan(values)
        return Ratio(np.where(has_one, values, 0.0), has_one.astype(np.float64))

    @property
    def value(self) -> float:
        """The metric; NaN where nothing is below."""
        below = float(self.below.sum())
        return float(self.above.sum()) / below if below else float("nan")


def resampled(ratios: Sequence[Ratio], seed: int, num_resamples: int) -> Floats:
    """The metrics, all on the same users, of resamples of those, `[num_resamples, num_ratios]`
    (Efron & Tibshirani, 1993, chapters 6 and 13): each resample draws as many users as there are,
    with replacement, and is the same for every metric, so differences of metrics are paired.

    Users whom all metrics leave out are not drawn.
    """
    sums = np.stack([*(ratio.above for ratio in ratios), *(ratio.below for ratio in ratios)], 1)
    sums = sums[(sums != 0).any(axis=1)]
    size = len(sums)
    if not size:
        return np.full((num_resamples, len(ratios)), np.nan)
    random = np.random.default_rng(seed)
    at_once = max(1, _DRAWS_AT_ONCE // size)
    totals = []
    for start in range(0, num_resamples, at_once):
        num = min(at_once, num_resamples - start)
        draws = random.integers(size, size=(num, size)) + size * np.arange(num)[:, None]
        weights = np.bincount(draws.ravel(), minlength=num * size).reshape(num, size)
        totals.append(weights.astype(np.float64) @ sums)
    above, below = np.split(np.concatenate(totals), 2, axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        values: Floats = above / below
    return values


def interval(values: Floats, level: float = LEVEL) -> tuple[float, float]:
    """The percentile interval of resampled values; NaN where any of them is."""
    low, high = np.quantile(values, [(1 - level) / 2, (1 + level) / 2], method="inverted_cdf")
    return float(low), float(high)
