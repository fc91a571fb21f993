"""The primary metric on parts of the users, with the chance of being fooled by any of them kept."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from recsys.config import Metric
from recsys.evaluation.multiplicity import holm
from recsys.experiments.estimates import Estimate, estimate
from recsys.experiments.observed import Observed

MIN_USERS = 100
"""In each arm, below which a slice is not told apart: variances are of the sample itself."""


@dataclass(frozen=True)
class SliceEffect:
    """A treatment against the control on some users."""

    dimension: str
    value: str
    arm: str
    num_users: int
    """In both arms."""
    estimate: Estimate
    """Its intervals hold for all slices together (Bonferroni), its p-value for this one alone."""
    adjusted_p_value: float
    """May be held against alpha, however many slices there are (Holm)."""


def slice_effects(
    observed: Observed, metric: Metric, alpha: float, dimensions: Sequence[str], with_past: bool
) -> list[SliceEffect]:
    """Every treatment on every slice with `MIN_USERS` in each arm, by dimension and value."""
    parts = [
        (dimension, str(value), place)
        for dimension in dimensions
        for value in np.unique(observed.dimensions[dimension])
        for place in range(1, len(observed.arms))
        if _num_in_smaller_arm(observed, dimension, value, place) >= MIN_USERS
    ]
    level = 1 - alpha / max(len(parts), 1)
    found = []
    for dimension, value, place in parts:
        part = observed.where(observed.dimensions[dimension] == value)
        arm = observed.arms[place]
        effect = estimate(part, metric, arm, level, with_past) or estimate(part, metric, arm, level)
        assert effect is not None
        size = int(np.isin(part.arm, (0, place)).sum())
        found.append((dimension, value, arm, size, effect))
    adjusted = holm([effect.p_value for *_, effect in found])
    return [SliceEffect(*one, p_value) for one, p_value in zip(found, adjusted, strict=True)]


def _num_in_smaller_arm(observed: Observed, dimension: str, value: str, place: int) -> int:
    arms = observed.arm[observed.dimensions[dimension] == value]
    return min(int((arms == 0).sum()), int((arms == place).sum()))
